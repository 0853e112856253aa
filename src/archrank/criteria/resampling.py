"""Criteria many times: intervals over architectures, curves over training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from archrank.criteria._checks import pair
from archrank.errors import LabelError
from archrank.types import Floats

Criterion: TypeAlias = Callable[[Floats, Floats], float]
"""``criterion(scores (n,), truth (n,))``; bind options with ``functools.partial``."""


def bootstrap(
    criterion: Criterion,
    scores: ArrayLike,
    truth: ArrayLike,
    *,
    rng: np.random.Generator,
    resamples: int = 1000,
    level: float = 0.95,
) -> tuple[float, float]:
    """Percentile bootstrap interval of a criterion over architectures (Efron 1979).

    Resamples on which the criterion is undefined (all labels equal) are drawn again.

    Args:
        criterion: a function of scores and truth, :func:`kendall_tau` for one.
        scores: ``(n,)`` predictions.
        truth: ``(n,)`` true scores.
        rng: draws architectures with replacement.
        resamples: how often.
        level: probability that the interval should hold.

    Returns:
        Its lower and upper end.

    Raises:
        LabelError: unusable scores, or the criterion is undefined on nearly every resample.
    """
    one = {"the criterion": criterion}
    found = bootstrap_all(one, scores, truth, rng=rng, resamples=resamples, level=level)
    return found["the criterion"]


def bootstrap_all(
    criteria: Mapping[str, Criterion],
    scores: ArrayLike,
    truth: ArrayLike,
    *,
    rng: np.random.Generator,
    resamples: int = 1000,
    level: float = 0.95,
) -> dict[str, tuple[float, float]]:
    """:func:`bootstrap` of several criteria, all of them on the same resamples.

    Args:
        criteria: name -> function of scores and truth.
        scores: ``(n,)`` predictions.
        truth: ``(n,)`` true scores.
        rng: draws architectures with replacement.
        resamples: how often.
        level: probability that each interval should hold.

    Returns:
        Name -> lower and upper end.

    Raises:
        LabelError: unusable scores, or a criterion is undefined on nearly every resample.
    """
    a, b = pair(scores, truth)
    if resamples < 1 or not 0 < level < 1:
        raise LabelError(f"cannot bootstrap {resamples} resamples at level {level}")
    for criterion in criteria.values():
        criterion(a, b)  # what is wrong with all of them is said as such
    values: dict[str, list[float]] = {name: [] for name in criteria}
    for _ in range(10 * resamples):
        lacking = [name for name, known in values.items() if len(known) < resamples]
        if not lacking:
            break
        rows = rng.integers(len(a), size=len(a))
        drawn = a[rows], b[rows]
        for name in lacking:
            value = _or_nan(criteria[name], *drawn)
            if not np.isnan(value):
                values[name].append(value)
    for name, known in values.items():
        if len(known) < resamples:
            raise LabelError(
                f"{name} is defined on only {len(known)} of {10 * resamples} resamples of "
                f"{len(a)} architectures; too few differ"
            )
    return {name: _ends(known, level) for name, known in values.items()}


def _ends(values: list[float], level: float) -> tuple[float, float]:
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def rank_dynamics(
    scores: ArrayLike, truth: ArrayLike, criteria: Mapping[str, Criterion]
) -> dict[str, Floats]:
    """How criteria develop over training (Surgery, Fig. 2).

    Args:
        scores: ``(c, n)`` scores at ``c`` checkpoints.
        truth: ``(n,)`` true scores.
        criteria: name -> function of scores and truth.

    Returns:
        Name -> ``(c,)`` values; NaN at checkpoints where a criterion is undefined, as before
        training, when all scores may be equal.

    Raises:
        LabelError: a shape that does not fit, or truth that cannot be ranked.
    """
    table = np.asarray(scores, dtype=np.float64)
    t = np.asarray(truth)
    if table.ndim != 2 or t.ndim != 1 or table.shape[1] != len(t):
        raise LabelError(
            f"expected scores (checkpoints, n) and truth (n,), got {table.shape} and {t.shape}"
        )
    pair(np.arange(len(t)), t)  # the truth is the same at every checkpoint
    y = t.astype(np.float64)
    return {
        name: np.array([_or_nan(criterion, row, y) for row in table])
        for name, criterion in criteria.items()
    }


def _or_nan(criterion: Criterion, scores: Floats, truth: Floats) -> float:
    try:
        return criterion(scores, truth)
    except LabelError:
        return float("nan")
