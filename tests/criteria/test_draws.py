"""Draws without replacement against enumeration and closed forms."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.special import gammaln

from archrank.criteria import (
    expected_best_of_random,
)
from archrank.errors import LabelError


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n", range(1, 8))
def test_expected_best_by_enumeration(n: int, seed: int) -> None:
    values = np.random.default_rng(seed).integers(-5, 6, n).astype(float)  # with ties
    ks = np.arange(1, n + 1)
    brute = [np.mean([max(c) for c in combinations(values, k)]) for k in ks]
    np.testing.assert_allclose(expected_best_of_random(values, ks), brute, atol=1e-12)


@pytest.mark.parametrize("k", [1, 2, 100, 10_000, 211_812, 423_623, 423_624])
def test_expected_best_of_a_large_table(k: int) -> None:
    """For the values 1..n it is k (n + 1) / (k + 1), in closed form."""
    n = 423_624
    found = expected_best_of_random(np.arange(1.0, n + 1), np.array([k]))
    assert found[0] == pytest.approx(k * (n + 1) / (k + 1), rel=1e-9)


def test_expected_best_by_log_gamma() -> None:
    values = np.sort(np.random.default_rng(0).normal(size=5000))
    i = np.arange(1, 5001)
    for k in (3, 70, 4000):
        j = i[i >= k]

        def log_binomial(a, b):
            return gammaln(a + 1) - gammaln(b + 1) - gammaln(a - b + 1)

        weights = np.exp(log_binomial(j - 1, k - 1) - log_binomial(5000, k))
        assert expected_best_of_random(values, [k])[0] == pytest.approx(weights @ values[j - 1])


def test_expected_best_never_falls() -> None:
    values = np.random.default_rng(1).exponential(size=300)
    curve = expected_best_of_random(values, np.arange(1, 301))
    assert curve[0] == pytest.approx(values.mean())
    assert curve[-1] == values.max()
    assert (np.diff(curve) >= 0).all()


def test_expected_best_of_constant_values() -> None:
    assert expected_best_of_random([0.3] * 4, [1, 4]).tolist() == [0.3, 0.3]
    assert expected_best_of_random([0.3], np.array([], dtype=int)).shape == (0,)


@pytest.mark.parametrize(
    ("values", "k", "message"),
    [
        ([], [1], r"shape \(0,\)"),
        ([1, np.nan], [1], "1 of 2 values are NaN"),
        ([1, 2], [3], "k=3: draws without replacement from 2 values"),
        ([1, 2], [0], "k=0: draws without replacement from 2 values"),
        ([1, 2], [1.5], "whole numbers"),
        ([1, 2], 1, "whole numbers"),
    ],
)
def test_expected_best_of_unusable_input(values, k, message: str) -> None:
    with pytest.raises(LabelError, match=message):
        expected_best_of_random(values, k)
