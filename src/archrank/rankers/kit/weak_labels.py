"""Weak labels: cheap scores of many architectures that say something about the true ones.

One-shot accuracies of a supernet, zero-cost proxies, MACs and parameters: no such score ranks well
alone, but together with a few true labels they tell a ranker what to expect.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri
from scipy.stats import rankdata
from sklearn.linear_model import Ridge

from archrank.errors import LabelError
from archrank.rows import LookUp, row_codes
from archrank.types import Archs, Floats

if TYPE_CHECKING:
    from archrank.spaces.base import Space


class WeakLabels:
    """Weak labels as features: one column per label.

    Every label becomes normal scores of its ranks, averaged over isomorphic architectures, since
    they are measurements of the same network. Architectures without a label (or with NaN, as
    proxies give where they fail) get what ridge regression on the space's features expects.

    Args:
        space: the architectures' space.
        archs: ``(n, d)``.
        labels: ``{name: (n,)}``; which way is better does not matter.

    Raises:
        LabelError: no labels, wrong lengths, not numeric, or constant.
    """

    def __init__(
        self, space: Space, archs: NDArray[np.generic], labels: Mapping[str, ArrayLike]
    ) -> None:
        self.space = space
        rows = space.validate(archs)
        if not labels:
            raise LabelError("weak labels: none given; pass {name: (n,) values}")
        self.names = tuple(labels)
        columns = [_column(name, values, len(rows)) for name, values in labels.items()]
        keys, group = np.unique(space.canonical(rows), axis=0, return_inverse=True)
        means = [_class_means(column, group.reshape(-1), len(keys)) for column in columns]
        known = np.stack(means, axis=1)  # (classes, w)
        features = space.features(keys)
        self._center, self._spread = features.mean(axis=0), features.std(axis=0) + 1e-6
        self._guessers = [self._guesser(features, column) for column in known.T]
        self.values = np.where(np.isnan(known), self._guess(features), known)
        self._rows = LookUp(row_codes(keys))
        digest = hashlib.sha256(keys.tobytes())
        digest.update(np.ascontiguousarray(self.values).tobytes())
        self.digest = digest.hexdigest()[:12]

    def features(self, archs: Archs) -> Floats:
        """Weak labels of ``archs: (n, d)``: ``(n, w)``."""
        canonical = self.space.canonical(archs)
        place = self._rows.find(row_codes(canonical))
        values = self.values[place]
        unknown = place < 0
        if unknown.any():
            values[unknown] = self._guess(self.space.features(canonical[unknown]))
        return values

    def _guesser(self, features: NDArray[np.float32], column: Floats) -> Ridge:
        known = np.isfinite(column)
        return Ridge().fit(self._standardised(features[known]), column[known])

    def _guess(self, features: NDArray[np.float32]) -> Floats:
        """Predict labels by ridge regression on the space's features: ``(n, f) -> (n, w)``."""
        x = self._standardised(features)
        guesses = [np.asarray(ridge.predict(x), dtype=np.float64) for ridge in self._guessers]
        return np.stack(guesses, axis=1)

    def _standardised(self, features: NDArray[np.float32]) -> Floats:
        standardised: Floats = (features.astype(np.float64) - self._center) / self._spread
        return standardised


def _class_means(column: Floats, group: NDArray[np.intp], classes: int) -> Floats:
    """Normal scores of a label, averaged per class; NaN for classes without it: ``(classes,)``."""
    known = np.isfinite(column)
    total = np.bincount(group[known], weights=normal_scores(column[known]), minlength=classes)
    count = np.bincount(group[known], minlength=classes)
    means: Floats = np.full(classes, np.nan)
    np.divide(total, count, out=means, where=count > 0)
    return means


def normal_scores(scores: Floats) -> Floats:
    """Standard normal quantiles of the ranks, ties averaged: ``(n,)`` -> ``(n,)``."""
    quantiles: Floats = ndtri((rankdata(scores) - 0.5) / len(scores))
    return quantiles


def _column(name: str, values: ArrayLike, n: int) -> Floats:
    raw = np.asarray(values)
    if raw.shape != (n,) or not np.issubdtype(raw.dtype, np.number):
        raise LabelError(
            f"weak label {name!r}: expected {n} numbers, one per architecture, got shape "
            f"{raw.shape} of {raw.dtype}"
        )
    column = raw.astype(np.float64)
    known = column[np.isfinite(column)]
    if len(known) == 0 or (known == known[0]).all():
        raise LabelError(f"weak label {name!r} is the same, or NaN, for all {n} architectures")
    return column
