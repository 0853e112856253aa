"""Groups of equal cost and isomorphism classes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from archrank.criteria import (
    group_rank_difference,
    group_tau,
    isomorphism_spread,
)
from archrank.errors import LabelError
from tests.criteria.helpers import noisy


def test_groups_of_distinct_cost() -> None:
    scores, truth = noisy()
    cost = np.random.default_rng(1).permutation(100) * 1e6
    taus = group_tau(scores, truth, cost, groups=10)
    differences = group_rank_difference(scores, truth, cost)
    rank, predicted = (101 - stats.rankdata(x) for x in (truth, scores))
    for g in range(10):
        rows = np.argsort(cost)[10 * g : 10 * g + 10]
        assert taus[g] == pytest.approx(stats.kendalltau(scores[rows], truth[rows]).statistic)
        assert differences[g] == pytest.approx(np.mean(rank[rows] - predicted[rows]))
    assert differences.sum() == pytest.approx(0)


def test_ten_groups_by_default() -> None:
    scores, truth = noisy()
    assert len(group_tau(scores, truth, np.arange(100))) == 10
    assert len(group_rank_difference(scores, truth, np.arange(100))) == 10


def test_over_estimated_groups_are_positive() -> None:
    """Scores that fall with cost, where truth rises: the cheap half is over-estimated."""
    cost = np.arange(20.0)
    cheap, dear = group_rank_difference(-cost, cost, cost, groups=2)
    assert cheap == 10
    assert dear == -10


def test_equal_costs_stay_together() -> None:
    scores, truth = noisy(10)
    cost = [1.0, 1, 1, 1, 2, 2, 2, 2, 2, 2]  # two groups of five would cut the second
    differences = group_rank_difference(scores, truth, cost, groups=2)
    rank, predicted = (11 - stats.rankdata(x) for x in (truth, scores))
    assert differences[0] == pytest.approx((rank - predicted)[:4].mean())
    assert differences[1] == pytest.approx((rank - predicted)[4:].mean())
    order = np.random.default_rng(0).permutation(10)
    moved = group_tau(scores[order], truth[order], np.array(cost)[order], groups=2)
    np.testing.assert_allclose(moved, group_tau(scores, truth, cost, groups=2))


def test_groups_without_an_order_are_nan() -> None:
    scores, truth = noisy(9)
    truth[:3] = 0.5
    cost = np.repeat([1.0, 2, 3], 3)
    taus = group_tau(scores, truth, cost, groups=3)
    assert np.isnan(taus).tolist() == [True, False, False]
    differences = group_rank_difference(scores, truth, np.ones(9), groups=3)
    assert np.isnan(differences).tolist() == [True, False, True]
    assert np.isnan(group_tau(scores, truth, np.arange(9), groups=9)).all()


@pytest.mark.parametrize(
    ("cost", "groups", "message"),
    [
        ([1, 2, 3], 2, "expected 4 costs"),
        ([1, 2, 3, np.nan], 2, "1 of 4 costs are NaN"),
        ([1, 2, 3, 4], 0, "groups=0: choose from 1 to 4"),
        ([1, 2, 3, 4], 5, "groups=5: choose from 1 to 4"),
    ],
)
@pytest.mark.parametrize("criterion", [group_tau, group_rank_difference])
def test_unusable_costs(criterion, cost, groups: int, message: str) -> None:
    with pytest.raises(LabelError, match=message):
        criterion([1, 2, 3, 4.0], [1, 2, 3, 4.0], cost, groups=groups)


@pytest.mark.parametrize("singles", [True, False])
def test_isomorphism_spread(singles: bool) -> None:
    rng = np.random.default_rng(0)
    scores, classes = rng.normal(size=60).round(1) + 90, rng.integers(0, 40, 60)
    ranks = stats.rankdata(-scores)
    sds, rank_sds = [], []
    for c in set(classes.tolist()):
        rows = classes == c
        if rows.sum() > 1 or singles:
            sds.append(np.std(scores[rows]))
            rank_sds.append(np.std(ranks[rows]))
    spread = isomorphism_spread(scores, classes, singles=singles)
    assert spread.score == pytest.approx(np.mean(sds))
    assert spread.rank == pytest.approx(np.mean(rank_sds))


def test_equal_scores_within_classes() -> None:
    classes = np.array(["a", "b", "a", "c"])
    assert isomorphism_spread([1.0, 2, 1, 3], classes) == (0, 0)


@pytest.mark.parametrize(
    ("scores", "classes", "options", "message"),
    [
        ([1, 2, 3], [0, 0], {}, "expected 2 scores"),
        ([1, 2], [[0, 0]], {}, r"got \(1, 2\)"),
        ([1, np.nan], [0, 0], {}, "1 of 2 scores are NaN"),
        ([1, 1], [0, 0], {}, "all 2 scores are 1"),
        ([1, 2], [0, 1], {"singles": False}, "all 2 classes have one"),
        ([], [], {}, "got none"),
    ],
)
def test_unusable_classes(scores, classes, options, message: str) -> None:
    with pytest.raises(LabelError, match=message):
        isomorphism_spread(scores, classes, **options)
