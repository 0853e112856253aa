"""Intervals and tests against scipy's, and Holm's correction against its definition."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from archrank.comparison.statistics import PAIRED, WELCH, half_width, holm, paired, unpaired

FIRST = np.array([0.91, 0.93, 0.92, 0.95])
SECOND = np.array([0.94, 0.95, 0.93, 0.99])


def test_half_width_is_that_of_students_t() -> None:
    low, high = stats.t.interval(0.95, 3, loc=FIRST.mean(), scale=stats.sem(FIRST))
    assert half_width(FIRST) == pytest.approx((high - low) / 2)
    assert math.isnan(half_width(FIRST[:1]))


def test_paired_is_scipys() -> None:
    found, theirs = paired(FIRST, SECOND), stats.ttest_rel(SECOND, FIRST)
    low, high = theirs.confidence_interval()
    assert found.mean == pytest.approx((SECOND - FIRST).mean())
    assert (found.low, found.high, found.p) == pytest.approx((low, high, theirs.pvalue))
    assert (found.test, found.n) == (PAIRED, 4)


def test_unpaired_is_scipys() -> None:
    found = unpaired(FIRST, SECOND[:3])
    theirs = stats.ttest_ind(SECOND[:3], FIRST, equal_var=False)
    low, high = theirs.confidence_interval()
    assert (found.low, found.high, found.p) == pytest.approx((low, high, theirs.pvalue))
    assert (found.test, found.n) == (WELCH, 7)


def test_no_test_without_spread_or_with_one_run() -> None:
    alike = paired(FIRST, FIRST + 0.5)
    assert alike.mean == pytest.approx(0.5)
    for found in (paired(FIRST[:1], SECOND[:1]), unpaired(FIRST[:1], SECOND)):
        assert math.isnan(found.p)
        assert math.isnan(found.low)
        assert found.test == ""
    assert math.isnan(paired(np.ones(3), np.ones(3)).p)


def test_holm_rejects_as_its_procedure_does() -> None:
    """The least p is compared with level / k, the next with level / (k - 1), until one is above."""
    values = [0.001, 0.011, 0.02, 0.04, 0.2]
    for p in itertools.permutations(values):
        rejected = set()
        for place, value in enumerate(sorted(p)):
            if value > 0.05 / (len(p) - place):
                break
            rejected.add(value)
        found = {value for value, corrected in zip(p, holm(list(p)), strict=True)
                 if corrected <= 0.05}  # fmt: skip
        assert found == rejected
    assert holm([0.03, math.nan])[0] == 0.03
    assert math.isnan(holm([0.03, math.nan])[1])
