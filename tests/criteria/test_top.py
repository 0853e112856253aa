"""Criteria of the top against enumeration of all tie orders."""

from __future__ import annotations

from functools import partial
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archrank import criteria
from archrank.criteria import (
    best_ranking_at,
    n_at,
    ndcg,
    precision_at,
    precision_at_bottom,
    top_k_accuracy,
    worst_ranking_at,
)
from archrank.errors import LabelError, UnknownNameError
from tests.criteria.helpers import orders, tied


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
    assert n_at(a, b, k) == pytest.approx(best)
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


def test_shares_of_the_top_by_sets() -> None:
    """P@5 % and N@10 as sentences, without ties: sets of the best by sorting."""
    rng = np.random.default_rng(3)
    truth = rng.permutation(400) / 400
    scores = truth + rng.normal(size=400) / 4
    predicted, true = (list(np.argsort(-x)) for x in (scores, truth))
    shared = len({*predicted[:20]} & {*true[:20]}) / 20
    assert 0 < shared < 1
    assert precision_at(scores, truth, 0.05) == shared
    assert n_at(scores, truth, 10) == 1 + min(true.index(row) for row in predicted[:10])
    assert n_at(scores, truth, 0.025) == n_at(scores, truth, 10)
    assert n_at(-truth, truth, 10) == 391


def test_perfect_scores() -> None:
    truth = np.random.default_rng(0).permutation(100).astype(float)
    for k in (1, 0.05, 50, 1.0):
        count = k if isinstance(k, int) else int(k * 100)
        assert precision_at(truth, truth, k) == precision_at_bottom(truth, truth, k) == 1
        assert best_ranking_at(truth, truth, k) == 0.01
        assert worst_ranking_at(truth, truth, k, absolute=True) == count
        assert ndcg(truth, truth, k=k) == pytest.approx(1)
    assert criteria.regret(truth, truth) == 0
