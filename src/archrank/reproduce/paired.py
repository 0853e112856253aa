"""Differences that are paired by repetition."""

from __future__ import annotations

import math

from archrank.types import Floats


def above(differences: Floats) -> bool:
    """Tell whether differences ``(n,)`` are above zero by more than their standard error."""
    n = len(differences)
    error = float(differences.std(ddof=1)) / math.sqrt(n) if n > 1 else 0.0
    return bool(differences.mean() > error)
