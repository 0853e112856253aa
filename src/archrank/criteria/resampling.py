"""Criteria computed repeatedly: bootstrap intervals, and values over the course of a training."""

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
    """Compute a criterion's percentile bootstrap interval over architectures (Efron 1979).

    Resamples on which the criterion is undefined (all labels equal) are drawn again.

    Args:
        criterion: A function of scores and truth, such as :func:`kendall_tau`.
        scores: ``(n,)`` predictions.
        truth: ``(n,)`` true scores.
        rng: Source of randomness.
        resamples: Number of resamples.
        level: Coverage of the interval, 0 to 1.

    Returns:
        Lower and upper end of the interval.

    Raises:
        LabelError: Unusable scores, or the criterion is undefined on nearly every resample.
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
    """Compute bootstrap intervals of several criteria on the same resamples.

    Args:
        criteria: ``{name: function of scores and truth}``.
        scores: ``(n,)`` predictions.
        truth: ``(n,)`` true scores.
        rng: Source of randomness.
        resamples: Number of resamples.
        level: Coverage of each interval, 0 to 1.

    Returns:
        ``{name: (lower end, upper end)}``; see :func:`bootstrap`.

    Raises:
        LabelError: Unusable scores, or a criterion is undefined on nearly every resample.
    """
    a, b = pair(scores, truth)
    if resamples < 1 or not 0 < level < 1:
        raise LabelError(
            f"resamples must be at least 1 and level between 0 and 1, got {resamples} and {level}"
        )
    for criterion in criteria.values():
        criterion(a, b)  # an error that concerns all criteria
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
    """Compute criteria at every checkpoint of a training (Surgery, Fig. 2).

    Args:
        scores: ``(c, n)`` scores at ``c`` checkpoints.
        truth: ``(n,)`` true scores.
        criteria: ``{name: function of scores and truth}``.

    Returns:
        ``{name: (c,)}``; NaN at checkpoints where a criterion is undefined, for instance because
        all scores are equal before training.

    Raises:
        LabelError: ``scores`` and ``truth`` do not fit together, or the truth cannot be ranked.
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
