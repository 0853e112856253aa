from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from scipy.stats import rankdata

from archrank.errors import BudgetError
from archrank.rankers import GBDT, GaussianProcess
from archrank.spaces import CustomSpace, NASBench201
from archrank.strategies import STRATEGIES, Guided
from archrank.testing import check_strategy
from archrank.types import Archs, Floats
from tests.strategies.helpers import Weights, build, history, huge, isomorphic, rows, some, tiny


def guided(space: Any, **settings: Any) -> Guided:
    doubt = settings.pop("doubt", 0.0)
    return Guided(Weights(space, doubt=doubt), **{"initial": 4, **settings})


def test_contract(space: NASBench201) -> None:
    check_strategy(lambda: guided(space), space)
    check_strategy(lambda: guided(space, skip_isomorphic=False, explore=0.5), space)
    check_strategy(lambda: guided(space, candidates=500), space)  # generated candidates
    check_strategy(lambda: Guided(initial=20), space)  # still drawing at random


def test_contract_in_a_huge_space() -> None:
    check_strategy(lambda: guided(huge(), candidates=400), huge())


def test_a_real_ranker_in_a_huge_space() -> None:
    space = huge()
    archs = some(space, 30)
    past = history(space, archs, archs.sum(axis=1))
    strategy = Guided(GBDT(space), initial=10, candidates=1000)
    picks = strategy.propose(past, 3, rng=np.random.default_rng(0))
    assert picks.sum(axis=1).mean() > archs.sum(axis=1).mean() + 10


def test_takes_the_top_of_the_whole_space(space: NASBench201) -> None:
    archs = some(space, 60)
    worth = np.array([1.0, 1.1, 1.2, 1.3, 1.4, 1.5])
    past = history(space, archs, archs @ worth)
    picks = guided(space, skip_isomorphic=False).propose(past, 4, rng=np.random.default_rng(0))
    left = space.enumerate()
    left = left[[row.tobytes() not in rows(archs) for row in left]]
    best = left[np.argsort(-(left @ worth))[:4]]
    assert picks.tolist() == best.tolist()


def test_uncertainty_counts_as_kappa_says() -> None:
    space = huge()
    archs = some(space, 40)
    past = history(space, archs, -archs[:, 1] - 0.0 * archs[:, 0])
    for kappa, low, high in ((0.0, -1, 9), (100.0, 9, 9), (-100.0, 0, 0)):
        strategy = guided(space, doubt=1.0, kappa=kappa)
        picks = strategy.propose(past, 3, rng=np.random.default_rng(0))
        assert (low <= picks[:, 0]).all()
        assert (picks[:, 0] <= high).all()


def test_random_at_first_and_while_nothing_can_be_learnt(space: NASBench201) -> None:
    class Refusing(Weights):
        def _fit(self, archs: Archs, scores: Floats) -> None:
            raise AssertionError("nothing can be learnt yet")

    strategy = Guided(Refusing(space), initial=6)
    archs = some(space, 8)
    good = np.arange(8.0)
    for past in (
        history(space, archs[:5], good[:5]),
        history(space, archs, np.zeros(8)),
        history(space, archs, np.full(8, np.nan)),
        history(space, archs, np.where(good == 3, 1.0, np.nan)),
        history(space, archs, np.stack([good, np.zeros(8)], axis=1)),
    ):
        assert len(strategy.propose(past, 3, rng=np.random.default_rng(0))) == 3
    with pytest.raises(AssertionError, match="nothing can be learnt yet"):
        strategy.propose(history(space, archs[:6], good[:6]), 3, rng=np.random.default_rng(0))


def test_a_ranker_that_needs_more_labels_is_not_asked(space: NASBench201) -> None:
    class Demanding(Weights):
        min_labels = 6

    archs = some(space, 8)
    scores = np.where(np.arange(8) < 5, np.arange(8.0), np.nan)
    strategy = Guided(Demanding(space), initial=4)
    past = history(space, archs, scores)
    assert len(strategy.propose(past, 3, rng=np.random.default_rng(0))) == 3


def test_batches(space: NASBench201) -> None:
    strategy = Guided(initial=10, batch_size=3)
    sizes = [strategy.batch(history(space, some(space, n), np.zeros(n))) for n in (0, 7, 10, 30)]
    assert sizes == [10, 3, 3, 3]


