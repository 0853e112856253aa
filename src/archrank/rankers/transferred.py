"""A ranker with the help of another space: its own predictions and transferred ones together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone

from archrank.rankers.across_spaces import AcrossSpaces
from archrank.rankers.base import Ranker
from archrank.rankers.kit.targets import normal_scores
from archrank.types import Archs, Floats

if TYPE_CHECKING:
    from typing_extensions import Self

    from archrank.spaces.base import Space

EXPECTED = 0.5  # weight of transferred scores before any label
WORTH = 8.0  # labels that this expectation is worth
OWN = 0.8  # weight of the ranker's own predictions
REFERENCE = 1024  # architectures that set the scale of its own predictions


class Transferred(Ranker):
    """Any ranker of a space, added to what another space teaches (:class:`.AcrossSpaces`).

    Both have unit variance over the space. The transferred scores weigh as much as they explain of
    the labels by linear regression, shrunk to a half, and the ranker's own predictions 0.8. Adding
    them is better on the tables at hand than to give transferred scores to the ranker as a weak
    label, and than to learn what they leave unexplained.

    Args:
        space: Space of the architectures.
        across: Fitted to another space.
        ranker: Ranker of ``space``; ``None``: the default one.
        seed: Seed of the ranker.

    Attributes:
        weight_: Weight of the transferred scores.
    """

    def __init__(
        self, space: Space, across: AcrossSpaces, ranker: Ranker | None = None, seed: int = 0
    ) -> None:
        self.space = space
        self.across = across
        self.ranker = ranker
        self.seed = seed

    @property
    def has_std(self) -> bool:  # type: ignore[override]  # as the ranker
        """True if the ranker predicts standard deviations."""
        return self._base().has_std

    @property
    def min_labels(self) -> int:  # type: ignore[override]  # as the ranker
        """Labels that the ranker needs."""
        return self._base().min_labels

    @property
    def can_pretrain(self) -> bool:
        """True if the ranker can be pretrained."""
        return self._base().can_pretrain

    def pretrain(self, archs: NDArray[np.generic], weak_labels: Mapping[str, ArrayLike]) -> Self:
        """Pretrain the ranker of the space; see :meth:`.Ranker.pretrain`."""
        self.pretrained_own_: Ranker = clone(self._base()).pretrain(archs, weak_labels)
        return self

    def _base(self) -> Ranker:
        """Return the ranker of the space, not fitted; pretrained if :meth:`pretrain` was called."""
        from archrank.rankers.gaussian_process import GaussianProcess

        if hasattr(self, "pretrained_own_"):
            return self.pretrained_own_
        return GaussianProcess(self.space) if self.ranker is None else self.ranker

    def _fit(self, archs: Archs, scores: Floats) -> None:
        own: Ranker = clone(self._base()).set_params(seed=self.seed)
        self.own_ = own.fit(archs, scores)
        sample = self.space.sample(REFERENCE, rng=np.random.default_rng(0))
        predicted = own.predict(sample)
        self.centre_ = float(predicted.mean()), float(predicted.std()) or 1.0
        z, y = self.across.learnt(self.space, archs), normal_scores(scores)
        self.weight_ = float((z @ y + EXPECTED * WORTH) / (z @ z + WORTH))

    def _predict(self, archs: Archs, return_std: bool) -> tuple[Floats, Floats | None]:
        mean, spread = self.centre_
        transferred = self.weight_ * self.across.learnt(self.space, archs)
        if not return_std:
            return OWN * (self.own_.predict(archs) - mean) / spread + transferred, None
        own, std = self.own_.predict(archs, return_std=True)
        return OWN * (own - mean) / spread + transferred, OWN * std / spread
