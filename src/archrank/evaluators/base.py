"""The Evaluator contract: gives the truth about architectures, or a cheap copy of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from archrank.errors import EvaluationError
from archrank.types import Archs, Bools, Floats

if TYPE_CHECKING:
    from typing_extensions import Self

    from archrank.spaces.base import Space


@dataclass(frozen=True)
class Metric:
    """A measured quantity: its name, which way is better, and its unit."""

    name: str
    direction: Literal["maximize", "minimize"] = "maximize"
    unit: str = ""  # "fraction", "percent", "ms", "s"; empty for counts


class Evaluations(dict[str, Floats]):
    """``{metric: (n,)}``; a failed architecture is NaN and says why in :attr:`reasons`."""

    def __init__(
        self, values: Mapping[str, Floats], reasons: list[str | None] | None = None
    ) -> None:
        super().__init__({k: np.asarray(v, dtype=np.float64) for k, v in values.items()})
        n = len(next(iter(self.values()))) if self else 0
        self.reasons: list[str | None] = reasons if reasons is not None else [None] * n


class Evaluator(ABC):
    """Measures architectures.

    One architecture's failure is NaN with a reason, never an exception: a run goes on. The result
    of an architecture does not depend on what else is evaluated with it. Evaluators are picklable
    and light, so that worker processes can receive them.
    """

    metrics: tuple[Metric, ...]
    immediate: bool = False  # answers at once, so strategies may filter candidates by it
    together: int = 1  # architectures that are best evaluated in one call, where there are many
    _space: Space | None = None

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

    def bind(self, space: Space, *, seed: int = 0) -> Self:
        """Return a copy that evaluates architectures of ``space``; a Study does this for you."""
        bound = copy(self)
        bound._space = space
        return bound

    @abstractmethod
    def evaluate(self, archs: Archs) -> Evaluations:
        """Measure ``archs: (n, d)``: ``(n,)`` values per metric, NaN with a reason if failed."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """What must agree for two runs to measure the same thing; JSON values."""

    def covers(self, archs: Archs) -> Bools:
        """Which architectures can be evaluated at all, ``(n,)``; a table may hold a part only."""
        return np.ones(len(archs), dtype=bool)

    @property
    def capacity(self) -> int:
        """How many architectures can be evaluated."""
        return self.space.size

    def immediate_part(self) -> Evaluator | None:
        """What of this evaluator answers at once, if anything does."""
        return self if self.immediate else None
