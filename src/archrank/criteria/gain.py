"""Discounted cumulative gain, a criterion in which the first positions count most."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from archrank.criteria._checks import check_finite, column, count_of, pair
from archrank.errors import LabelError, UnknownNameError
from archrank.types import Floats

TIES = ("refuse", "two_levels")


def relevance(
    scores: ArrayLike,
    *,
    scale: float = 20.0,
    quantile: float = 0.2,
    lower: float | None = None,
    upper: float | None = None,
    ties: Literal["refuse", "two_levels"] = "refuse",
) -> Floats:
    r"""Relevance of AceNAS: :math:`U \cdot \mathrm{clip}((x - q)/(\max - q), 0, 1)`.

    AceNAS, section 3.1: :math:`U = 20`, :math:`q` the 20 % quantile (linear interpolation). Its
    ProxylessNAS runs use ``scale=15, lower=0.73, upper=0.76``.

    Args:
        scores: ``(n,)`` labels.
        scale: :math:`U`, the relevance of the best label.
        quantile: Labels below this quantile have relevance 0.
        lower: A fixed value to use instead of the quantile.
        upper: A fixed value to use instead of the maximum.
        ties: If so many labels tie at the maximum that the quantile equals it, the published
            formula is 0/0. ``"refuse"`` raises an error. With ``"two_levels"``, which rankers use,
            the best labels have relevance :math:`U` and all others 0, as everything that is not
            above the quantile.

    Returns:
        ``(n,)`` relevances in ``[0, scale]``.

    Raises:
        LabelError: NaN, no labels, or an upper bound that is not above the lower one, for instance
            because all labels are equal, or four fifths tie at the maximum and ``ties`` is
            ``"refuse"``.
        UnknownNameError: an unknown value of ``ties``.

    Example:
        >>> relevance([0.1, 0.5, 0.7, 0.9, 0.9, 0.9]).round(2).tolist()
        [0.0, 0.0, 10.0, 20.0, 20.0, 20.0]
        >>> relevance([0.1, 0.5, *[0.9] * 10], ties="two_levels")[:4].tolist()
        [0.0, 0.0, 20.0, 20.0]
    """
    x = np.asarray(scores, dtype=np.float64)
    if ties not in TIES:
        raise UnknownNameError("ties", ties, TIES)
    low, high = _bounds(x, quantile=quantile, lower=lower, upper=upper)
    if ties == "two_levels" and lower is upper is None and x.min() < low == high:
        low = float(x[x < high].max())
    if not high > low:
        what = "the maximum" if upper is None else "upper"
        below = f"the {quantile:.0%} quantile" if lower is None else "lower"
        raise LabelError(
            f"relevance is undefined: {what} {high:g} is not above {below} {low:g}, so no label "
            "stands out; give lower= and upper=, or labels that differ at the top"
        )
    relevances: Floats = scale * np.clip((x - low) / (high - low), 0.0, 1.0)
    return relevances


def _bounds(
    scores: Floats, *, quantile: float, lower: float | None, upper: float | None
) -> tuple[float, float]:
    """Return the labels that relevance 0 and full relevance begin at."""
    if scores.ndim != 1 or len(scores) == 0:
        raise LabelError(f"relevance needs scores (n,), got shape {scores.shape}")
    check_finite("scores", scores)
    if not 0 <= quantile <= 1:
        raise LabelError(f"quantile must be in [0, 1], got {quantile}")
    low = float(np.quantile(scores, quantile)) if lower is None else float(lower)
    high = float(scores.max()) if upper is None else float(upper)
    return low, high


def ndcg(
    scores: ArrayLike,
    truth: ArrayLike,
    *,
    k: float | None = None,
    relevance: Callable[[Floats], ArrayLike] = relevance,
) -> float:
    r"""Normalised discounted cumulative gain, in [0, 1] (AceNAS, Eqs. 1-2).

    .. math:: NDCG@k = \frac1{IDCG} \sum_{r=1}^k \frac{2^{rel_{(r)}} - 1}{\log_2(r + 1)}

    With tied scores, this is the mean over all their orders.

    Args:
        scores: ``(n,)`` predictions.
        truth: ``(n,)`` true scores.
        k: Positions that count: a number (int), a fraction of all (float), or ``None`` for all.
        relevance: Function that turns ``truth`` into relevances >= 0. By default AceNAS's, with
            bounds from ``truth``; ``functools.partial(relevance, lower=..., upper=...)`` fixes
            them.

    Raises:
        LabelError: NaN, constant, too few, not one score per truth, or relevances that are
            negative or all 0.
    """
    a, b = pair(scores, truth)
    count = len(a) if k is None else count_of(k, len(a))
    rel = column("relevances", relevance(b), len(b))
    if rel.min() < 0 or rel.max() == 0:
        raise LabelError(
            f"NDCG needs relevances >= 0 with one above 0, got {rel.min():g} to {rel.max():g}"
        )
    highest = rel.max()  # gains divided by 2**highest, against overflow
    gains = -np.exp2(rel - highest) * np.expm1(-rel * np.log(2))
    discounts = 1 / np.log2(np.arange(2, count + 2))  # (k,)
    order = np.argsort(-a)
    starts = np.flatnonzero(np.diff(a[order], prepend=np.inf))  # where each tie begins
    sizes = np.diff(starts, append=len(a))
    tied = np.repeat(np.add.reduceat(gains[order], starts) / sizes, sizes)  # (n,)
    ideal = np.sort(gains)[::-1][:count] @ discounts
    return float(np.clip(tied[:count] @ discounts / ideal, 0.0, 1.0))
