"""Linear model of the features: the plain baseline beside every other ranker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from archrank.rankers.base import Ranker
from archrank.types import Archs, Floats

if TYPE_CHECKING:
    from archrank.spaces.base import Space

PENALTIES = np.logspace(-4, 3, 29)  # considered, for features of unit variance


class Linear(Ranker):
    """Ridge regression on the space's features, in the unit of the labels.

    The penalty is the one with the smallest error when each label is left out in turn, which has
    a closed form (Golub, Heath and Wahba, "Generalized cross-validation", Technometrics 1979).

    Args:
        space: The space of the architectures.
        seed: Unused, the fit is deterministic; here because every ranker takes one.

    Attributes:
        penalty_: The penalty that was chosen.

    Example:
        >>> import numpy as np
        >>> from archrank.spaces import NASBench201
        >>> space = NASBench201()
        >>> archs = space.sample(50, rng=np.random.default_rng(0))
        >>> macs = space.cost(archs)["macs"]
        >>> Linear(space).fit(archs, macs).score(archs, macs) > 0.9
        True
    """

    def __init__(self, space: Space, *, seed: int = 0) -> None:
        self.space = space
        self.seed = seed

    def _inputs(self, archs: Archs) -> NDArray[np.float64]:
        return np.asarray(self.space.features(archs), dtype=np.float64)

    def _fit(self, archs: Archs, scores: Floats) -> None:
        x = self._inputs(archs)
        self.mean_, spread = x.mean(axis=0), x.std(axis=0)
        self.scale_ = np.where(spread > 1e-9, spread, np.inf)  # constant columns say nothing
        self.centre_ = float(scores.mean())
        u, s, vt = np.linalg.svd((x - self.mean_) / self.scale_, full_matrices=False)
        projected = u.T @ (scores - self.centre_)  # (k,)
        shrink = s**2 / (s**2 + len(x) * PENALTIES[:, None])  # (penalties, k)
        rest = (scores - self.centre_) - (shrink * projected) @ u.T  # (penalties, n)
        leverage = shrink @ (u**2).T + 1 / len(x)  # of each label on itself; 1/n of the mean
        errors = ((rest / np.maximum(1 - leverage, 1e-9)) ** 2).mean(axis=1)
        best = int(np.argmin(errors))
        self.penalty_ = float(PENALTIES[best])
        coefficients = np.where(s > 0, shrink[best] / np.maximum(s, 1e-300), 0.0) * projected
        self.weights_ = (vt.T @ coefficients) / self.scale_  # (f,)

    def _predict(self, archs: Archs, return_std: bool) -> tuple[Floats, Floats | None]:
        return (self._inputs(archs) - self.mean_) @ self.weights_ + self.centre_, None
