"""The Evaluator contract: measures architectures, truly or approximately."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from copy import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from archrank.checks import instance
from archrank.errors import EvaluationError
from archrank.metrics import Metric
from archrank.types import Archs, Bools, Floats

if TYPE_CHECKING:
    from typing_extensions import Self

    from archrank.spaces.base import Space
    from archrank.spaces.networks import Networks
    from archrank.tasks.base import Task


class Evaluations(dict[str, Floats]):
    """``{metric: (n,)}``; a failed architecture is NaN and says why in :attr:`reasons`."""

    def __init__(
        self, values: Mapping[str, Floats], reasons: list[str | None] | None = None
    ) -> None:
        instance(values, Mapping, "Evaluations: values", "write {metric: numbers}")
        super().__init__({k: np.asarray(v, dtype=np.float64) for k, v in values.items()})
        n = len(next(iter(self.values()))) if self else 0
        self.reasons: list[str | None] = reasons if reasons is not None else [None] * n


class Evaluator(ABC):
    """Measures architectures.

    One architecture's failure is NaN with a reason, never an exception: a run goes on. The result
    of an architecture does not depend on what else is evaluated with it. Evaluators are picklable
    and light, so that worker processes can receive them.

    Attributes:
        metrics: the quantities that are measured; their names differ.
        cheap: whether measuring costs next to nothing, so that a constraint on a metric keeps
            candidates from being proposed at all.
        stage: what is measured first where limits are to spare the rest: 1 look-ups and scores of
            untrained networks, 2 latency, 3 trainings and functions. See
            :mod:`archrank.study.stages`.
        group_size: number of architectures that are best evaluated in one call.
        task: the task that networks are built for; ``None`` where none are, or where it is that of
            other evaluators.
    """

    metrics: tuple[Metric, ...]
    cheap: bool = False
    stage: int = 3
    group_size: int = 1
    task: Task | None = None
    _space: Space | None = None
    _networks: Networks | None = None

    @property
    def space(self) -> Space:
        """The space whose architectures are evaluated.

        Raises:
            EvaluationError: not bound to a space yet.
        """
        if self._space is None:
            raise EvaluationError(
                f"{type(self).__name__} does not know its space yet; use evaluator.bind(space)"
            )
        return self._space

    @property
    def networks(self) -> Networks:
        """The networks that are measured, of evaluators that build or count some.

        Raises:
            EvaluationError: not bound to a space yet.
        """
        if self._networks is None:
            raise EvaluationError(
                f"{type(self).__name__} does not know its networks yet; use evaluator.bind(space)"
            )
        return self._networks

    def bind(self, space: Space, *, task: Task | None = None, seed: int = 0) -> Self:
        """Return a copy that evaluates architectures of ``space``; a Study does this for you.

        Args:
            space: of the architectures.
            task: what networks are built for, if the evaluator has no task of its own.
            seed: of everything that is random.
        """
        bound = copy(self)
        bound._space = space
        return bound

    @abstractmethod
    def evaluate(self, archs: Archs) -> Evaluations:
        """Measure ``archs: (n, d)``: ``(n,)`` values per metric, NaN with a reason if failed."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Return the settings that must agree for two runs to measure the same; JSON values."""

    def available(self, archs: Archs) -> Bools:
        """Tell which of ``archs: (n, d)`` can be evaluated: ``(n,)``; a table may hold a part."""
        return np.ones(len(archs), dtype=bool)

    def listed(self) -> Archs | None:
        """List what can be evaluated: ``(k, d)``; ``None`` if that is any architecture."""
        return None

    @property
    def capacity(self) -> int:
        """Number of architectures that can be evaluated."""
        return self.space.size

    def parts(self) -> tuple[Evaluator, ...]:
        """Return the evaluators that this one consists of; itself alone unless it combines some.

        Together they have its metrics, under the same names and in the same order.
        """
        return (self,)

    @property
    def unscoped(self) -> Evaluator:
        """This evaluator without the scope that a combination gave to its metrics."""
        return self

    def careful(self) -> Evaluator | None:
        """Return what measures the same more carefully, for what a run finds best; bound as this.

        ``None``, the default, where measuring again tells nothing new.
        """
        return None

    def again(self, repetition: int) -> Evaluator | None:
        """Return what measures the same by trainings with other seeds; bound as this.

        ``None``, the default, where measuring again tells nothing new, as of costs, or where there
        are no further seeds, as in a table.

        Args:
            repetition: 1 or more; each number has seeds of its own.
        """
        return None

    def contents(self) -> dict[str, str]:
        """Return digests of the data that this evaluator reads, by name; none by default.

        Data may grow without making another run; what has changed is told when one is continued.
        """
        return {}

    def conditions(self) -> dict[str, str]:
        """Return the circumstances of measuring by kind, such as ``{"device": "cpu"}``.

        Of two evaluators with the same metrics, a combination names the metrics after the first
        kind of circumstance in which they differ.
        """
        return {}
