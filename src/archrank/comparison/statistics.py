"""Means of few runs with intervals, and tests of differences, by Student's t distribution.

Runs are few (three to twenty seeds), where a bootstrap's intervals are too narrow: of three values
it resamples only ten different sets.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import stats

from archrank.types import Floats

LEVEL = 0.95
"""Share of intervals that hold the true mean."""

PAIRED, WELCH = "paired t-test", "Welch's t-test"


def half_width(values: Floats) -> float:
    """Return half the width of the interval of a mean of ``(n,)`` values; NaN of a single one."""
    n = len(values)
    if n < 2:
        return math.nan
    return float(stats.t.ppf((1 + LEVEL) / 2, n - 1) * values.std(ddof=1) / math.sqrt(n))


@dataclass(frozen=True)
class Difference:
    """Difference of two groups' means.

    Attributes:
        mean: the second less the first.
        low: lower end of its interval; NaN where there are too few runs.
        high: upper end.
        p: probability of a difference of this size or more if there were none, of a two-sided
            test; NaN where there are too few runs, or where all differences are equal.
        test: the test; empty where there are too few runs.
        n: pairs of a paired test, else runs of both groups.
    """

    mean: float
    low: float
    high: float
    p: float
    test: str
    n: int


def paired(first: Floats, second: Floats) -> Difference:
    """Compare pairs ``first, second: (n,)``, such as runs of two strategies with equal seeds."""
    differences = second - first
    n = len(differences)
    if n < 2:
        return _untested(float(differences.mean()), n)
    error = float(differences.std(ddof=1)) / math.sqrt(n)
    return _tested(float(differences.mean()), error, n - 1, PAIRED, n)


def unpaired(first: Floats, second: Floats) -> Difference:
    """Compare runs ``first: (n,)`` and ``second: (k,)`` of two groups that share no seeds."""
    mean, total = float(second.mean() - first.mean()), len(first) + len(second)
    if min(len(first), len(second)) < 2:
        return _untested(mean, total)
    parts = [float(v.var(ddof=1)) / len(v) for v in (first, second)]
    sizes = [len(first) - 1, len(second) - 1]
    squares = sum(part**2 / size for part, size in zip(parts, sizes, strict=True))
    freedom = sum(parts) ** 2 / squares if squares > 0 else float(min(sizes))
    return _tested(mean, math.sqrt(sum(parts)), freedom, WELCH, total)


def _tested(mean: float, error: float, freedom: float, test: str, n: int) -> Difference:
    """Test a difference with its standard error; without a spread there is no test."""
    half = float(stats.t.ppf((1 + LEVEL) / 2, freedom)) * error
    p = 2 * float(stats.t.sf(abs(mean) / error, freedom)) if error > 0 else math.nan
    return Difference(mean, mean - half, mean + half, p, test, n)


def _untested(mean: float, n: int) -> Difference:
    return Difference(mean, math.nan, math.nan, math.nan, "", n)


def holm(p: list[float]) -> list[float]:
    """Correct ``p`` of several tests for their number (Holm 1979); NaN stays, and counts for none.

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    known = sorted((value, i) for i, value in enumerate(p) if math.isfinite(value))
    corrected, largest = list(p), 0.0
    for place, (value, i) in enumerate(known):
        largest = max(largest, min((len(known) - place) * value, 1.0))
        corrected[i] = largest
    return corrected
