"""Base class of evaluators that time networks one by one."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from archrank.evaluators.base import Evaluations, Evaluator
from archrank.metrics import Metric
from archrank.types import Archs

if TYPE_CHECKING:
    from typing_extensions import Self

    from archrank.spaces.base import Space
    from archrank.tasks.base import Task


class Timed(Protocol):
    """Latency of one network in milliseconds, and its spread as a fraction of it."""

    @property
    def ms(self) -> float:
        """Milliseconds."""

    @property
    def spread(self) -> float:
        """Standard deviation over the mean."""


class TimedNetworks(Evaluator):
    """Times the networks of a task one after the other.

    Attributes:
        task: Tells the shape of the inputs, which are made up.
        waiting: Called where others have to end before a network is timed.
    """

    metrics = (
        Metric("latency_ms", "minimize", "ms"),
        Metric("latency_spread", "minimize", "fraction"),
    )
    stage = 2
    task: Task

    def __init__(self, task: Task, waiting: Callable[[], object] | None) -> None:
        self.task = task
        self.waiting = waiting if waiting is not None else _nobody

    def bind(self, space: Space, *, task: Task | None = None, seed: int = 0) -> Self:
        """Return a copy for ``space``."""
        bound = super().bind(space, task=self.task, seed=seed)
        bound._networks = space.networks(self.task)
        return bound

    def evaluate(self, archs: Archs) -> Evaluations:
        """Time each of ``archs: (n, d)``, one after the other.

        Raises:
            EvaluationError: nothing can be timed at all, such as with a command that is missing.
        """
        rows = self.space.validate(archs)
        values = np.full((len(rows), 2), np.nan)  # latency, spread
        reasons: list[str | None] = [None] * len(rows)
        for i, arch in enumerate(rows):
            found = self.time(arch)
            if isinstance(found, str):
                reasons[i] = found
            else:
                values[i] = found.ms, found.spread
        names = [metric.name for metric in self.metrics]
        return Evaluations(dict(zip(names, values.T, strict=True)), reasons)

    @abstractmethod
    def time(self, arch: NDArray[np.uint8]) -> Timed | str:
        """Time the network of ``arch: (d,)``; return the reason where that fails."""


def _nobody() -> None:
    """Tell nobody; evaluators are sent to workers, where a lambda cannot go."""
