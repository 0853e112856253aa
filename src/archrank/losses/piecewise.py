"""Losses that change in the course of a training, or with the number of labels."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from archrank.errors import LabelError
from archrank.losses.checks import Loss
from archrank.losses.listwise import list_mle
from archrank.losses.pairwise import hinge
from archrank.losses.top_heavy import mape, warp


@dataclass(frozen=True)
class Progress:
    """Moment of a training.

    Attributes:
        epoch: Number of epochs that are done.
        epochs: Number of epochs in all.
        labels: Number of labels that are learnt.
    """

    epoch: int
    epochs: int
    labels: int


@dataclass(frozen=True)
class Piecewise:
    """One loss first, to warm up, and then another.

    Ji et al. (ICCV 2025, section 4.3) train the predictors of a search with a ranking loss while
    labels are few, and with a top-heavy one from some number of labels on: ``labels``. With
    ``share`` the change comes within each training.

    It is a setting and has no state: :meth:`at` tells the loss of any moment, so trainings can be
    stopped, cloned and repeated. Called as a loss, it is the second one.

    Args:
        first: The loss of the warm-up; may be piecewise itself.
        then: The loss after it.
        labels: Trainings on so many labels or fewer have the first loss alone, all others the
            second.
        share: Part of each training's epochs with the first loss, between 0 and 1.

    Raises:
        LabelError: Not one of ``labels`` and ``share``, or one out of its range.

    Example:
        >>> loss = Piecewise(hinge, mape, share=0.5)
        >>> [loss.at(Progress(epoch, 4, labels=20)).__name__ for epoch in range(4)]
        ['hinge', 'hinge', 'mape', 'mape']
    """

    first: Loss
    then: Loss
    labels: int | None = None
    share: float | None = None

    def __post_init__(self) -> None:
        if (self.labels is None) == (self.share is None):
            raise LabelError(
                f"a piecewise loss changes by labels or by share, got labels={self.labels} and "
                f"share={self.share}; give one of them"
            )
        if self.labels is not None and self.labels < 1:
            raise LabelError(f"labels of a piecewise loss must be at least 1, got {self.labels}")
        if self.share is not None and not 0 < self.share < 1:
            raise LabelError(f"share of a piecewise loss must be between 0 and 1, got {self.share}")

    def __call__(self, scores: Tensor, targets: Tensor) -> Tensor:
        """Compute the second loss."""
        return self.then(scores, targets)

    def at(self, progress: Progress) -> Loss:
        """Return the loss of a moment."""
        if self.labels is not None:
            warm = progress.labels <= self.labels
        else:
            assert self.share is not None
            warm = progress.epoch < round(self.share * progress.epochs)
        return loss_at(self.first if warm else self.then, progress)


def loss_at(loss: Loss, progress: Progress) -> Loss:
    """Return the loss of a moment: a stage of a piecewise loss, any other loss as it is."""
    return loss.at(progress) if isinstance(loss, Piecewise) else loss


hinge_mape = Piecewise(hinge, mape, share=0.5)
hinge_warp = Piecewise(hinge, warp, share=0.5)
list_mle_warp = Piecewise(list_mle, warp, share=0.5)
