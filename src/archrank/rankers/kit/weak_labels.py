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
from scipy.stats import rankdata
from sklearn.linear_model import Ridge

from archrank.errors import LabelError
from archrank.rankers.kit.targets import standard_scores
from archrank.rows import LookUp, distinct, row_codes
from archrank.types import Archs, Floats

if TYPE_CHECKING:
    from archrank.spaces.base import Space

SAMPLED = 1024  # architectures that labels are looked up of, to find
SOME = 256  # that tell how weak labels depend on features


class WeakLabels:
    """Weak labels as features: two columns per label.

    Every label becomes its ranks, of mean 0 and variance 1, averaged over isomorphic architectures
    in the first columns and over equal rows in the last. Isomorphic architectures are one network
    to an accuracy, of which a label has several measurements; not so to a latency, for which a
    label may count operations that others lack. What is ranked decides, so rankers are offered
    both. (Normal scores in place of ranks would set the best far apart from all others, and at the
    top a weak label is least to be trusted.)
    Architectures without a label (or with NaN, as proxies give where they fail) get what ridge
    regression on the space's features expects.

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
        columns = [_ranks(_column(name, values, len(rows))) for name, values in labels.items()]
        features = space.features(rows)
        self._center, self._spread = features.mean(axis=0), features.std(axis=0) + 1e-6
        x = self._standardised(features)
        classes = space.canonical(rows)
        self._by_class = [_Means(classes, column) for column in columns]
        self._by_row = [_Means(rows, column) for column in columns]
        complete = np.isfinite(columns).all(axis=0)
        self._labelled = distinct(classes[complete] if complete.any() else classes)
        self._guessers = [Ridge().fit(x[np.isfinite(c)], c[np.isfinite(c)]) for c in columns]
        digest = hashlib.sha256()
        for means in self._by_row:
            digest.update(means.codes.tobytes())
            digest.update(np.ascontiguousarray(means.values).tobytes())
        self.digest = digest.hexdigest()[:12]

    def features(self, archs: Archs) -> Floats:
        """Weak labels of ``archs: (n, d)``, means of classes before those of rows: ``(n, 2 w)``."""
        classes = self.space.canonical(archs)
        columns = [means.of(classes) for means in self._by_class]
        columns += [means.of(archs) for means in self._by_row]
        values = np.stack(columns, axis=1)
        some = np.isnan(values).any(axis=1)
        if some.any():
            x = self._standardised(self.space.features(archs[some]))
            guesses = np.stack([ridge.predict(x) for ridge in self._guessers * 2], axis=1)
            values[some] = np.where(np.isnan(values[some]), guesses, values[some])
        return values

    def some(self) -> tuple[Archs, Floats]:
        """Return architectures that tell what labels depend on: ``(k, d)``, ``(k, w)`` labels.

        As the space samples them, isomorphic ones as often as they come; where fewer than
        :data:`SOME` of a sample have labels, others that have are added.
        """
        rng = np.random.default_rng(0)
        sampled = self.space.sample(SAMPLED, rng=rng)
        classes = self.space.canonical(sampled)
        known = np.isfinite([means.of(classes) for means in self._by_class]).all(axis=0)
        rows = np.concatenate([sampled[known], rng.permutation(self._labelled)])[:SOME]
        return rows, self.features(rows)[:, : len(self.names)]

    def common(self, archs: Archs) -> Floats:
        """Return what the labels of ``archs: (n, d)`` have in common: ``(n,)``.

        The first principal component of the labels of all architectures that have some.
        """
        values = self.features(archs)[:, : len(self.names)]
        if len(self.names) == 1:
            return values[:, 0]
        _, _, directions = np.linalg.svd(self.some()[1], full_matrices=False)
        shared: Floats = values @ directions[0]
        return shared

    def _standardised(self, features: NDArray[np.float32]) -> Floats:
        standardised: Floats = (features.astype(np.float64) - self._center) / self._spread
        return standardised


class _Means:
    """Mean values of a label over equal rows, for looking up; NaN counts as no value.

    Args:
        rows: ``(n, d)``, with repetition.
        column: ``(n,)``.
    """

    def __init__(self, rows: Archs, column: Floats) -> None:
        known = np.isfinite(column)
        self.codes, place = np.unique(row_codes(rows[known]), return_inverse=True)
        place = place.reshape(-1)
        self.values: Floats = np.bincount(place, weights=column[known]) / np.bincount(place)
        self._places = LookUp(self.codes)

    def of(self, rows: Archs) -> Floats:
        """Values of ``rows: (n, d)``, NaN where there is none: ``(n,)``."""
        place = self._places.find(row_codes(rows))
        found: Floats = np.where(place < 0, np.nan, self.values[place])
        return found


def _ranks(column: Floats) -> Floats:
    """Ranks of a label, of mean 0 and variance 1, NaN where it has none: ``(n,)``."""
    known = np.isfinite(column)
    ranks = np.full(len(column), np.nan)
    ranks[known] = standard_scores(rankdata(column[known]))
    return ranks


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
