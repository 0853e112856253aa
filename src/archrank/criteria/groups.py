"""Criteria by groups: bias towards cheap or costly architectures, spread within isomorphisms."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from archrank.criteria._checks import check_varies, column, pair
from archrank.criteria.correlation import kendall_tau
from archrank.errors import LabelError
from archrank.types import Floats, Ints


def group_tau(scores: ArrayLike, truth: ArrayLike, cost: ArrayLike, *, groups: int = 10) -> Floats:
    r"""Kendall's :math:`\tau_b` within each of ``groups`` groups of rising cost (Surgery, Fig. 3c).

    The groups are of equal size, except that architectures of equal cost stay together.

    Args:
        scores: ``(n,)`` predictions.
        truth: ``(n,)`` true scores.
        cost: ``(n,)`` MACs, FLOPs or parameters.
        groups: Number of groups.

    Returns:
        ``(groups,)``; NaN where a group is empty or has no order, in scores or in truth.

    Raises:
        LabelError: NaN, constant, too few, or not one of each per architecture.
    """
    a, b = pair(scores, truth)
    group = _cost_groups(cost, len(a), groups)
    taus = np.full(groups, np.nan)
    for g in range(groups):
        x, y = a[group == g], b[group == g]
        if len(x) > 1 and np.ptp(x) > 0 and np.ptp(y) > 0:
            taus[g] = kendall_tau(x, y)
    return taus


def group_rank_difference(
    scores: ArrayLike, truth: ArrayLike, cost: ArrayLike, *, groups: int = 10
) -> Floats:
    """Mean of true minus predicted rank in each group of rising cost (Surgery, Fig. 3c).

    Positive values mean that the group is over-estimated, negative ones that it is
    under-estimated. Ties share their mean rank.

    Args:
        scores: ``(n,)`` predictions.
        truth: ``(n,)`` true scores.
        cost: ``(n,)`` MACs, FLOPs or parameters.
        groups: Number of groups, formed as in :func:`group_tau`.

    Returns:
        ``(groups,)`` in ranks; NaN where a group is empty.

    Raises:
        LabelError: NaN, constant, too few, or not one of each per architecture.

    Example:
        >>> group_rank_difference([1, 2, 3, 4], [3, 4, 1, 2], [10, 20, 30, 40], groups=2).tolist()
        [-2.0, 2.0]
    """
    from scipy.stats import rankdata

    a, b = pair(scores, truth)
    group = _cost_groups(cost, len(a), groups)
    difference = rankdata(a) - rankdata(b)  # rising ranks: signs as of falling ones, R - n
    sums = np.bincount(group, difference, minlength=groups)
    counts = np.bincount(group, minlength=groups).astype(np.float64)
    means: Floats = np.full(groups, np.nan)
    np.divide(sums, counts, out=means, where=counts > 0)
    return means


class Spread(NamedTuple):
    """Mean standard deviation within classes: of the scores, and of their ranks."""

    score: float
    rank: float


def isomorphism_spread(scores: ArrayLike, classes: ArrayLike, *, singles: bool = True) -> Spread:
    """Mean spread of the scores of isomorphic architectures (Surgery, Table 2).

    For each isomorphism class, take the standard deviation (population form) of its scores and of
    its ranks among all ``n``, where ties share their mean rank; then average over classes.

    Args:
        scores: ``(n,)`` predictions, or the truth for comparison.
        classes: ``(n,)`` isomorphism class of each architecture, any values that can be compared.
        singles: Include classes of one architecture, whose spread is 0, as in the paper.

    Raises:
        LabelError: NaN, constant, not one class per score, or no class that counts.

    Example:
        >>> isomorphism_spread([1.0, 3.0, 5.0], ["a", "a", "b"])
        Spread(score=0.5, rank=0.25)
        >>> isomorphism_spread([1.0, 3.0, 5.0], ["a", "a", "b"], singles=False)
        Spread(score=1.0, rank=0.5)
    """
    from scipy.stats import rankdata

    labels = np.asarray(classes)
    if labels.ndim != 1:
        raise LabelError(f"expected classes of shape (n,), got {labels.shape}")
    x = column("scores", scores, len(labels))
    if len(x) == 0:
        raise LabelError("a spread needs architectures, got none")
    check_varies("scores", x)
    _, group, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    counted = sizes >= (1 if singles else 2)
    if not counted.any():
        raise LabelError(f"all {len(sizes)} classes have one architecture; nothing can spread")

    def mean_sd(values: Floats) -> float:
        centred = values - (np.bincount(group, values) / sizes)[group]
        return float(np.sqrt(np.bincount(group, centred**2) / sizes)[counted].mean())

    return Spread(mean_sd(x), mean_sd(rankdata(x)))


def _cost_groups(cost: ArrayLike, n: int, groups: int) -> Ints:
    """Number the groups of rising cost, cheapest first: ``(n,)``, one number per architecture."""
    from scipy.stats import rankdata

    if not 1 <= groups <= n:
        raise LabelError(f"groups={groups}: choose from 1 to {n}, the number of architectures")
    middle = rankdata(column("costs", cost, n)) - 0.5  # architectures of equal cost share a group
    group: Ints = np.floor(middle * groups / n).astype(np.int64)
    return group
