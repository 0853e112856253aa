"""Rank correlations: agreement between scores and truth over all pairs of architectures."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from archrank.criteria._checks import count_of, pair
from archrank.types import Floats


def kendall_tau(scores: ArrayLike, truth: ArrayLike) -> float:
    r"""Kendall's :math:`\tau_b` (Kendall, Biometrika 1945): agreement of pairs, in [-1, 1].

    :math:`\tau_b = (C - D) / \sqrt{(P - T_s)(P - T_t)}` with :math:`C` concordant and :math:`D`
    discordant of :math:`P = n(n-1)/2` pairs, :math:`T_s` and :math:`T_t` pairs tied in each.

    Raises:
        LabelError: NaN, constant, too few, or not one score per truth.

    Example:
        >>> kendall_tau([1, 2, 3, 4], [1, 2, 4, 3])
        0.6666666666666669
    """
    return _tau_b(*pair(scores, truth))


def kendall_tau_a(scores: ArrayLike, truth: ArrayLike) -> float:
    r"""Kendall's :math:`\tau_a = (C - D) / P`: a tied pair counts as neither right nor wrong.

    This is the formula printed in the Surgery study (section 3); its code, like most, computes
    :func:`kendall_tau`. Without ties the two are equal.

    Raises:
        LabelError: NaN, constant, too few, or not one score per truth.
    """
    a, b = pair(scores, truth)
    return _agreement(a, b) / _pairs(len(a))


def pair_accuracy(scores: ArrayLike, truth: ArrayLike) -> float:
    r"""Share of pairs in their true order, in [0, 1]: :math:`(1 + (C - D)/(P - T_t)) / 2`.

    Pairs of equal truth have no right order and are left out; pairs of equal scores count as half
    right, as if ordered by a coin (Harrell's concordance index, JAMA 1982). Without ties it is
    :math:`(1 + \tau_a) / 2`.

    Raises:
        LabelError: NaN, constant, too few, or not one score per truth.

    Example:
        >>> pair_accuracy([1, 2, 2, 3], [1, 2, 3, 3])  # 4 of 5 right, 1 tied
        0.9
    """
    a, b = pair(scores, truth)
    return 0.5 + 0.5 * _agreement(a, b) / (_pairs(len(b)) - _tied(b))


def tau_at_top(scores: ArrayLike, truth: ArrayLike, k: float) -> float:
    r"""Kendall's :math:`\tau_b` among the predicted top ``k`` only.

    All architectures that tie with the ``k``-th are included, so the result does not depend on the
    order of rows.

    Args:
        scores: ``(n,)`` predictions.
        truth: ``(n,)`` true scores.
        k: a number of architectures (int) or a fraction of them (float).

    Raises:
        LabelError: As for :func:`kendall_tau`, also of the top alone.
    """
    a, b = pair(scores, truth)
    count = count_of(k, len(a))
    top = a >= np.partition(a, len(a) - count)[len(a) - count]
    return kendall_tau(a[top], b[top])


def spearman(scores: ArrayLike, truth: ArrayLike) -> float:
    """Spearman's rank correlation (1904): Pearson's correlation of ranks; ties share a mean rank.

    Raises:
        LabelError: NaN, constant, too few, or not one score per truth.
    """
    from scipy.stats import spearmanr

    return float(spearmanr(*pair(scores, truth)).statistic)


def pearson(scores: ArrayLike, truth: ArrayLike) -> float:
    """Pearson's linear correlation (1895): covariance over the product of standard deviations.

    Raises:
        LabelError: NaN, constant, too few, or not one score per truth.
    """
    a, b = pair(scores, truth)
    return float(np.clip(np.corrcoef(a, b)[0, 1], -1.0, 1.0))


def _tau_b(a: Floats, b: Floats) -> float:
    from scipy.stats import kendalltau

    return float(kendalltau(a, b, variant="b").statistic)


def _agreement(a: Floats, b: Floats) -> int:
    """Compute ``C - D``, concordant minus discordant pairs.

    scipy only gives the quotient, which is exact enough to be rounded back below 1e14 pairs.
    """
    pairs = _pairs(len(a))
    return round(_tau_b(a, b) * float(np.sqrt((pairs - _tied(a)) * float(pairs - _tied(b)))))


def _pairs(n: int) -> int:
    return n * (n - 1) // 2


def _tied(x: Floats) -> int:
    counts = np.unique(x, return_counts=True)[1]
    return int((counts * (counts - 1) // 2).sum())
