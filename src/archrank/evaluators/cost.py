"""Costs that follow from a network's shape alone: multiply-accumulates and parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from archrank.checks import instance
from archrank.errors import FAILURES, ArchrankError, BuildError, describe
from archrank.evaluators.base import Evaluations, Evaluator
from archrank.metrics import Metric
from archrank.types import Archs

if TYPE_CHECKING:
    from typing_extensions import Self

    from archrank.spaces.base import Space
    from archrank.tasks.base import Task


class Cost(Evaluator):
    """Counts MACs and trainable parameters; both are minimised.

    Args:
        task: the task whose networks are counted; ``None`` takes that of the evaluators that it is
            combined with.

    Example:
        >>> import numpy as np
        >>> from archrank.spaces import NASBench201
        >>> space = NASBench201()
        >>> skip = np.ones((1, 6), dtype=np.uint8)
        >>> Cost().bind(space).evaluate(skip)["macs"].tolist()
        [7783040.0]
    """

    metrics = (Metric("macs", "minimize"), Metric("params", "minimize"))
    cheap = True

    def __init__(self, task: Task | None = None) -> None:
        from archrank.tasks.base import Task

        if task is not None:
            instance(task, Task, "Cost: task", "such as tasks.Digits()")
        self.task = task

    def bind(self, space: Space, *, task: Task | None = None, seed: int = 0) -> Self:
        """Return a copy that counts networks of ``space``, for its own task or else ``task``.

        Without any task it counts the published networks.

        Raises:
            SpaceError: the task does not suit, or there is none and nothing was published.
        """
        task = self.task or task
        bound = super().bind(space, task=task, seed=seed)
        bound._networks = space.networks(task)
        return bound

    def evaluate(self, archs: Archs) -> Evaluations:
        """Count ``archs: (n, d)``.

        Raises:
            ArchrankError: nothing can be counted, e.g. because a package is missing. Failures of a
                user's function on one architecture are NaN with a reason.
        """
        names = [m.name for m in self.metrics]
        try:
            counts = self.networks.cost(archs)
            return Evaluations({name: counts[name] for name in names})
        except FAILURES as error:
            if isinstance(error, ArchrankError) and not isinstance(error, BuildError):
                raise
            return self._one_by_one(archs, names)

    def _one_by_one(self, archs: Archs, names: list[str]) -> Evaluations:
        """Count each of ``archs: (n, d)`` by itself, to tell for which a user's build fails."""
        values = {name: np.full(len(archs), np.nan) for name in names}
        reasons: list[str | None] = [None] * len(archs)
        for i in range(len(archs)):
            try:
                counts = self.networks.cost(archs[i : i + 1])
                for name in names:
                    values[name][i] = counts[name][0]
            except FAILURES as error:  # noqa: PERF203  # most of the time is the network's
                if isinstance(error, ArchrankError) and not isinstance(error, BuildError):
                    raise
                reasons[i] = describe(error)
        return Evaluations(values, reasons)

    def conditions(self) -> dict[str, str]:
        """Return the name of its own task, if it has one."""
        return {} if self.task is None else {"task": self.task.name}

    def describe(self) -> dict[str, Any]:
        """Return the kind, and its own task, if it has one: costs follow from the space."""
        own = {} if self.task is None else {"task": self.task.identity()}
        return {"evaluator": "cost", **own}