@pytest.mark.parametrize("known", [0, 6])
def test_no_two_of_a_class(space: NASBench201, known: int) -> None:
    twins = isomorphic(space, 12)
    pool = rows(twins) | rows(some(space, 12, seed=3))
    archs = np.concatenate([twins[:1], some(space, 5, seed=3)])[:known]
    past = history(
        space,
        archs,
        np.arange(float(known)),
        allowed=lambda a: np.array([row.tobytes() in pool for row in a], dtype=bool),
    )
    picks = guided(space).propose(past, 6, rng=np.random.default_rng(0))
    assert len(rows(space.canonical(picks))) == 6
    assert not rows(space.canonical(picks)) & rows(space.canonical(archs))
    several = guided(space, skip_isomorphic=False).propose(past, 15, rng=np.random.default_rng(0))
    assert len(rows(space.canonical(several))) < 15


def test_only_equivalents_are_left(space: NASBench201) -> None:
    twins = isomorphic(space, 6)[:6]
    others = some(space, 5, seed=3)
    pool = rows(twins) | rows(others)
    archs = np.concatenate([twins[:1], others])
    past = history(
        space,
        archs,
        np.arange(6.0),
        allowed=lambda a: np.array([row.tobytes() in pool for row in a], dtype=bool),
    )
    picks = guided(space).propose(past, 9, rng=np.random.default_rng(0))
    assert rows(picks) == pool - rows(archs)


def test_learns_from_feasible_ones_first() -> None:
    space = huge()
    archs = some(space, 60)
    scores = archs[:, 0].astype(float)
    violation = np.maximum(archs[:, 0] - 5.0, 0) / 5  # the better, the more it violates
    strategy = guided(space)
    free = strategy.propose(history(space, archs, scores), 4, rng=np.random.default_rng(0))
    bound = history(space, archs, scores, violation * 50)
    picks = strategy.propose(bound, 4, rng=np.random.default_rng(0))
    assert free[:, 0].min() > picks[:, 0].max()


def test_mutants_come_from_the_best_that_succeeded() -> None:
    space = huge()
    archs = some(space, 12)
    scores = np.where(np.arange(12) == 4, 9.0, np.where(np.arange(12) == 5, 8.0, np.nan))
    past, rng = history(space, archs, scores), np.random.default_rng(0)
    pool = guided(space)._candidates(past, 400, rng)
    near = (pool[:, None] != archs[None]).sum(axis=2).min(axis=1) < 15
    parents = (pool[near][:, None] != archs[None]).sum(axis=2).argmin(axis=1)
    assert near.sum() > 100
    assert set(parents.tolist()) == {4, 5}
    changes = (pool[near][:, None] != archs[None]).sum(axis=2).min(axis=1)
    assert len(rows(pool)) == len(pool)
    assert changes.min() == 1
    assert changes.mean() == pytest.approx((1.7 + 3.0 + 5.8) / 3, abs=0.4)
    for low, high in ((1, 1), (2, 4), (5, 9)):  # 1.5, 3 or 6 are expected
        assert ((low <= changes) & (changes <= high)).mean() > 0.15


def test_improvement_is_measured_from_the_best() -> None:
    class Known(Weights):
        """Predicts the first choice, with the second as its doubt."""

        def _predict(self, archs: Archs, return_std: bool) -> tuple[Floats, Floats | None]:
            return archs[:, 0].astype(float), 2.0 * archs[:, 1] if return_std else None

    space = CustomSpace({"mean": range(10), "doubt": range(5)}, build)
    archs = np.array([[0, 0], [3, 0], [8, 0]], dtype=np.uint8)
    sure, open_ = [9, 0], [8, 4]  # improve on 8 by 1 and by 3.2, on 0 by 9 and by 8.7
    past = history(
        space,
        archs,
        archs[:, 0],
        allowed=lambda a: np.array([row.tolist() in (sure, open_) for row in a], dtype=bool),
    )
    strategy = Guided(Known(space), initial=3, acquisition="ei")
    picks = strategy.propose(past, 2, rng=np.random.default_rng(0))
    assert picks.tolist() == [open_, sure]


