"""criteria/top.py and criteria/gain.py against enumeration and scikit-learn."""

from __future__ import annotations

from functools import partial
from itertools import pairwise, permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from archrank import criteria
from archrank.criteria import (
    best_ranking_at,
    ndcg,
    precision_at,
    precision_at_bottom,
    relevance,
    top_k_accuracy,
    worst_ranking_at,
)
from archrank.errors import LabelError, UnknownNameError


def orders(values):
    """All ways to put ``values`` in descending order: ties in every order."""
    for order in permutations(range(len(values))):
        if all(values[i] >= values[j] for i, j in pairwise(order)):
            yield order


def tied(seed: int, n: int = 6, levels: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    while True:
        a, b = rng.integers(0, levels, (2, n)).astype(float)
        if np.ptp(a) and np.ptp(b):
            return a, b


@pytest.mark.parametrize("k", [1, 2, 3, 6])
@pytest.mark.parametrize("seed", range(6))
def test_precision_is_the_mean_over_tie_orders(seed: int, k: int) -> None:
    a, b = tied(seed, 5 if k < 6 else 6)
    k = min(k, len(a))
    top = [set(p[:k]) for p in orders(a)], [set(p[:k]) for p in orders(b)]
    brute = np.mean([len(x & y) / k for x, y in product(*top)])
    assert precision_at(a, b, k) == pytest.approx(brute)
    bottom = [set(p[:k]) for p in orders(-a)], [set(p[:k]) for p in orders(-b)]
    brute = np.mean([len(x & y) / k for x, y in product(*bottom)])
    assert precision_at_bottom(a, b, k) == pytest.approx(brute)


@pytest.mark.parametrize("k", [1, 2, 4, 6])
@pytest.mark.parametrize("seed", range(8))
def test_rankings_are_means_over_tie_orders(seed: int, k: int) -> None:
    a, b = tied(seed)
    rank = [1 + sum(y > x for y in b) for x in b]
    tops = [[rank[i] for i in p[:k]] for p in orders(a)]
    best, worst = np.mean([min(t) for t in tops]), np.mean([max(t) for t in tops])
    assert best_ranking_at(a, b, k, absolute=True) == pytest.approx(best)
    assert best_ranking_at(a, b, k) == pytest.approx(best / 6)
    assert worst_ranking_at(a, b, k, absolute=True) == pytest.approx(worst)
    assert worst_ranking_at(a, b, k) == pytest.approx(worst / 6)


@pytest.mark.parametrize("k", [1, 2, 4, 6])
@pytest.mark.parametrize("seed", range(8))
def test_top_k_accuracy_is_the_mean_over_tie_orders(seed: int, k: int) -> None:
    a, b = tied(seed)
    assert top_k_accuracy(a, b, k) == pytest.approx(
        np.mean([max(b[i] for i in p[:k]) for p in orders(a)])
    )
    v = np.random.default_rng(seed).permutation(6).astype(float)  # no ties: the choice is plain
    brute = np.mean([b[max(p[:k], key=lambda i: v[i])] for p in orders(a)])
    assert top_k_accuracy(a, b, k, validation=v) == pytest.approx(brute)


def test_top_k_accuracy_of_validation_ties() -> None:
    """Two candidates tie in validation: their mean truth."""
    scores, truth, validation = [4, 3, 2, 1.0], [0.5, 0.7, 0.9, 0.1], [8, 8, 7, 9.0]
    assert top_k_accuracy(scores, truth, 3, validation=validation) == pytest.approx(0.6)
    assert top_k_accuracy(scores, truth, 4, validation=validation) == pytest.approx(0.1)
    assert top_k_accuracy(scores, truth, 3) == 0.9


def test_regret_of_the_top() -> None:
    scores, truth, validation = [4, 3, 2, 1.0], [0.5, 0.7, 0.9, 0.1], [7, 8, 9, 10.0]
    regret = criteria.regret
    assert regret(scores, truth) == pytest.approx(0.4)
    assert regret(scores, truth, k=2) == pytest.approx(0.2)
    assert regret(scores, truth, k=2, validation=validation) == pytest.approx(0.2)
    by_validation = partial(regret, validation=validation, reference="validation")
    assert by_validation(scores, truth, k=2) == pytest.approx(0.1 - 0.7)  # luck: negative
    assert by_validation(scores, truth, k=4) == pytest.approx(0)
    with pytest.raises(UnknownNameError, match="did you mean 'validation'"):
        regret(scores, truth, reference="valid")
    with pytest.raises(LabelError, match="expected 4 validation scores"):
        regret(scores, truth, validation=[1, 2])


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=12),
    st.data(),
)
def test_no_criterion_depends_on_the_order_of_rows(rows, data) -> None:
    a, b = np.array(rows, dtype=float).T
    if not np.ptp(a) or not np.ptp(b):
        return
    k = data.draw(st.integers(1, len(a)))
    order = data.draw(st.permutations(range(len(a))))
    for f in (precision_at, precision_at_bottom, best_ranking_at, worst_ranking_at):
        value = f(a, b, k)
        assert 0 <= value <= 1 + 1e-12
        assert f(a[order], b[order], k) == pytest.approx(value)
        assert f(np.exp(a), 7 * b, k) == pytest.approx(value)  # only the order counts
    assert best_ranking_at(a, b, k) <= worst_ranking_at(a, b, k) + 1e-12
    gain = partial(ndcg, k=k, relevance=lambda x: x)
    assert gain(a[order], b[order]) == pytest.approx(gain(a, b))


