"""Failures that can be foreseen: architectures that run out of memory, or that nothing can build.

Where evaluations fail by what the architecture is, a linear model of its features learns which, and
those that it expects to fail are proposed last. It is believed if it orders those that it has not
seen; failures by chance are hardly ever learnt. How the settings were chosen: benchmarks/README.md.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from archrank.strategies.history import History
from archrank.types import Archs, Bools, Floats, Ints

FEWEST = 3  # failures, and successes, before anything is learnt
MOST = 256  # latest ones of either, so that a round of a long run costs no more
PARTS = 5  # of which each is foreseen by the others
ORDERED = 0.7  # share of pairs that must be in order for a model to be believed
LIKELY = 0.3  # probability from which on a failure is expected: scores are highest near the limit
STRENGTH = 3.0  # of the data against the prior, as C of scikit-learn, whatever the features

Foresight = Callable[[Archs], Bools]


def foreseen(history: History) -> Foresight | None:
    """Learn which architectures fail: ``(n, d) -> (n,)`` marks those that likely do.

    ``None`` where nothing is known of failures, or they cannot be foreseen.
    """
    if history.failed is None:
        return None
    failures, successes = np.flatnonzero(history.failed), np.flatnonzero(history.ok)
    if min(len(failures), len(successes)) < FEWEST:
        return None
    rows = np.concatenate([failures[-MOST:], successes[-MOST:]])
    fails = np.arange(len(rows)) < min(len(failures), MOST)
    features = history.space.features(history.archs[rows]).astype(np.float64)
    if _share_in_order(features, fails) < ORDERED:
        return None
    odds, limit = _fit(features, fails), np.log(LIKELY / (1 - LIKELY))
    return lambda archs: odds(history.space.features(archs).astype(np.float64)) > limit


def hopeful(history: History, archs: Archs) -> Bools:
    """Mark those of ``archs: (n, d)`` that are not expected to fail; all, if all are."""
    fails = foreseen(history) if len(archs) else None
    marks = np.ones(len(archs), dtype=bool) if fails is None else ~fails(archs)
    return marks if marks.any() else ~marks


def _share_in_order(features: Floats, fails: Bools) -> float:
    """Return how often a failure comes before a success, by models that have seen neither."""
    part = np.empty(len(fails), dtype=int)
    for kind in (fails, ~fails):
        part[kind] = np.arange(int(kind.sum())) % PARTS
    odds = np.zeros(len(fails))
    for k in range(PARTS):
        seen: Ints = np.flatnonzero(part != k)
        odds[part == k] = _fit(features[seen], fails[seen])(features[part == k])
    gaps = odds[fails][:, None] - odds[~fails]
    return float(np.mean((gaps > 0) + 0.5 * (gaps == 0)))


def _fit(features: Floats, fails: Bools) -> Callable[[NDArray[np.float64]], Floats]:
    """Fit a logistic regression; what it returns gives logarithms of odds: ``(n, f) -> (n,)``."""
    from sklearn.linear_model import LogisticRegression

    mean, spread = features.mean(axis=0), features.std(axis=0)
    scale = np.where(spread > 0, spread, np.inf) * np.sqrt((spread > 0).sum())
    model = LogisticRegression(C=STRENGTH, max_iter=1000).fit((features - mean) / scale, fails)
    weights, constant = model.coef_[0], model.intercept_[0]
    return lambda rows: (rows - mean) / scale @ weights + constant