def test_each_fit_has_its_own_seed_and_copy() -> None:
    seeds: list[int] = []

    class Recording(Weights):
        def _fit(self, archs: Archs, scores: Floats) -> None:
            seeds.append(self.seed)
            super()._fit(archs, scores)

    space = tiny()
    archs = some(space, 6)
    past = history(space, archs, np.stack([np.arange(6.0), np.arange(6.0) % 4], axis=1))
    strategy = Guided(Recording(space, seed=7), initial=4)
    for seed in (0, 1):
        strategy.propose(past, 1, rng=np.random.default_rng(seed))
    assert len(set(seeds)) == 4  # two objectives, twice
    assert max(seeds) > 1_000_000
    assert strategy.ranker is not None
    assert strategy.ranker.get_params()["seed"] == 7
    assert not hasattr(strategy.ranker, "n_labels_")


def test_several_objectives_count_by_rank_whatever_their_units() -> None:
    space = huge()
    archs = some(space, 60)
    both = np.stack([archs[:, 0] + 0.5 * archs[:, 2], archs[:, 1] - 1.0 * archs[:, 0]], axis=1)
    picks = [
        guided(space, candidates=2000)
        .propose(history(space, archs, both * [1.0, unit]), 10, rng=np.random.default_rng(0))
        .tolist()
        for unit in (1.0, 1024.0)
    ]
    assert picks[0] == picks[1]


def test_of_equally_far_candidates_the_dominating_one_is_picked() -> None:
    space = tiny()
    candidates = some(space, 4)
    utilities = np.array([[0.0, 1.0], [0.0, 3.0], [0.0, 2.0], [0.0, 0.0]])
    quantiles = rankdata(utilities, axis=0) / 4
    past = history(space, some(space, 0), np.zeros((0, 2)))
    for seed in range(20):  # weights that make the first objective count most among them
        rng = np.random.default_rng(seed)
        pick = guided(space)._pick(
            past, candidates, utilities, quantiles, utilities[:, 0] == 0, 1, rng
        )
        assert pick.tolist() == candidates[1:2].tolist()


def test_several_objectives_spread_along_the_front() -> None:
    space = huge()
    archs = some(space, 60)
    x, y = archs[:, 0].astype(float), archs[:, 1].astype(float)
    past = history(space, archs, np.stack([x + y, y - x], axis=1))  # the front: y = 9, any x
    picks = guided(space, candidates=4000).propose(past, 40, rng=np.random.default_rng(0))
    assert picks[:, 1].mean() > 8
    assert len(np.unique(picks[:, 0])) > 3


def test_explore_draws_some_at_random() -> None:
    space = huge()
    archs = some(space, 60)
    past = history(space, archs, archs[:, 0])
    rng = np.random.default_rng
    greedy = guided(space).propose(past, 30, rng=rng(0))
    mixed = guided(space, explore=0.5).propose(past, 30, rng=rng(0))
    everything = guided(space, explore=1.0).propose(past, 30, rng=rng(0))
    assert greedy[:, 0].mean() > mixed[:, 0].mean() > everything[:, 0].mean()


def test_exhausted() -> None:
    space = tiny()
    every = space.enumerate()
    past = history(space, every, np.arange(24.0))
    assert guided(space).propose(past, 3, rng=np.random.default_rng(0)).shape == (0, 3)


@pytest.mark.parametrize("name", ["initial", "batch_size"])
def test_settings_below_one(name: str) -> None:
    with pytest.raises(BudgetError, match=f"Guided: {name} must be at least 1, got 0"):
        Guided(**{name: 0})


def test_settings(space: NASBench201) -> None:
    assert STRATEGIES.get("guided") is Guided
    described = Guided(Weights(space, seed=3, doubt=0.5), kappa=2.0).describe()
    assert json.loads(json.dumps(described)) == described
    assert described["ranker"] == {
        "class": "Weights",
        "doubt": 0.5,
    }  # neither the space nor the seed
    assert described["kappa"] == 2.0
    assert Guided().describe()["ranker"] == "default"


class Foreseeing(Weights):
    """Knows before any label that architectures differ in their first decision."""

    can_foresee = True

    def foresee(self, archs: Archs) -> Floats:
        return archs[:, 0] + archs[:, 1] / 100.0


