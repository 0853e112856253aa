"""Meters: loss and metrics of a split, accumulated batch by batch."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from archrank.tasks.base import Task


class Meter(ABC):
    """The loss and the metrics of a split of which one batch is seen at a time.

    The result does not depend on how a split is cut into batches, rounding of sums aside. Nothing
    waits for the device before :meth:`compute`.
    """

    @abstractmethod
    def update(self, outputs: Tensor, y: Tensor) -> None:
        """Add a batch: a network's outputs ``(b, ...)`` and the targets ``(b, ...)``."""

    @abstractmethod
    def compute(self) -> dict[str, float]:
        """Return ``"loss"`` and every metric of the task by name; NaN if nothing was added."""


class Averages(Meter):
    """Means of a task's loss and of what its ``measure`` returns, weighted by its ``count``."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self._sums: dict[str, Tensor | float] = {}
        self._count: Tensor | float = 0.0

    def update(self, outputs: Tensor, y: Tensor) -> None:
        """Add the loss and the metrics of a batch; sums are float64."""
        import torch

        count = self.task.count(y)
        measured = {"loss": self.task.loss(outputs, y), **self.task.measure(outputs, y)}
        for name, value in measured.items():
            total = torch.as_tensor(value).detach().double() * count
            self._sums[name] = self._sums.get(name, 0.0) + total
        self._count = self._count + count

    def compute(self) -> dict[str, float]:
        """Return the weighted means."""
        count = float(self._count)
        if not count:
            return dict.fromkeys(("loss", *(m.name for m in self.task.metrics)), math.nan)
        return {name: float(total) / count for name, total in self._sums.items()}


class PerExample(Meter):
    """Cross entropy and hits of a classifier, kept for every example.

    The means are those of the whole split at once, bit for bit: nothing is left of the batches.

    Args:
        label_smoothing: Of the cross entropy.
    """

    def __init__(self, label_smoothing: float = 0.0) -> None:
        self.label_smoothing = label_smoothing
        self._losses: list[Tensor] = []
        self._hits: list[Tensor] = []

    def update(self, outputs: Tensor, y: Tensor) -> None:
        """Add a batch: ``outputs`` (b, classes, ...), ``y`` (b, ...)."""
        from torch.nn.functional import cross_entropy

        losses = cross_entropy(
            outputs, y, reduction="none", label_smoothing=self.label_smoothing
        )  # (b, ...)
        self._losses.append(losses.detach().flatten())
        self._hits.append((outputs.argmax(1) == y).flatten())

    @property
    def losses(self) -> Tensor:
        """The loss of every target so far, ``(n,)``."""
        import torch

        return torch.cat(self._losses)

    @property
    def hits(self) -> Tensor:
        """True for every target that was predicted, ``(n,)``."""
        import torch

        return torch.cat(self._hits)

    def compute(self) -> dict[str, float]:
        """Return the mean loss and the accuracy."""
        if not self._losses:
            return {"loss": math.nan, "accuracy": math.nan}
        from torch.nn.functional import nll_loss

        losses = self.losses
        # summed in the order of cross_entropy's own mean; another order rounds differently
        mean = nll_loss(-losses[:, None], losses.new_zeros(len(losses)).long())
        return {"loss": float(mean), "accuracy": float(self.hits.double().mean())}
