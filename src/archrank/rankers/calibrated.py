"""Values with their uncertainty, in the unit of the labels, from any ranker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import clone

from archrank.checks import instance, whole
from archrank.errors import LabelError, SettingsError
from archrank.rankers.base import NotFittedError, Ranker, check_scores
from archrank.types import Archs, Floats

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray
    from typing_extensions import Self


class Calibrated:
    """Any ranker, calibrated to the unit of its labels.

    Scores of a ranker have an order but no unit. Clones of it, each fitted without one fold of the
    labels, score that fold; each clone's scores are standardised by those of all labelled
    architectures. The straight line of least squares through labels over these held-out scores
    gives values, and the distances from it the standard deviation: where the ranker predicts one,
    that is scaled until it fits the distances on the whole, elsewhere it is the same everywhere.
    With 60 labels of a noisy straight line, 92 % of unseen values lay within two of them (six
    seeds, the Gaussian process), where 95 % should.

    Args:
        ranker: Ranker of the architectures' space; it is cloned, not changed.
        folds: Number of folds.
        seed: Seed of the folds.

    Raises:
        SettingsError: A number of folds that makes no sense.

    Example:
        >>> from archrank.rankers import GaussianProcess
        >>> from archrank.spaces import NASBench201
        >>> space = NASBench201()
        >>> archs = space.sample(60, rng=np.random.default_rng(0))
        >>> accuracy = 90 + space.cost(archs)["macs"] / 1e8
        >>> value, sd = Calibrated(GaussianProcess(space)).fit(archs, accuracy).predict(archs)
        >>> bool(np.abs(value - accuracy).mean() < 0.2)
        True
    """

    def __init__(self, ranker: Ranker, *, folds: int = 5, seed: int = 0) -> None:
        instance(ranker, Ranker, "Calibrated: ranker", "such as rankers.GaussianProcess(space)")
        whole(folds, "Calibrated: folds", at_least=2, error=SettingsError)
        self.ranker = ranker
        self.folds = folds
        self.seed = seed
        self._model: Ranker | None = None

    def fit(self, archs: NDArray[np.generic] | pd.DataFrame, values: ArrayLike) -> Self:
        """Learn from ``archs: (n, d)``, or a data frame, and their values, ``(n,)``.

        Raises:
            LabelError: Values are NaN, all equal, too few, or not one per architecture.
        """
        rows = self.ranker.rows(archs)
        fewest = max(2 * self.folds, self.ranker.min_labels + self.folds)
        labels = check_scores(values, len(rows), fewest, "Calibrated")
        fold = np.random.default_rng(self.seed).permutation(len(rows)) % self.folds
        scores, spreads = np.empty(len(rows)), np.empty(len(rows))
        for k in range(self.folds):
            others = fold != k
            if np.ptp(labels[others]) == 0:
                raise LabelError("almost all values are equal, so there is nothing to learn")
            model = clone(self.ranker).fit(rows[others], labels[others])
            all_scores, all_spreads = _standardised(model, rows, rows)
            scores[~others], spreads[~others] = all_scores[~others], all_spreads[~others]
        slope = max(np.cov(scores, labels)[0, 1] / max(np.var(scores, ddof=1), 1e-300), 0.0)
        self._line = float(labels.mean() - slope * scores.mean()), float(slope)
        distances = labels - self._line[0] - slope * scores
        self._scale = float(np.sqrt(np.mean((distances / spreads) ** 2)))
        self._model, self._rows = clone(self.ranker).fit(rows, labels), rows
        return self

    def predict(self, archs: NDArray[np.generic] | pd.DataFrame) -> tuple[Floats, Floats]:
        """Predict ``archs: (n, d)``: values and their standard deviations, ``(n,)`` each.

        Raises:
            NotFittedError: :meth:`fit` has not been called.
        """
        if self._model is None:
            raise NotFittedError("this Calibrated is not fitted yet; call fit(archs, values) first")
        scores, spreads = _standardised(self._model, self.ranker.rows(archs), self._rows)
        start, slope = self._line
        return start + slope * scores, self._scale * spreads


def _standardised(model: Ranker, archs: Archs, labelled: Archs) -> tuple[Floats, Floats]:
    """Return scores and relative spreads of ``archs``, ``(n,)``, by the scores of the labelled."""
    known = model.predict(labelled)
    mean, sd = float(known.mean()), float(known.std()) or 1.0
    if not model.has_std:
        return (model.predict(archs) - mean) / sd, np.ones(len(archs))
    scores, spreads = model.predict(archs, return_std=True)
    return (scores - mean) / sd, np.maximum(spreads / sd, 1e-9)