def test_first_architectures_spread_over_what_is_foreseen() -> None:
    space = huge()
    for initial, parts in ((None, 3), (5, 5)):
        strategy = Guided(Foreseeing(space), initial=initial)
        assert strategy.initial == strategy.batch(history(space, some(space, 0), [])) == parts
        for seed in range(20):
            past = history(space, some(space, 0), [])
            picks = strategy.propose(past, parts, rng=np.random.default_rng(seed))
            expected = (np.arange(parts) + 0.5) * 10 / parts
            assert np.abs(picks[:, 0] + 0.5 - expected).max() < 5 / parts + 1.5  # one in each part
            rest = strategy.propose(
                history(space, picks[:1], [1.0]), parts - 1, rng=np.random.default_rng(seed)
            )
            assert np.abs(rest[:, 0] + 0.5 - expected[1:]).max() < 5 / parts + 1.5


def test_more_first_architectures_than_parts_are_random() -> None:
    space = tiny()
    strategy = Guided(Foreseeing(space))
    empty = history(space, some(space, 0), [])
    picks = strategy.propose(empty, 10, rng=np.random.default_rng(0))
    assert len(rows(picks)) == 10
    few = rows(space.enumerate()[[3, 9]])
    two = history(
        space,
        some(space, 0),
        [],
        allowed=lambda a: np.array([row.tobytes() in few for row in a], dtype=bool),
    )
    assert rows(strategy.propose(two, 3, rng=np.random.default_rng(0))) == few
    failed = history(space, picks[:5], np.full(5, np.nan))
    assert len(strategy.propose(failed, 2, rng=np.random.default_rng(0))) == 2


def test_a_pretrained_ranker_begins_with_three(space: NASBench201) -> None:
    archs = space.sample(300, rng=np.random.default_rng(0))
    plain = GaussianProcess(space)
    assert Guided(plain).initial == Guided().initial == Guided(Weights(space)).initial == 5
    assert Guided(plain).describe()["initial"] == 5
    strategy = Guided(GaussianProcess(space).pretrain(archs, {"macs": space.cost(archs)["macs"]}))
    assert strategy.describe()["initial"] == 3
    check_strategy(lambda: strategy, space)
    assert Guided(strategy.ranker, initial=7).initial == 7
    macs = space.cost(space.enumerate())["macs"]
    middle = np.median(macs)
    empty = history(space, archs[:0], [])
    for seed in range(10):
        picks = strategy.propose(empty, 3, rng=np.random.default_rng(seed))
        low, _, high = space.cost(picks)["macs"]
        assert low <= middle <= high
        assert low < high


def test_weak_labels_are_left_behind(space: NASBench201) -> None:
    archs = space.sample(300, rng=np.random.default_rng(0))
    plain = GaussianProcess(space, max_iter=5)
    taught = GaussianProcess(space, max_iter=5)
    taught.pretrain(archs, {"macs": space.cost(archs)["macs"]})

    def picks(ranker: GaussianProcess, n: int, failed: int = 0, **settings: int | None) -> Archs:
        labels = np.concatenate([np.full(failed, np.nan), np.arange(n) % 7])
        past = history(space, archs[: n + failed], labels)
        return Guided(ranker, **settings).propose(past, 4, rng=np.random.default_rng(1))

    weaned = taught.without_weak_labels()
    kept = picks(taught, 11)
    assert np.array_equal(kept, picks(taught, 11, weak_until=None))
    assert not np.array_equal(kept, picks(plain, 11))
    assert np.array_equal(picks(taught, 12), picks(weaned, 12))
    assert np.array_equal(picks(taught, 11, weak_until=11), picks(weaned, 11))
    assert not np.array_equal(picks(taught, 12, weak_until=None), picks(weaned, 12))
    assert not np.array_equal(picks(taught, 12), picks(plain, 12))  # what matters is remembered
    assert not np.array_equal(picks(taught, 11, failed=3), picks(plain, 11, failed=3))
    assert taught.can_foresee  # the ranker that was given forgets nothing


def test_only_searches_with_weak_labels_tell_when_these_end(space: NASBench201) -> None:
    assert "weak_until" not in Guided().describe()
    assert "weak_until" not in Guided(GaussianProcess(space), weak_until=3).describe()
    assert Guided(Foreseeing(space)).describe()["weak_until"] == 12
    assert Guided(Foreseeing(space), weak_until=None).describe()["weak_until"] is None
    with pytest.raises(BudgetError, match="weak_until"):
        Guided(weak_until=0)
