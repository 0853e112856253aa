"""Candidates, and forecasts of them, that guided search keeps between two fits in a long run.

A fit costs the cube of the evaluations, and ranking all candidates their number times that of the
evaluations. So in a long run both are done now and then, at numbers of evaluations that are fixed
beforehand (:func:`last_fit`), and between two of them the best candidates are followed: their
predictions learn every new label, while hyper-parameters stay.

A shortlist depends on the evaluations up to its fit, and on nothing else, as if it were computed
anew each time. It is kept to save time only.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import rankdata

from archrank.strategies.history import History, scores_of
from archrank.types import Archs, Floats, Ints

if TYPE_CHECKING:
    from archrank.rankers.base import Forecast

WEIGHTS = 32  # of several objectives, for which candidates are kept
FITTED = 1024  # evaluations that a fit of a long run learns from, at most
SHORTEST, LONGEST = 6, 128  # evaluations between two fits
SHARE = 8  # between them, a long run grows by one part in this many
PAIRS = 8_000_000  # of an evaluation and a candidate, that a fit compares in a large space


def last_fit(n: int, exact: int) -> int:
    """Return the largest number of evaluations up to ``n`` after which there is a fit.

    The first is after ``exact`` evaluations; see :func:`until_next` for the others.
    """
    at = exact
    while at + until_next(at, exact) <= n:
        at += until_next(at, exact)
    return at


def until_next(at: int, exact: int) -> int:
    """Return the number of evaluations from the fit after ``at`` evaluations to the next one.

    An eighth of the evaluations beyond ``exact``, within :data:`SHORTEST` and :data:`LONGEST`:
    early fits are cheap, and improve the search most.
    """
    return min(max((at - exact) // SHARE, SHORTEST), LONGEST)


def learnt_from(history: History) -> Ints:
    """Choose the successful evaluations that a fit learns from: positions among them, increasing.

    All, or of very many the best half of :data:`FITTED` and an even choice of the others, so that
    the cost has a bound.
    """
    ok = history.ok
    n = int(ok.sum())
    if n <= FITTED:
        return np.arange(n)
    scores = scores_of(history.objectives[ok], history.violation[ok])
    order = np.argsort(-scores, kind="stable")
    best, others = order[: FITTED // 2], np.sort(order[FITTED // 2 :])
    even = np.linspace(0, len(others) - 1, FITTED - len(best)).astype(int)
    chosen: Ints = np.sort(np.concatenate([best, others[even]]))
    return chosen


def seed_of(history: History) -> list[int]:
    """Return a seed that depends on the evaluations alone."""
    digest = hashlib.blake2b(digest_size=16)
    for column in (history.archs, history.objectives):
        digest.update(np.ascontiguousarray(column).tobytes())
    return [int(word) for word in np.frombuffer(digest.digest(), dtype="<u4")]


def most_promising(utilities: Floats, rng: np.random.Generator, kept: int) -> Ints:
    """Choose up to ``kept`` candidates of the highest utilities ``(k, m)``, in order.

    Of several objectives, those that are best under one of :data:`WEIGHTS` random weights.
    """
    k, m = utilities.shape
    if m == 1:
        value = utilities[:, 0]
    else:
        quantiles = rankdata(utilities, axis=0) / k
        ranks = [
            rankdata(chebyshev(quantiles, weights))
            for weights in rng.dirichlet(np.ones(m), WEIGHTS)
        ]
        value = np.max(ranks, axis=0)
    best: Ints = np.sort(np.argsort(-value, kind="stable")[:kept])
    return best


def chebyshev(quantiles: Floats, weights: Floats) -> Floats:
    """Scalarise quantiles ``(k, m)`` by weights ``(m,)``: ``(k,)``, higher is better.

    Minus the augmented Chebyshev distance to the ideal point of ParEGO (Knowles, 2006, equation 2).
    """
    loss = weights * (1 - quantiles)
    return np.asarray(-(loss.max(axis=1) + 0.05 * loss.sum(axis=1)))


@dataclass
class Shortlist:
    """Candidates that are followed, and the forecasts that follow them.

    Attributes:
        key: digest of what it depends on, beside the space and its region.
        fitted: the evaluations up to the fit.
        archs: ``(k, d)`` the candidates.
        rows: ``(r,)`` the successful evaluations that the forecasts know.
        pool: ``(p, m)`` utilities of everything that was ranked at the fit, every column sorted.
        forecasts: one for each objective.
        added: ``(b, d)`` architectures that were learnt since the fit.
    """

    key: bytes
    fitted: History
    archs: Archs
    rows: Ints
    pool: Floats
    forecasts: list[Forecast]
    added: Archs

    def learn(self, archs: Archs, targets: Floats) -> None:
        """Learn what was evaluated since the last call.

        Args:
            archs: ``(b, d)`` all successful evaluations since the fit.
            targets: ``(n, m)`` labels of all successful evaluations.
        """
        new = archs[len(self.added) :]
        n = len(targets)
        self.rows = np.concatenate([self.rows, np.arange(n - len(new), n)])
        self.added = archs.copy()
        for forecast, target in zip(self.forecasts, targets.T, strict=True):
            forecast.add(new)
            forecast.label(target[self.rows])

    def knows(self, key: bytes, fitted: History, since: Archs) -> bool:
        """Tell whether it is that of a key and a history, and learnt but a beginning of the rest.

        Args:
            key: to compare with its own.
            fitted: evaluations of that key; their space and region must be the same objects.
            since: ``(b, d)`` successful evaluations after them.
        """
        same = fitted.space is self.fitted.space and fitted.region is self.fitted.region
        beginning = since[: len(self.added)]
        return same and key == self.key and np.array_equal(self.added, beginning)

    def quantiles(self, utilities: Floats) -> Floats:
        """Return which share of the pool utilities ``(k, m)`` are above: ``(k, m)``."""
        columns = zip(self.pool.T, utilities.T, strict=True)
        places = [np.searchsorted(pool, values, side="right") for pool, values in columns]
        return np.stack(places, axis=1) / len(self.pool)
