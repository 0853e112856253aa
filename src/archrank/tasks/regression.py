"""Regression: one number, or several, for each example."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archrank.metrics import Metric
from archrank.tasks.base import Task
from archrank.tasks.meters import Averages

if TYPE_CHECKING:
    from torch import Tensor

    from archrank.tasks.meters import Meter


@dataclass(frozen=True)
class Regression(Task):
    """Regression with the mean squared error.

    Inputs are of any kind; targets are ``(b,)`` or ``(b, targets)`` floats. Networks return as many
    numbers per example; for targets ``(b,)`` outputs ``(b, 1)`` do as well.

    Attributes:
        n_targets: Numbers per example.
    """

    n_targets = 1  # no field, unless a subclass makes it one
    name = "regression"
    metrics = (Metric("rmse", "minimize"), Metric("mae", "minimize"), Metric("r2"))

    @property
    def n_outputs(self) -> int:
        """The number of targets per example."""
        return self.n_targets

    def loss(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Return the mean squared error over examples and targets."""
        from torch.nn.functional import mse_loss

        return mse_loss(as_targets(outputs, y), y)

    def meter(self) -> Meter:
        """Return a meter of the loss, the root mean squared and mean absolute error, and R2."""
        return RegressionMeter(self)


class RegressionMeter(Averages):
    """Errors of predictions, and how much of the targets' variance they explain.

    R2 is ``1 - sum of squared errors / sum of squared deviations from the mean target``, averaged
    over targets; NaN where a target is constant. Deviations are merged batch by batch in float64
    (Chan, Golub and LeVeque, 1979), so that large means cost no digits.

    Args:
        task: Its loss is averaged.
        unit: Of the targets, one number for each: errors are multiplied by it, so that they are in
            the unit which the targets had before they were scaled.
    """

    def __init__(self, task: Task, unit: Sequence[float] = (1.0,)) -> None:
        super().__init__(task)
        self.unit = unit
        self._n = 0
        self._moments: tuple[Tensor, Tensor] | None = None  # means, squared deviations; (k,) each
        self._errors: tuple[Tensor, Tensor] | None = None  # sums of |error|, error^2; (k,) each

    def update(self, outputs: Tensor, y: Tensor) -> None:
        """Add a batch: ``outputs`` and ``y`` (b,) or (b, targets)."""
        super().update(outputs, y)
        targets = y.detach().double().reshape(len(y), -1)  # (b, k)
        error = as_targets(outputs, y).detach().double().reshape(len(y), -1) - targets
        added = error.abs().sum(0), error.square().sum(0)
        mean = targets.mean(0)
        squares = (targets - mean).square().sum(0)
        if self._errors is None or self._moments is None:
            self._errors, self._moments = added, (mean, squares)
        else:
            n, b = self._n, len(y)
            before, total = self._moments
            step = mean - before
            merged = total + squares + step.square() * (n * b / (n + b))
            self._moments = before + step * (b / (n + b)), merged
            self._errors = self._errors[0] + added[0], self._errors[1] + added[1]
        self._n += len(y)

    def compute(self) -> dict[str, float]:
        """Return ``loss``, ``rmse``, ``mae`` and ``r2``."""
        if self._errors is None or self._moments is None:
            return dict.fromkeys(("loss", "rmse", "mae", "r2"), math.nan)
        absolute, squared = self._errors
        r2 = (1 - squared / self._moments[1]).mean()
        unit = absolute.new_tensor(self.unit)
        absolute, squared = absolute * unit, squared * unit.square()
        return {
            **super().compute(),
            "rmse": math.sqrt(float(squared.mean()) / self._n),
            "mae": float(absolute.mean()) / self._n,
            "r2": float(r2) if math.isfinite(float(r2)) else math.nan,
        }


def as_targets(outputs: Tensor, y: Tensor) -> Tensor:
    """Return ``outputs`` in the shape of ``y``; only an axis of length one may differ.

    Raises:
        ValueError: The shapes differ otherwise; subtracting them would broadcast.
    """
    if outputs.shape == y.shape:
        return outputs
    if outputs.squeeze(-1).shape == y.squeeze(-1).shape:
        return outputs.reshape(y.shape)
    raise ValueError(
        f"the network returns {tuple(outputs.shape)} for targets of shape {tuple(y.shape)}"
    )
