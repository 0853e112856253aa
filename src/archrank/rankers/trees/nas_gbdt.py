"""NAS-GBDT: gradient boosting by squared error on one-hot choices.

Luo et al., "Accuracy Prediction with Non-neural Model for Neural Architecture Search", 2020,
section 3.1, and its released code: LightGBM regression, 31 leaves, learning rate 0.05, 90 % of the
features per tree, bags of 80 % drawn every 5 rounds, 100 rounds, on 0/1 features.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archrank.errors import LabelError
from archrank.rankers.kit.encoding import Encoding, encode
from archrank.rankers.trees.gbdt import GBDT
from archrank.types import Archs, Floats

if TYPE_CHECKING:
    from archrank.spaces.base import Space

DROPPED_BELOW = 0.85  # validation accuracy
MEAN, SD = 0.908192, 0.023961  # of NAS-Bench-101's validation accuracies
MIN_LEAF = 20  # LightGBM's default, which the released code keeps


class NASGBDT(GBDT):
    """:class:`GBDT` with the settings and the labels of NAS-GBDT.

    Three habits of the released code are left out by default, and used with ``published``: it
    standardises labels by the mean and standard deviation of all of NAS-Bench-101, which a search
    cannot know; it ignores architectures with an accuracy below 0.85, although they have been
    evaluated; and it keeps at least 20 labels per leaf, so that nothing can be learnt from fewer
    than 40. By default, labels are standardised by their own mean and standard deviation, all are
    used, and a leaf holds at least ``max(1, min(5, n // 8))``.

    Args:
        space: The space of the architectures.
        encoding: ``one_hot`` choices, as published; the space's ``features``; or ``ordinal``
            indices of the chosen options.
        published: Treat labels like the released code. They must be fractions in [0, 1].
        rounds: Number of trees.
        threads: Threads of LightGBM; results do not depend on it.
        seed: Seed of bags and feature subsets.

    Example:
        >>> import numpy as np
        >>> from archrank.spaces import NASBench201
        >>> space = NASBench201()
        >>> archs = space.sample(50, rng=np.random.default_rng(0))
        >>> NASGBDT(space).fit(archs, space.cost(archs)["macs"]).predict(archs[:3]).shape
        (3,)
    """

    def __init__(
        self,
        space: Space,
        *,
        encoding: Encoding = "one_hot",
        published: bool = False,
        rounds: int = 100,
        threads: int = 1,
        seed: int = 0,
    ) -> None:
        super().__init__(space, "regression", rounds=rounds, threads=threads, seed=seed)
        self.encoding = encoding
        self.published = published

    def _inputs(self, archs: Archs) -> NDArray[np.float32]:
        return encode(self.space, archs, self.encoding)

    def _settings(self, n: int) -> tuple[dict[str, Any], int]:
        params, rounds = super()._settings(n)
        if self.published:
            params["min_data_in_leaf"] = MIN_LEAF
        return params, rounds

    def _fit(self, archs: Archs, scores: Floats) -> None:
        if not self.published:
            super()._fit(archs, scores)
            self.centre_, self.spread_ = float(scores.mean()), float(scores.std())
            return
        kept = _kept(scores)
        archs, scores = archs[kept], scores[kept]
        # GBDT standardises by these labels. Shifting and scaling labels only shifts and scales the
        # predictions of trees grown on squared error, so the constants only set the units.
        super()._fit(archs, scores)
        self.centre_ = float(scores.mean() - MEAN) / SD
        self.spread_ = float(scores.std()) / SD

    def _predict(self, archs: Archs, return_std: bool) -> tuple[Floats, Floats | None]:
        standardised, _ = super()._predict(archs, return_std)
        return standardised * self.spread_ + self.centre_, None


def _kept(scores: Floats) -> NDArray[np.bool_]:
    """Mark the labels that the released code would learn from: ``(n,)`` -> ``(n,)``."""
    if scores.max() > 1 or scores.min() < 0:
        raise LabelError(
            "NASGBDT(published=True) needs accuracies as fractions in [0, 1], got scores from "
            f"{scores.min():g} to {scores.max():g}; divide percent by 100"
        )
    kept = scores >= DROPPED_BELOW
    needed = 2 * MIN_LEAF / 0.8  # a split of a bag
    if kept.sum() < needed or np.ptp(scores[kept]) == 0:
        raise LabelError(
            f"NASGBDT(published=True) drops scores below {DROPPED_BELOW} and needs {needed:g} "
            f"different others; {kept.sum()} of {len(scores)} are left"
        )
    return kept
