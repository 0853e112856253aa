"""Correlations against scipy and brute force."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from scipy import stats

from archrank.criteria import (
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


@pytest.mark.parametrize("criterion", CORRELATIONS)
def test_perfect_orders(criterion) -> None:
    assert criterion([1, 2, 3], [10, 20, 30]) == pytest.approx(1)
    assert criterion([3, 2, 1], [10, 20, 30]) == pytest.approx(-1)


def test_tau_of_every_permutation() -> None:
    for a, b in product([(1, 2, 3, 4), (1, 1, 2, 3)], [(4, 2, 1, 3), (2, 2, 1, 1)]):
        x, y = np.array(a), np.array(b)
        assert kendall_tau(x, y) == pytest.approx(brute_tau_b(x, y))
