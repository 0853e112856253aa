"""How good a ranking is, and what random search would have reached.

Correlations are defined on ties and take ``scores: (n,)`` and ``truth: (n,)``, both
higher-is-better.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from archrank.errors import LabelError
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
    from scipy.stats import kendalltau

    return float(kendalltau(*_pair(scores, truth), variant="b").statistic)


def spearman(scores: ArrayLike, truth: ArrayLike) -> float:
    """Spearman's rank correlation (1904): Pearson's, of the ranks; ties share their mean rank.

    Raises:
        LabelError: NaN, constant, too few, or not one score per truth.
    """
    from scipy.stats import spearmanr

    return float(spearmanr(*_pair(scores, truth)).statistic)


def pearson(scores: ArrayLike, truth: ArrayLike) -> float:
    """Pearson's linear correlation (1895): covariance over the product of standard deviations.

    Raises:
        LabelError: NaN, constant, too few, or not one score per truth.
    """
    a, b = _pair(scores, truth)
    return float(np.clip(np.corrcoef(a, b)[0, 1], -1.0, 1.0))


def expected_best_of_random(values: ArrayLike, k: ArrayLike) -> Floats:
    r"""Expected maximum of ``k`` draws without replacement from a table: exact.

    With :math:`v_1 \le \dots \le v_n`, the largest of :math:`k` draws is :math:`v_i` with
    probability :math:`w_i = \binom{i-1}{k-1} / \binom{n}{k}` (order statistics of a finite
    population; David & Nagaraja, *Order Statistics*, 2003, section 3.7). The weights follow from
    :math:`w_n = k/n` and :math:`w_{i-1} = w_i (i-k)/(i-1)`, which neither overflows nor cancels.

    Args:
        values: ``(n,)`` scores of the whole table, higher is better.
        k: ``(m,)`` numbers of draws, each in ``1..n``.

    Returns:
        ``(m,)`` expectations.

    Raises:
        LabelError: no values, NaN or infinite ones, or ``k`` outside ``1..n``.

    Example:
        >>> expected_best_of_random([1, 2, 3], [1, 2, 3]).round(4).tolist()
        [2.0, 2.6667, 3.0]
    """
    v = np.asarray(values, dtype=np.float64)
    draws = np.asarray(k)
    if v.ndim != 1 or len(v) == 0:
        raise LabelError(f"expected a table of values (n,), got shape {v.shape}")
    _check_finite("values", v)
    n = len(v)
    if draws.ndim != 1 or not np.issubdtype(draws.dtype, np.integer):
        raise LabelError(f"k must be whole numbers (m,), got {draws.dtype} of shape {draws.shape}")
    outside = draws[(draws < 1) | (draws > n)]
    if len(outside):
        raise LabelError(f"cannot draw {outside[0]} of {n} values without replacement")
    falling = np.sort(v)[::-1]  # v_n first
    i = np.arange(n, 1, -1, dtype=np.float64)
    expected = np.empty(len(draws))
    for at, count in enumerate(draws.tolist()):  # one row at a time: (m, n) may not fit in memory
        top = n - count  # v_i with i < k is never the largest
        steps = (i[:top] - count) / (i[:top] - 1)
        weights = count / n * np.cumprod(np.concatenate([[1.0], steps]))  # (n - k + 1,)
        expected[at] = weights @ falling[: top + 1]
    return np.clip(expected, v.min(), v.max())


def _pair(scores: ArrayLike, truth: ArrayLike) -> tuple[Floats, Floats]:
    a = np.asarray(scores, dtype=np.float64)
    b = np.asarray(truth, dtype=np.float64)
    if a.ndim != 1 or a.shape != b.shape:
        raise LabelError(f"expected scores and truth of one shape (n,), got {a.shape}, {b.shape}")
    if len(a) < 2:
        raise LabelError(f"a ranking needs at least 2 architectures, got {len(a)}")
    for name, column in (("scores", a), ("truth", b)):
        _check_finite(name, column)
        if (column == column[0]).all():
            raise LabelError(f"all {len(a)} {name} are {column[0]:g}; there is no order to compare")
    return a, b


def _check_finite(name: str, column: Floats) -> None:
    bad = np.flatnonzero(~np.isfinite(column))
    if len(bad):
        raise LabelError(
            f"{len(bad)} of {len(column)} {name} are NaN or infinite, the first at row {bad[0]}; "
            "drop failed evaluations first"
        )
