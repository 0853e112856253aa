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
    a, b = pair(scores, truth)
    if resamples < 1 or not 0 < level < 1:
        raise LabelError(f"cannot bootstrap {resamples} resamples at level {level}")
    criterion(a, b)  # what is wrong with all of them is said as such
    values: list[float] = []
    for _ in range(10 * resamples):
        rows = rng.integers(len(a), size=len(a))
        value = _or_nan(criterion, a[rows], b[rows])
        if not np.isnan(value):
            values.append(value)
        if len(values) == resamples:
            break
    else:
        raise LabelError(
            f"the criterion is defined on only {len(values)} of {10 * resamples} resamples of "
            f"{len(a)} architectures; too few differ"
        )
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
