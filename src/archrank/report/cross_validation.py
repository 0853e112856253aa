"""Cross-validation of a ranker on a run's own evaluations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import rankdata

from archrank.criteria import kendall_tau
from archrank.errors import FAILURES, describe
from archrank.strategies.guided import default_ranker
from archrank.study.results import Results
from archrank.types import Archs, Floats, Ints

if TYPE_CHECKING:
    from archrank.rankers.base import Ranker
    from archrank.spaces.base import Space
    from archrank.strategies.base import Strategy

MIN_LABELS = 20  # with fewer, a fold has four or less, too few to judge
MAX_LABELS = 200  # of more, a random part is used, so that five fits take a second or two
FOLDS = 5


@dataclass(frozen=True)
class CrossValidation:
    """Cross-validated predictions of one objective.

    Attributes:
        metric: The objective.
        ranker: Class name of the ranker.
        rows: ``(n,)`` indices of the records that were used.
        measured: ``(n,)`` rank of the measured value among these, 1 is best.
        predicted: ``(n,)`` predicted rank, 1 is best.
        tau: Kendall's tau-b of the two.
    """

    metric: str
    ranker: str
    rows: Ints
    measured: Floats
    predicted: Floats
    tau: float


def assess(results: Results, objective: int = 0) -> CrossValidation | str:
    """Cross-validate the strategy's ranker, or archrank's default ranker.

    Returns a sentence with the reason if that is impossible.
    """
    rows = np.flatnonzero(results.ok)
    if len(rows) < MIN_LABELS:
        return (
            f"The ranker is judged from {MIN_LABELS} successful evaluations on; "
            f"this run has {len(rows)}."
        )
    space, strategy = results.space, results.strategy
    if space is None or strategy is None:
        why = results.absent.get("space") or results.absent.get("strategy")
        return f"The ranker is not judged: {why}."
    rng = np.random.default_rng([results.description.identity["seed"], objective])
    if len(rows) > MAX_LABELS:
        rows = np.sort(rng.choice(rows, MAX_LABELS, replace=False))
    scores = results.matrix[rows, objective]
    if (scores == scores[0]).all():
        return "All successful evaluations gave the same value, so there is no order to predict."
    try:
        ranker = _ranker(strategy, space)
        quantiles = cross_validate(ranker, results.archs[rows], scores, rng)
        tau = kendall_tau(quantiles, scores)
    except FAILURES as error:  # a user's ranker may raise anything: leave out this figure
        return f"The ranker could not be judged: {describe(error)}"
    return CrossValidation(
        results.objectives[objective].metric,
        type(ranker).__name__,
        rows,
        rankdata(-scores),
        rankdata(-quantiles),
        tau,
    )


def _ranker(strategy: Strategy, space: Space) -> Ranker:
    return strategy.ranker if strategy.ranker is not None else default_ranker(space)


def cross_validate(
    ranker: Ranker, archs: Archs, scores: Floats, rng: np.random.Generator
) -> Floats:
    """Predict each of ``archs: (n, d)`` by a ranker fitted to the other folds: ``(n,)``.

    Only the order of a ranker's predictions has a meaning, and each fold has its own ranker. A
    prediction is therefore replaced by its quantile among that ranker's predictions of all ``n``
    architectures, which keeps the order within a fold and makes folds comparable.
    """
    from sklearn.base import clone
    from sklearn.model_selection import KFold

    folds = KFold(FOLDS, shuffle=True, random_state=int(rng.integers(2**31)))
    quantiles = np.empty(len(scores))
    for train, test in folds.split(archs):
        if (scores[train] == scores[train[0]]).all():
            quantiles[test] = 0.5  # nothing can be learnt from this fold
            continue
        fitted = clone(ranker).set_params(seed=int(rng.integers(2**31)))
        predictions = fitted.fit(archs[train], scores[train]).predict(archs)
        quantiles[test] = (rankdata(predictions) / len(scores))[test]
    return quantiles
