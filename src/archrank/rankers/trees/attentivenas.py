"""Accuracy predictor of AttentiveNAS: a deep random forest.

Wang et al., "AttentiveNAS: Improving Neural Architecture Search via Attentive Sampling", CVPR
2021, section 4.2: 100 regression trees of depth at most 15 on (resolution, width, depth, kernel
size, expansion); every split may use every feature. The released training code no longer uses the
predictor: it ranks by mini-batch loss.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from archrank.rankers.trees.random_forest import RandomForest

if TYPE_CHECKING:
    from archrank.spaces.base import Space


class AttentiveNASForest(RandomForest):
    """:class:`RandomForest` with the settings of AttentiveNAS.

    Trees are fitted to standardised scores, which changes no split.

    Args:
        space: The space of the architectures.
        trees: Number of trees.
        encoding: ``features`` of the space, or ``ordinal`` indices of the chosen options.
        max_depth: Largest depth of a tree; ``None`` is unlimited.
        seed: Seed of the bootstrap samples.

    Example:
        >>> import numpy as np
        >>> from archrank.spaces import NASBench201
        >>> space = NASBench201()
        >>> archs = space.sample(50, rng=np.random.default_rng(0))
        >>> ranker = AttentiveNASForest(space, trees=10).fit(archs, space.cost(archs)["macs"])
        >>> max(tree.get_depth() for tree in ranker.forest_.estimators_) <= 15
        True
    """

    def __init__(
        self,
        space: Space,
        trees: int = 100,
        *,
        encoding: Literal["features", "ordinal"] = "features",
        max_depth: int | None = 15,
        seed: int = 0,
    ) -> None:
        super().__init__(
            space,
            trees,
            encoding=encoding,
            max_features=1.0,
            min_gain=0.0,
            max_depth=max_depth,
            seed=seed,
        )
