"""Differences that are paired by repetition, and intervals of means."""

from __future__ import annotations

import math

from scipy.stats import t as student

from archrank.types import Floats

LEVEL = 0.95
"""Share of intervals that hold the true mean."""


def above(differences: Floats) -> bool:
    """Tell whether differences ``(n,)`` are above zero by more than their standard error."""
    n = len(differences)
    error = float(differences.std(ddof=1)) / math.sqrt(n) if n > 1 else 0.0
    return bool(differences.mean() > error)


def interval(values: Floats) -> float:
    """Return half the width of the interval of a mean of ``(n,)`` values; NaN of a single one."""
    n = len(values)
    if n < 2:
        return math.nan
    return float(student.ppf((1 + LEVEL) / 2, n - 1) * values.std(ddof=1) / math.sqrt(n))
