"""Random forest: the mean of many trees, with their disagreement as uncertainty.

The published form (Ning et al., "A Surgery of the Neural Architecture Evaluators", 2020, section
4.2; after Sun et al., 2019) takes the indices of the chosen options as plain numbers: it is
``encoding="ordinal"`` with the other arguments at their defaults. Indices of operations have no
order, so ``"features"`` is the default here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestRegressor

from archrank.errors import UnknownNameError
from archrank.rankers.base import Ranker
from archrank.types import Archs, Floats

if TYPE_CHECKING:
    from archrank.spaces.base import Space

ENCODINGS = ("features", "ordinal")


class RandomForest(Ranker):
    """Random forest on the space's features.

    Args:
        space: The space of the architectures.
        trees: Number of trees.
        encoding: ``features`` of the space, or, as published, ``ordinal`` indices of the options.
        max_features: Share of the features that each split chooses from (published: 0.5).
        min_gain: Smallest decrease of the variance that a split must bring, as a share of the
            variance of the scores (published: 1e-4).
        max_depth: Largest depth of a tree; ``None`` is unlimited.
        seed: Seed of the bootstrap samples and of the features of each split.

    Example:
        >>> import numpy as np
        >>> from archrank.spaces import NASBench201
        >>> space = NASBench201()
        >>> archs = space.sample(50, rng=np.random.default_rng(0))
        >>> ranker = RandomForest(space, trees=10).fit(archs, space.cost(archs)["macs"])
        >>> mean, std = ranker.predict(archs[:3], return_std=True)
        >>> mean.shape, bool((std >= 0).all())
        ((3,), True)
    """

    has_std = True

    def __init__(
        self,
        space: Space,
        trees: int = 100,
        *,
        encoding: Literal["features", "ordinal"] = "features",
        max_features: float = 0.5,
        min_gain: float = 1e-4,
        max_depth: int | None = None,
        seed: int = 0,
    ) -> None:
        self.space = space
        self.trees = trees
        self.encoding = encoding
        self.max_features = max_features
        self.min_gain = min_gain
        self.max_depth = max_depth
        self.seed = seed

    def _inputs(self, archs: Archs) -> NDArray[np.float32]:
        """Return the inputs of the trees: ``(n, f)``, or ``(n, d)`` for the ordinal encoding."""
        if self.encoding not in ENCODINGS:
            raise UnknownNameError("encoding", self.encoding, ENCODINGS)
        if self.encoding == "ordinal":
            return archs.astype(np.float32)
        return np.ascontiguousarray(self.space.features(archs), dtype=np.float32)

    def _fit(self, archs: Archs, scores: Floats) -> None:
        centre, spread = scores.mean(), scores.std()
        forest = RandomForestRegressor(
            n_estimators=self.trees,
            max_features=self.max_features,
            max_depth=self.max_depth,
            min_impurity_decrease=self.min_gain,  # of unit variance: 1e-4 Var(y) of the paper
            random_state=self.seed,
            n_jobs=1,
        )
        # Standardised, because tiny differences (0.9431 and 0.9432) would underflow.
        forest.fit(self._inputs(archs), (scores - centre) / spread)
        self.forest_ = forest
        self.centre_, self.spread_ = float(centre), float(spread)

    def _predict(self, archs: Archs, return_std: bool) -> tuple[Floats, Floats | None]:
        x = self._inputs(archs)
        total = np.zeros(len(archs))
        squares = np.zeros(len(archs))
        for tree in self.forest_.estimators_ if len(archs) else ():
            leaf = tree.tree_.predict(x)[:, 0]  # checked once, not per tree
            total += leaf
            squares += leaf**2
        count = len(self.forest_.estimators_)
        mean = total / count
        variance = np.maximum(squares / count - mean**2, 0.0)  # over trees
        return (
            mean * self.spread_ + self.centre_,
            np.sqrt(variance) * self.spread_ if return_std else None,
        )
