"""criteria.py against scipy and brute force."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from scipy import stats
from scipy.special import gammaln

from archrank.criteria import (
    expected_best_of_random,
    kendall_tau,
    kendall_tau_a,
    pair_accuracy,
    pearson,
    spearman,
    tau_at_top,
)
from archrank.errors import LabelError

CORRELATIONS = [kendall_tau, kendall_tau_a, spearman, pearson]


def brute_tau_b(a: np.ndarray, b: np.ndarray) -> float:
    pairs = list(combinations(range(len(a)), 2))
    agree = sum(np.sign(a[i] - a[j]) * np.sign(b[i] - b[j]) for i, j in pairs)
    untied = [sum(x[i] != x[j] for i, j in pairs) for x in (a, b)]
    return float(agree / np.sqrt(untied[0] * untied[1]))


@pytest.mark.parametrize("seed", range(20))
def test_correlations_on_ties(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, 6, (2, 30)).astype(float)
    assert kendall_tau(a, b) == pytest.approx(brute_tau_b(a, b))
    ranks = stats.rankdata(a), stats.rankdata(b)
    assert spearman(a, b) == pytest.approx(np.cov(*ranks)[0, 1] / np.prod(np.std(ranks, 1, ddof=1)))
    assert pearson(a, b) == pytest.approx(stats.pearsonr(a, b).statistic)


@pytest.mark.parametrize("seed", range(20))
def test_pairs_on_ties(seed: int) -> None:
    a, b = np.random.default_rng(seed).integers(0, 6, (2, 25)).astype(float)
    agree, right, untied = 0.0, 0.0, 0
    for i, j in combinations(range(25), 2):
        order = np.sign(a[i] - a[j]) * np.sign(b[i] - b[j])
        agree += order
        if b[i] != b[j]:
            untied += 1
            right += (order + 1) / 2  # 1, a half, or 0
    assert kendall_tau_a(a, b) == pytest.approx(agree / 300)
    assert pair_accuracy(a, b) == pytest.approx(right / untied)


def test_pair_accuracy_of_a_published_tau() -> None:
    """The blog's tau of .617 is a pair accuracy of .8085: (1 + tau) / 2 without ties."""
    order = list(range(602))[::-1]  # 180,901 pairs inverted
    order.insert(344, 602)  # 258 more: .1915 of the 946,000 pairs of 1,376
    order += range(603, 1376)
    assert kendall_tau_a(range(1376), order) == pytest.approx(0.617, abs=1e-12)
    assert kendall_tau(range(1376), order) == pytest.approx(0.617, abs=1e-12)
    assert pair_accuracy(range(1376), order) == pytest.approx(0.8085, abs=1e-12)


def test_tau_a_is_exact_on_many_pairs() -> None:
    n = 100_000
    truth = np.arange(n, dtype=float)
    scores = truth.copy()
    scores[[0, 1]] = scores[[1, 0]]
    pairs = n * (n - 1) // 2
    assert kendall_tau_a(scores, truth) == (pairs - 2) / pairs
    assert pair_accuracy(scores, truth) == pytest.approx(1 - 1 / pairs, abs=1e-15)


def test_tau_at_top_takes_in_ties_at_the_cut() -> None:
    scores = [9.0, 8, 7, 7, 7, 1, 0]
    truth = [5.0, 6, 1, 2, 9, 7, 8]
    expected = brute_tau_b(np.array(scores[:5]), np.array(truth[:5]))
    for k in (3, 4, 5, 0.5):
        assert tau_at_top(scores, truth, k) == pytest.approx(expected)
    assert tau_at_top(scores, truth, 2) == pytest.approx(-1)
    assert tau_at_top(scores, truth, 1.0) == pytest.approx(kendall_tau(scores, truth))
    with pytest.raises(LabelError, match="at least 2"):
        tau_at_top(scores, truth, 1)


@pytest.mark.parametrize("criterion", [*CORRELATIONS, pair_accuracy])
def test_labels_cast_to_integers(criterion) -> None:
    for cast in (np.array([0.9, 0.8, 1.0]).astype(np.int32), [0, 0, 0], np.ones(3, np.uint8)):
        with pytest.raises(
            LabelError, match=r"3 truth values are 0 or 1 of type u?int\d+: .* as floats"
        ):
            criterion([1, 2, 3], cast)
    assert criterion([1, 2, 3], [0.0, 1.0, 1.0]) > 0  # floats are taken at their word


@pytest.mark.parametrize("criterion", CORRELATIONS)
def test_perfect_orders(criterion) -> None:
    assert criterion([1, 2, 3], [10, 20, 30]) == pytest.approx(1)
    assert criterion([3, 2, 1], [10, 20, 30]) == pytest.approx(-1)


@pytest.mark.parametrize("criterion", [*CORRELATIONS, pair_accuracy])
@pytest.mark.parametrize(
    ("scores", "truth", "message"),
    [
        ([1, np.nan, 3], [1, 2, 3], "1 of 3 scores are NaN"),
        ([1, 2, 3], [1, np.inf, 3], "1 of 3 truth are NaN or infinite, the first at row 1"),
        ([1, 1, 1], [1, 2, 3], "all 3 scores are 1"),
        ([1, 2, 3], [2, 2, 2], "all 3 truth are 2"),
        ([1], [1], "at least 2"),
        ([], [], "at least 2"),
        ([1, 2], [1, 2, 3], "one shape"),
        ([[1, 2]], [[1, 2]], "one shape"),
    ],
)
def test_unusable_input(criterion, scores, truth, message: str) -> None:
    with pytest.raises(LabelError, match=message):
        criterion(scores, truth)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n", range(1, 8))
def test_expected_best_by_enumeration(n: int, seed: int) -> None:
    values = np.random.default_rng(seed).integers(-5, 6, n).astype(float)  # with ties
    ks = np.arange(1, n + 1)
    brute = [np.mean([max(c) for c in combinations(values, k)]) for k in ks]
    np.testing.assert_allclose(expected_best_of_random(values, ks), brute, atol=1e-12)


@pytest.mark.parametrize("k", [1, 2, 100, 10_000, 211_812, 423_623, 423_624])
def test_expected_best_of_a_large_table(k: int) -> None:
    """Of the values 1..n it is k (n + 1) / (k + 1), in closed form."""
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
        ([1, 2], [3], "cannot draw 3 of 2"),
        ([1, 2], [0], "cannot draw 0 of 2"),
        ([1, 2], [1.5], "whole numbers"),
        ([1, 2], 1, "whole numbers"),
    ],
)
def test_expected_best_of_unusable_input(values, k, message: str) -> None:
    with pytest.raises(LabelError, match=message):
        expected_best_of_random(values, k)


def test_tau_of_every_permutation() -> None:
    for a, b in product([(1, 2, 3, 4), (1, 1, 2, 3)], [(4, 2, 1, 3), (2, 2, 1, 1)]):
        x, y = np.array(a), np.array(b)
        assert kendall_tau(x, y) == pytest.approx(brute_tau_b(x, y))
