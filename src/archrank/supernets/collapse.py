"""Collapse of a training: a loss that rises back to that of guessing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from archrank.tasks.base import Task

LEARNT = 0.1  # part of the loss of guessing by which it must have fallen before it can collapse
ALL = 0.9  # part of what was learnt whose loss is a collapse
HALF = 0.5  # part whose loss must be beyond doubt; a state that lost more is no good checkpoint
ERRORS = 3.0  # standard errors that leave no doubt


class Guard:
    """Tells from the losses of epochs how much of what was learnt is lost.

    Trainings of supernets have been reported to fall to the accuracy of guessing in the middle of
    a run, with a loss that stays finite. The loss of guessing is that of the best constant answer,
    the entropy of the classes, where the task's loss is a cross entropy; elsewhere it is the loss
    of the first epoch. Losses of few updates depend on the architectures that were drawn, so a
    collapse must be larger than their standard error explains.

    Args:
        task: with the label smoothing of the training.
        y: targets of the training data.
    """

    def __init__(self, task: Task, y: Tensor) -> None:
        self.guessing = loss_of_guessing(task, y)

    def lost(self, losses: Sequence[float]) -> float:
        """Return the part of what was learnt before that the last epoch lost; 0 if it was little.

        Args:
            losses: mean loss of every epoch.
        """
        if len(losses) < 2:
            return 0.0
        start, best = self._start(losses), min(losses[:-1])
        if start - best < LEARNT * abs(start):
            return 0.0
        return max(0.0, (losses[-1] - best) / (start - best))

    def collapse(self, losses: Sequence[float], error: float) -> str:
        """Return a text that tells that the last epoch was a collapse; empty if it was none.

        Args:
            losses: mean loss of every epoch.
            error: standard error of the last one.
        """
        surely = self.lost([*losses[:-1], losses[-1] - ERRORS * error])
        if self.lost(losses) < ALL or surely < HALF:
            return ""
        known = math.isfinite(self.guessing)
        like = "by guessing" if known else "in the first epoch"
        return (
            f"the training loss rose to {losses[-1]:.4g}, as high as {like} "
            f"({self._start(losses):.4g}), after {min(losses[:-1]):.4g}"
        )

    def _start(self, losses: Sequence[float]) -> float:
        return self.guessing if math.isfinite(self.guessing) else losses[0]


def loss_of_guessing(task: Task, y: Tensor) -> float:
    """Return the training loss of the best constant answer; infinite if nobody knows it.

    Args:
        task: whose label smoothing counts.
        y: classes of the training examples, ``(n,)``.
    """
    if not task.is_cross_entropy:
        return math.inf
    counts = torch.bincount(y.flatten().cpu(), minlength=task.n_outputs).double()
    smoothing = task.recipe.label_smoothing
    shares = (1 - smoothing) * counts / counts.sum() + smoothing / len(counts)
    return float(torch.special.entr(shares).sum())


def standard_error(losses: Tensor) -> float:
    """Return the standard error of the mean of some losses ``(n,)``; 0 of a single one."""
    if len(losses) < 2:
        return 0.0
    return float(losses.double().std() / math.sqrt(len(losses)))
