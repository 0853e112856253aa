"""Classification: one of several classes for each example."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archrank.metrics import Metric
from archrank.tasks.base import Task

if TYPE_CHECKING:
    from torch import Tensor

    from archrank.tasks.meters import Meter


@dataclass(frozen=True)
class Classification(Task):
    """Classification with cross entropy, measured by accuracy.

    Inputs are of any kind; targets are class numbers ``(b,)``, int64. Networks return one number
    per class, ``(b, classes)``.

    Attributes:
        n_classes: Number of classes.
    """

    n_classes = 10  # no field, unless a subclass makes it one
    metrics = (Metric("accuracy", "maximize", "fraction"),)

    @property
    def n_outputs(self) -> int:
        """The number of classes."""
        return self.n_classes

    @property
    def is_cross_entropy(self) -> bool:
        """True unless a subclass has a loss of its own."""
        return type(self).loss is Classification.loss

    def loss(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Return the mean cross entropy: ``outputs`` (b, classes), ``y`` (b,) -> scalar."""
        from torch.nn.functional import cross_entropy

        return cross_entropy(outputs, y, label_smoothing=self.recipe.label_smoothing)

    def measure(self, outputs: Tensor, y: Tensor) -> Mapping[str, Tensor | float]:
        """Return the accuracy: ``outputs`` (b, classes), ``y`` (b,)."""
        return {"accuracy": (outputs.argmax(1) == y).double().mean()}

    def meter(self) -> Meter:
        """Return a meter that keeps every example's loss, or averages a loss of your own."""
        from archrank.tasks.meters import PerExample

        if self.is_cross_entropy and type(self).measure is Classification.measure:
            return PerExample(self.recipe.label_smoothing)
        return super().meter()
