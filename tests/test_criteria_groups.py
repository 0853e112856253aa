"""criteria/groups.py and criteria/resampling.py."""

from __future__ import annotations

import time
from functools import partial

import numpy as np
import pytest
from scipy import stats

from archrank import criteria
from archrank.criteria import (
    bootstrap,
    bootstrap_all,
    group_rank_difference,
    group_tau,
    isomorphism_spread,
    kendall_tau,
    precision_at,
    rank_dynamics,
    spearman,
)
from archrank.errors import LabelError


def noisy(n: int = 100, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=n)
    return truth + rng.normal(size=n), truth


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
        ([1, 2, 3, 4], 0, "cannot form 0 groups of 4"),
        ([1, 2, 3, 4], 5, "cannot form 5 groups of 4"),
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


# --- many times --------------------------------------------------------------------------------


def test_bootstrap_of_a_correlation() -> None:
    """Fisher's interval of Spearman's correlation is close."""
    scores, truth = noisy(200)
    low, high = bootstrap(spearman, scores, truth, rng=np.random.default_rng(0), resamples=400)
    middle = spearman(scores, truth)
    assert low < middle < high
    half = 1.96 * np.sqrt((1 + middle**2 / 2) / 197)
    expected = np.tanh(np.arctanh(middle) + np.array([-half, half]))
    np.testing.assert_allclose([low, high], expected, atol=0.04)


def test_bootstrap_is_reproducible_and_takes_options() -> None:
    scores, truth = noisy(40)
    top = partial(precision_at, k=0.25)
    ends = [
        bootstrap(top, scores, truth, rng=np.random.default_rng(3), resamples=50, level=level)
        for level in (0.95, 0.95, 0.5)
    ]
    assert ends[0] == ends[1]
    assert ends[0][0] <= ends[2][0] <= ends[2][1] <= ends[0][1]


def test_bootstrap_of_several_shares_its_draws() -> None:
    scores, truth = noisy()
    both = {"tau": kendall_tau, "spearman": spearman}
    found = bootstrap_all(both, scores, truth, rng=np.random.default_rng(4), resamples=30)
    for name, criterion in both.items():
        rng = np.random.default_rng(4)
        assert found[name] == bootstrap(criterion, scores, truth, rng=rng, resamples=30)


def test_bootstrap_draws_undefined_resamples_again() -> None:
    scores, truth = np.arange(4.0), np.array([0.0, 0, 0, 1])
    ends = bootstrap(kendall_tau, scores, truth, rng=np.random.default_rng(0), resamples=30)
    assert np.isfinite(ends).all()
    rare = np.zeros(4000)
    rare[0] = 1

    def needs_ten(s, t):
        if t.sum() < 6 and len(np.unique(s)) < len(s):
            raise LabelError("too few")
        return 0.0

    with pytest.raises(LabelError, match="defined on only 0 of 50 resamples"):
        bootstrap(needs_ten, np.arange(4000), rare, rng=np.random.default_rng(0), resamples=5)


@pytest.mark.parametrize("options", [{"resamples": 0}, {"level": 0.0}, {"level": 95}])
def test_unusable_bootstraps(options) -> None:
    with pytest.raises(LabelError, match="cannot bootstrap"):
        bootstrap(kendall_tau, *noisy(), rng=np.random.default_rng(0), **options)


def test_bootstrap_says_what_is_wrong_with_all() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(LabelError, match="outside"):
        bootstrap(partial(precision_at, k=200), *noisy(), rng=rng)


def test_rank_dynamics() -> None:
    _, truth = noisy(50)
    noise = np.random.default_rng(1).normal(size=50)
    scores = np.stack([np.zeros(50), truth + 3 * noise, truth + 0.1 * noise])
    curves = rank_dynamics(scores, truth, {"tau": kendall_tau, "p10": partial(precision_at, k=0.1)})
    assert list(curves) == ["tau", "p10"]
    assert np.isnan(curves["tau"][0])  # untrained: all scores equal
    assert curves["tau"][1] == kendall_tau(scores[1], truth)
    assert curves["tau"][2] > curves["tau"][1]
    for bad in (scores[0], scores[:, :40]):
        with pytest.raises(LabelError, match="checkpoints"):
            rank_dynamics(bad, truth, {"tau": kendall_tau})
    with pytest.raises(LabelError, match="all 50 truth are 0"):
        rank_dynamics(scores, truth * 0, {"tau": kendall_tau})


def test_a_large_table_is_fast() -> None:
    """Every criterion of 423,624 architectures takes about 1.3 s; twice that is a regression."""
    n = 423_624
    rng = np.random.default_rng(0)
    truth = rng.normal(size=n).round(3)
    scores, cost, classes = truth + rng.normal(size=n), rng.integers(0, 3000, n), np.arange(n) // 2
    start = time.process_time()
    for f in (
        criteria.kendall_tau, criteria.kendall_tau_a, criteria.pair_accuracy, criteria.spearman,
        criteria.pearson, criteria.ndcg, criteria.regret,
    ):  # fmt: skip
        assert np.isfinite(f(scores, truth))
    for f in (
        criteria.precision_at, criteria.precision_at_bottom, criteria.best_ranking_at,
        criteria.worst_ranking_at, criteria.tau_at_top, criteria.top_k_accuracy,
    ):  # fmt: skip
        assert np.isfinite(f(scores, truth, 0.05))
    assert np.isfinite(group_tau(scores, truth, cost)).all()
    assert np.isfinite(group_rank_difference(scores, truth, cost)).all()
    assert np.isfinite(isomorphism_spread(scores, classes)).all()
    assert time.process_time() - start < 3
