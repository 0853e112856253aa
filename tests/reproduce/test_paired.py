"""Paired differences and intervals of means."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import sem
from scipy.stats import t as scipy_t

from archrank.comparison.statistics import half_width
from archrank.reproduce.paired import above


def test_a_difference_must_exceed_its_standard_error() -> None:
    values = np.array([0.0, 0.03, 0.06])
    assert above(values)
    assert not above(values - 0.02)
    assert above(values[1:2])
    assert not above(values[:1])


def test_an_interval_is_of_students_t() -> None:
    values = np.array([0.0, 0.03, 0.06])
    low, high = scipy_t.interval(0.95, 2, loc=0.03, scale=sem(values))
    assert half_width(values) == pytest.approx((high - low) / 2)
    assert np.isnan(half_width(values[:1]))
