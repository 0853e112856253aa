"""From the scores of a ranker to the unit of its labels: held-out scores, and a rising curve.

Scores of a ranker have an order but no unit. Clones of it, each fitted without one fold of the
labels, score that fold; scores of each clone are standardised by those of all labelled
architectures, so that scores of several clones can be compared. Monotone regression of labels on
held-out scores gives the unit, as Zadrozny and Elkan (KDD 2002) calibrate classifiers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.isotonic import isotonic_regression

from archrank.checks import number
from archrank.errors import LabelError, SettingsError

if TYPE_CHECKING:
    from archrank.rankers.base import Ranker
    from archrank.types import Archs, Bools, Floats, Ints

FOLDS = 5


class Standardised(NamedTuple):
    """A fitted ranker whose scores have mean 0 and variance 1 on all labelled architectures."""

    ranker: Ranker
    mean: float
    sd: float

    def scores(self, archs: Archs) -> Floats:
        """Score ``archs: (n, d)``: ``(n,)``, higher is better."""
        return (self.ranker.predict(archs) - self.mean) / self.sd

    def scores_and_spreads(self, archs: Archs) -> tuple[Floats, Floats]:
        """Score ``archs: (n, d)``: ``(n,)``, and the ranker's standard deviations, else ones."""
        if not self.ranker.has_std:
            return self.scores(archs), np.ones(len(archs))
        scores, spreads = self.ranker.predict(archs, return_std=True)
        return (scores - self.mean) / self.sd, np.maximum(spreads / self.sd, 1e-9)


def standardised(
    ranker: Ranker, archs: Archs, labels: Floats, among: Bools | None = None
) -> Standardised:
    """Fit a clone to ``archs: (n, d)``, or to some of them, and standardise by its scores of all.

    Args:
        ranker: It is cloned, not changed.
        archs: All labelled architectures.
        labels: ``(n,)``, higher is better.
        among: Marks those that the clone is fitted to: ``(n,)``; ``None``: all.
    """
    known = np.ones(len(archs), dtype=bool) if among is None else among
    model: Ranker = clone(ranker)
    scores = model.fit(archs[known], labels[known]).predict(archs)
    return Standardised(model, float(scores.mean()), float(scores.std()) or 1.0)


def draw_folds(n: int, folds: int, seed: int) -> Ints:
    """Return a fold for each of ``n`` labels, at random and of equal sizes: ``(n,)``."""
    found: Ints = np.random.default_rng(seed).permutation(n) % folds
    return found


def held_out_models(
    ranker: Ranker, archs: Archs, labels: Floats, fold: Ints, called: str
) -> list[Standardised]:
    """Return one model per fold, each fitted to the labels of the other folds.

    Args:
        ranker: It is cloned, not changed.
        archs: ``(n, d)``.
        labels: ``(n,)``, higher is better.
        fold: ``(n,)``, numbers from 0.
        called: What the labels are called in messages.

    Raises:
        LabelError: The labels of all folds but one are equal.
    """
    models = []
    for k in range(fold.max() + 1):
        others = fold != k
        if np.ptp(labels[others]) == 0:
            raise LabelError(f"almost all {called} are equal, so there is nothing to learn")
        models.append(standardised(ranker, archs, labels, others))
    return models


class Curve:
    """Rising curve from scores to labels, ``(n,)`` each.

    Steps of isotonic regression become points at the mean score of each, joined by lines (centred
    isotonic regression, Oron and Flournoy, 2017), beyond which the overall slope goes on.
    """

    def __init__(self, scores: Floats, labels: Floats) -> None:
        order = np.argsort(scores, kind="stable")
        x, y = scores[order], labels[order]
        start = np.flatnonzero(np.diff(x, prepend=x[0] - 1) > 0)  # equal scores are one point
        n = np.diff(np.append(start, len(x)))
        x, y = x[start], np.add.reduceat(y, start) / n
        level = isotonic_regression(y, sample_weight=n.astype(float))
        step = np.flatnonzero(np.diff(level, prepend=level[0] - 1) > 0)
        weight = np.add.reduceat(n, step)
        self.x = np.add.reduceat(x * n, step) / weight
        self.y = level[step]
        spread = float(scores.var())
        covariance = float(((scores - scores.mean()) * (labels - labels.mean())).mean())
        self.slope = max(covariance / spread, 0.0) if spread > 0 else 0.0

    def __call__(self, scores: Floats) -> Floats:
        """Return labels of scores: ``(k,)``."""
        inside = np.interp(scores, self.x, self.y)
        beyond = np.minimum(scores - self.x[0], 0.0) + np.maximum(scores - self.x[-1], 0.0)
        return np.asarray(inside + self.slope * beyond)


def held_out_values(scores: Floats, labels: Floats, fold: Ints) -> Floats:
    """Return labels of scores by the curves of the other folds: ``(n,)``."""
    found = np.empty(len(scores))
    for k in range(fold.max() + 1):
        own = fold == k
        found[own] = Curve(scores[~own], labels[~own])(scores[own])
    return found


def check_coverage(coverage: float, name: str) -> float:
    """Return a share of architectures that is to be covered.

    Raises:
        SettingsError: It is not above 0 and below 1.
    """
    if not 0 < number(coverage, name, error=SettingsError) < 1:
        raise SettingsError(f"{name} must be above 0 and below 1, got {coverage!r}")
    return coverage
