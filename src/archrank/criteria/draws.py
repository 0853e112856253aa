"""Expectations over draws without replacement: random search, and ties broken at random."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from archrank.criteria._checks import check_finite
from archrank.errors import LabelError
from archrank.types import Floats


def expected_best_of_random(values: ArrayLike, k: ArrayLike) -> Floats:
    r"""Compute the exact expected maximum of ``k`` draws without replacement from a table.

    With :math:`v_1 \le \ldots \le v_n`, the largest of :math:`k` draws is :math:`v_i` with
    probability :math:`w_i = \binom{i-1}{k-1} / \binom{n}{k}` (order statistics of a finite
    population; David & Nagaraja, *Order Statistics*, 2003, section 3.7).

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
    check_finite("values", v)
    n = len(v)
    if draws.ndim != 1 or not np.issubdtype(draws.dtype, np.integer):
        raise LabelError(f"k must be whole numbers (m,), got {draws.dtype} of shape {draws.shape}")
    outside = draws[(draws < 1) | (draws > n)]
    if len(outside):
        raise LabelError(
            f"k={outside[0]}: draws without replacement from {n} values must be 1 to {n}"
        )
    falling = np.sort(v)[::-1]  # v_n first
    expected = np.empty(len(draws))
    for at, count in enumerate(draws.tolist()):  # one k at a time: (m, n) may not fit in memory
        expected[at] = first_drawn(n, count) @ falling[: n - count + 1]
    return np.clip(expected, v.min(), v.max())


def first_drawn(n: int, k: int) -> Floats:
    r"""Compute the probability that each of ``n`` ordered items is the first of ``k`` drawn ones.

    The ``k`` items are drawn without replacement. The recursion :math:`w_n = k/n`,
    :math:`w_{i-1} = w_i (i-k)/(i-1)` avoids the overflow and cancellation of binomial coefficients.

    Returns:
        ``(n - k + 1,)``, the first item first; later items have probability 0.
    """
    i = np.arange(n, k, -1, dtype=np.float64)  # one with i < k is never the first
    steps = (i - k) / (i - 1)
    weights: Floats = k / n * np.cumprod(np.concatenate([[1.0], steps]))
    return weights