def test_perfect_scores() -> None:
    truth = np.random.default_rng(0).permutation(100).astype(float)
    for k in (1, 0.05, 50, 1.0):
        count = k if isinstance(k, int) else int(k * 100)
        assert precision_at(truth, truth, k) == precision_at_bottom(truth, truth, k) == 1
        assert best_ranking_at(truth, truth, k) == 0.01
        assert worst_ranking_at(truth, truth, k, absolute=True) == count
        assert ndcg(truth, truth, k=k) == pytest.approx(1)
    assert criteria.regret(truth, truth) == 0


def test_a_fraction_rounds_down() -> None:
    truth = np.arange(100.0)
    assert worst_ranking_at(truth, truth, 0.29) == 0.29  # .29 * 100 = 28.999999999999996
    assert worst_ranking_at(truth, truth, 0.299) == 0.29
    assert worst_ranking_at(truth, truth, np.int64(3), absolute=True) == 3
    assert worst_ranking_at(truth, truth, np.float64(1)) == 1


@pytest.mark.parametrize(
    "criterion", [precision_at, precision_at_bottom, best_ranking_at, top_k_accuracy]
)
@pytest.mark.parametrize(
    ("k", "message"),
    [
        (0, r"k=0 is outside 1\.\.4"),
        (5, r"k=5 is outside 1\.\.4"),
        (0.0, r"k=0.0 is not a fraction"),
        (1.5, "an int"),
        (float("nan"), "not a fraction"),
        (0.2, "k=0.2 of 4 architectures is less than one"),
        (True, "got True"),
        ("10", "got '10'"),
    ],
)
def test_unusable_k(criterion, k, message: str) -> None:
    with pytest.raises(LabelError, match=message):
        criterion([1, 2, 3, 4], [1, 2, 3, 4], k)


# --- NDCG --------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 3, 10, 30, None])
@pytest.mark.parametrize("levels", [4, 1000])
@pytest.mark.parametrize("seed", range(5))
def test_ndcg_is_scikit_learns(seed: int, levels: int, k: int | None) -> None:
    rng = np.random.default_rng(seed)
    scores, truth = rng.integers(0, levels, (2, 30)).astype(float)
    gains = 2 ** relevance(truth) - 1  # scikit-learn takes gains, and averages over ties too
    assert ndcg(scores, truth, k=k) == pytest.approx(ndcg_score([gains], [scores], k=k))


def test_ndcg_by_hand() -> None:
    found = ndcg([3.0, 2, 1], [1.0, 0, 2], relevance=lambda x: x)
    ideal = 3 + 1 / np.log2(3)
    assert found == pytest.approx((1 + 3 / 2) / ideal)
    assert ndcg([3.0, 2, 1], [1.0, 0, 2], k=1, relevance=lambda x: x) == pytest.approx(1 / 3)


def test_ndcg_with_fixed_bounds() -> None:
    rng = np.random.default_rng(0)
    truth = rng.uniform(0.7, 0.78, 50)
    scores = truth + rng.normal(0, 0.02, 50)
    bounds = partial(relevance, scale=15, lower=0.73, upper=0.76)
    gains = 2 ** (15 * np.clip((truth - 0.73) / 0.03, 0, 1)) - 1
    found = ndcg(scores, truth, k=10, relevance=bounds)
    assert found == pytest.approx(ndcg_score([gains], [scores], k=10))


@pytest.mark.parametrize(
    ("truth", "options", "message"),
    [
        ([0.1, 0.9, 0.9, 0.9, 0.9, 0.9], {}, "maximum 0.9 is not above the 20% quantile"),
        ([0.1, 0.2], {"relevance": lambda x: x * 0}, "got 0 to 0"),
        ([0.1, -0.2], {"relevance": lambda x: x}, "got -0.2 to 0.1"),
        ([0.1, 0.2], {"relevance": lambda x: x[:1]}, "expected 2 relevances"),
        ([0.1, 0.2], {"k": 3}, "outside"),
    ],
)
def test_unusable_relevances(truth, options, message: str) -> None:
    with pytest.raises(LabelError, match=message):
        ndcg(np.arange(len(truth)), truth, **options)


def test_ndcg_of_huge_relevances() -> None:
    assert ndcg([1.0, 2], [4000.0, 3999], relevance=lambda x: x) == pytest.approx(
        (0.5 + 1 / np.log2(3)) / (1 + 0.5 / np.log2(3))
    )
