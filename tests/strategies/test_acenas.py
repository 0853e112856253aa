from __future__ import annotations

from concurrent.futures import Executor
from typing import Any

import numpy as np
import pytest

import archrank as ar
from archrank.errors import ArgumentError, BudgetError, SettingsError, UnknownNameError
from archrank.rankers.base import Ranker
from archrank.rows import is_new
from archrank.spaces import CustomSpace, NASBench201, Space
from archrank.spaces.samplers.latency import LatencyBand, LinearLatency
from archrank.strategies import STRATEGIES, AceNASSearch, History
from archrank.strategies.region import Region
from archrank.testing import check_strategy
from archrank.types import Archs, Floats
from tests.strategies.helpers import Weights, build, history, huge, rows, some, tiny


class Known(Ranker):
    """Predicts the same whatever it learns: the number that the row is in base 5."""

    def __init__(self, space: Space, seed: int = 0) -> None:
        self.space = space
        self.seed = seed

    def _fit(self, archs: Archs, scores: Floats) -> None:
        pass

    def _predict(self, archs: Archs, return_std: bool) -> tuple[Floats, None]:
        return number(archs), None


def number(archs: Archs) -> Floats:
    weights = np.asarray(5.0 ** -np.arange(archs.shape[1]))
    return np.asarray(archs.astype(float) @ weights)


def plan(strategy: AceNASSearch, space: Space, budget: int) -> list[Archs]:
    """Run a strategy by hand; return the architectures of each round."""
    known = space.sample(0, rng=np.random.default_rng(0))
    rounds: list[Archs] = []
    while len(known) < budget:
        now = history(space, known, number(known))
        n = strategy.batch(now)
        new = strategy.propose(now, n, rng=np.random.default_rng(len(rounds)))
        assert len(new) == n
        rounds.append(new)
        known = np.concatenate([known, new])
    return rounds


@pytest.mark.parametrize("make_space", [NASBench201, huge])
def test_contract(make_space: Any) -> None:
    space = make_space()
    settings: dict[str, Any] = {"candidates": 20_000, "rounds": 2}
    check_strategy(lambda: AceNASSearch(Weights(space), budget=20, top=2, **settings), space)
    settings["candidates"] = 2_000
    evolving = lambda: AceNASSearch(  # noqa: E731
        Weights(space), budget=13, top=1, final="evolution", **settings
    )
    check_strategy(evolving, space)


@pytest.mark.parametrize(
    ("settings", "sizes"),
    [
        ({}, (20, 20, 20, 20, 20)),
        ({"budget": 63}, (10, 10, 10, 10, 13)),  # the last round fills up
        ({"budget": 15}, (1, 1, 1, 1, 1)),
        ({"budget": 200, "rounds": 4, "initial": 80, "top": 30}, (80, 30, 30, 30)),
        ({"budget": 30, "rounds": 1}, (20,)),
    ],
)
def test_rounds_of_a_budget(settings: dict[str, Any], sizes: tuple[int, ...]) -> None:
    strategy = AceNASSearch(**settings)
    assert strategy.sizes == sizes
    space = tiny()
    ends = [*np.cumsum(sizes), strategy.budget, strategy.budget + sizes[min(1, len(sizes) - 1)]]
    starts = [0, *ends]
    empty = some(space, 1)[:0]
    for start, end in zip(starts, ends, strict=False):
        for done in {start, (start + end) // 2, end - 1}:
            archs = np.repeat(some(space, 1), done, axis=0) if done else empty
            assert strategy.batch(history(space, archs, np.zeros(done))) == end - done


def test_half_of_a_round_is_best_and_half_random(space: NASBench201) -> None:
    strategy = AceNASSearch(Known(space), skip_isomorphic=False)
    first, *others, last = plan(strategy, space, 110)
    everything = np.concatenate([first, *others, last])
    assert len(rows(everything)) == 110  # nothing twice
    every = space.enumerate()
    known = first
    for new in others:
        left = every[is_new(every, known)]
        best = left[np.argsort(-number(left))]
        assert rows(new[:10]) == rows(best[:10])
        assert rows(new[10:]).isdisjoint(rows(best[:30]))  # by chance 1 in 50
        known = np.concatenate([known, new])
    left = every[is_new(every, known)]
    assert rows(last) == rows(left[np.argsort(-number(left))][:10])
    middle = np.concatenate([new[10:] for new in others])
    assert abs(number(first).mean() - number(every).mean()) < 1.2  # 20 of sd 1.77, 3 errors
    assert abs(number(middle).mean() - number(every).mean()) < 0.85


def test_after_the_plan_rounds_go_on(space: NASBench201) -> None:
    strategy = AceNASSearch(Known(space), budget=35)
    sizes = [len(new) for new in plan(strategy, space, 50)]
    assert sizes == [5, 5, 5, 5, 5, 10, 5, 5, 5]


def test_isomorphic_ones_are_left_out(space: NASBench201) -> None:
    found = np.concatenate(plan(AceNASSearch(Known(space)), space, 110))
    assert len(rows(space.canonical(found))) == 110


def test_shares(space: NASBench201) -> None:
    known = some(space, 80)
    now = history(space, known, number(known))
    left = space.enumerate()
    left = left[is_new(left, known)]
    best = left[np.argsort(-number(left))]
    for greedy, chosen in ((0.0, 0), (2 / 3, 20), (1.0, 30)):
        strategy = AceNASSearch(Known(space), greedy=greedy, skip_isomorphic=False, initial=10)
        new = strategy.propose(now, 30, rng=np.random.default_rng(0))
        shared = [row.tobytes() in rows(best[:30]) for row in new]
        assert sum(shared[:chosen]) == chosen
        assert sum(shared[chosen:]) <= 1


def test_a_large_space_is_sampled() -> None:
    space = huge()
    known = some(space, 30)
    strategy = AceNASSearch(Weights(space), candidates=500)
    new = strategy.propose(
        history(space, known, known.sum(axis=1)), 20, rng=np.random.default_rng(0)
    )
    assert len(rows(new)) == 20
    sums = new.sum(axis=1)
    assert sums[:10].mean() > sums[10:].mean() + 15  # best of 500; one sd of a sum is 16


def test_all_rows_of_a_table_are_ranked_however_large_the_space() -> None:
    space = huge()
    listed = some(space, 300)
    region = Region(lambda archs: np.where(is_new(archs, listed), np.inf, 0.0), lambda: listed)
    known = listed[:30]
    values = known.sum(axis=1)[:, None].astype(float)
    now = History(space, known, values, np.zeros(30), region)
    new = AceNASSearch(Known(space)).propose(now, 20, rng=np.random.default_rng(0))
    best = listed[30:][np.argsort(-number(listed[30:]))][:10]
    assert rows(new[:10]) == rows(best)
    assert rows(new) <= rows(listed[30:])


def test_evolution_finds_better_ones_than_the_ranking() -> None:
    space = huge()
    known = some(space, 100)
    now = history(space, known, known.sum(axis=1))
    found = {}
    for final in ("ranking", "evolution"):
        strategy = AceNASSearch(Weights(space), candidates=500, final=final)
        found[final] = strategy.propose(now, 10, rng=np.random.default_rng(0))
        assert len(rows(found[final])) == 10
        assert is_new(found[final], known).all()
    gain = found["evolution"].sum(axis=1).mean() - found["ranking"].sum(axis=1).mean()
    assert gain > 30  # two sd of a sum


def test_limits_hold_in_every_part_of_a_round(space: NASBench201) -> None:
    known = some(space, 30)
    allowed = lambda archs: archs[:, 0] == 2  # noqa: E731
    now = history(space, known, number(known), allowed=allowed)
    for strategy in (AceNASSearch(Known(space)), AceNASSearch(Known(space), final="evolution")):
        for base in (now, history(space, some(space, 100), np.arange(100.0), allowed=allowed)):
            assert (strategy.propose(base, 10, rng=np.random.default_rng(0))[:, 0] == 2).all()


def test_labels_that_teach_nothing_give_random_rounds(space: NASBench201) -> None:
    known = some(space, 30)
    for values in (np.full(30, np.nan), np.ones(30)):
        now = history(space, known, values)
        new = AceNASSearch(Known(space)).propose(now, 20, rng=np.random.default_rng(0))
        assert len(rows(new)) == 20


def test_infeasible_architectures_come_last(space: NASBench201) -> None:
    known = some(space, 60)
    broken = np.where(known[:, 0] > 1, 1.0, 0.0)
    now = history(space, known, number(known), broken)
    new = AceNASSearch(Weights(space)).propose(now, 20, rng=np.random.default_rng(0))
    assert (new[:10, 0] <= 1).mean() > 0.7


class Adding(Known):
    """Predicts nothing; tells how its weights came about."""

    told: tuple[int, ...] = ()

    def _fit(self, archs: Archs, scores: Floats) -> None:
        self.told_ = (*self.told, len(archs))

    def continued(self) -> Adding:
        copy = Adding(self.space, self.seed)
        copy.told = self.told_
        return copy


def test_weights_are_carried_over_from_round_to_round(space: NASBench201) -> None:
    known = some(space, 110)
    now = history(space, known, number(known))
    for carried, n, told in (
        (False, 60, (60,)),
        (True, 60, (20, 40, 60)),
        (True, 20, (20,)),
        (True, 110, (20, 40, 60, 80, 100, 110)),
    ):
        ranker = AceNASSearch(Adding(space), carry_over=carried)._fitted(now.first(n))
        assert isinstance(ranker, Adding)
        assert ranker.told_ == told


# ---- bands of latencies --------------------------------------------------------------------------


def band() -> LatencyBand:
    space = CustomSpace({f"c{j}": ["skip", "a", "b", "c"] for j in range(8)}, build)
    weights = [np.array([0.0, 1.0, 2.0, 3.0]) + 0.01 * j for j in range(8)]
    return LatencyBand(LinearLatency(space, weights, bias_ms=10), 19.5, 21.0, skip=0.5)


@pytest.mark.parametrize("final", ["ranking", "evolution"])
def test_everything_lies_in_the_band(final: Any) -> None:
    limits = band()
    space = limits.model.space
    strategy = AceNASSearch(
        Weights(space), budget=60, initial=20, rounds=3, band=limits, candidates=300, final=final
    )
    rounds = plan(strategy, space, 70)
    assert [len(new) for new in rounds] == [20, 15, 15, 10, 15]
    found = np.concatenate(rounds)
    assert len(rows(found)) == 75
    assert limits.inside(found).all()


def test_half_of_the_weak_architectures_lie_in_the_band() -> None:
    limits = band()
    space = limits.model.space
    strategy = AceNASSearch(Weights(space), band=limits)
    rng = np.random.default_rng(0)
    drawn = limits.prior(4_000, rng=rng)
    assert abs((drawn == 0).mean() - 0.5) < 0.02
    assert limits.inside(limits.sample(100, rng=rng)).all()
    weak = strategy.weak_archs(space, rng=rng)
    assert len(rows(weak)) == len(weak)
    assert 0.3 < limits.inside(weak).mean() < 0.9


# ---- answer, studies, errors ---------------------------------------------------------------------


def test_answer_of_a_plan(space: NASBench201) -> None:
    archs = np.concatenate(plan(AceNASSearch(Known(space), budget=35), space, 35))
    strategy = AceNASSearch(Known(space), budget=35)
    scores = np.zeros(35)
    worst_predicted = int(number(archs).argmin())
    scores[worst_predicted] = 2
    top = np.argsort(-number(archs), kind="stable")[:10]
    scores[top[7]] = 1
    now = history(space, archs, scores)
    assert strategy.answer(now) == worst_predicted
    assert strategy.answer(now, pool="top") == top[7]
    with pytest.raises(BudgetError, match="only 20 of 35"):
        strategy.answer(now.first(20))


def measure(config: dict[str, str]) -> float:
    return float(list(config.values()).count("nor_conv_3x3"))


def study(space: NASBench201, path: Any = None, **more: Any) -> ar.Study:
    strategy = AceNASSearch(Weights(space), budget=25, rounds=3, top=4)
    evaluator = ar.evaluators.Function(measure)
    return ar.Study(space, evaluator, strategy, storage=path, seed=3, **more)


def found_by(run: ar.Study) -> list[tuple[int, ...]]:
    return [tuple(record.arch) for record in run.records]


def test_a_study_resumes_as_if_it_had_never_stopped(space: NASBench201, tmp_path: Any) -> None:
    whole = study(space).run(35)
    for stop in (9, 24):
        path = tmp_path / f"{stop}.db"
        study(space, path).run(stop)
        assert found_by(study(space, path).run(35)) == found_by(whole)
    assert len(whole.records) == 35


def test_workers_do_not_matter(space: NASBench201, pool: Executor) -> None:
    here, there = study(space).run(25), study(space, executor=pool).run(25)
    assert found_by(here) == found_by(there)


def test_registry_and_description(space: NASBench201) -> None:
    assert STRATEGIES.get("acenas") is AceNASSearch
    first = AceNASSearch(Known(space)).describe()
    assert first["budget"] == 110
    assert first["ranker"] == {"class": "Known"}
    for change in ({"greedy": 0.4}, {"top": 3}, {"band": band()}, {"final": "evolution"}):
        assert AceNASSearch(Known(space), **change).describe() != first  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"budget": 14}, BudgetError, "budget of 14, less the last 10.*5 rounds"),
        ({"budget": 5}, BudgetError, "less the last 10"),
        ({"budget": 0}, BudgetError, "budget"),
        ({"initial": 99}, BudgetError, "with 99 in the first"),
        ({"initial": 0}, BudgetError, "initial"),
        ({"rounds": 0}, BudgetError, "rounds"),
        ({"top": -1}, BudgetError, "top"),
        ({"greedy": 1.5}, SettingsError, "share from 0 to 1, got 1.5"),
        ({"greedy": "half"}, SettingsError, "greedy"),
        ({"final": "best"}, UnknownNameError, "Known: evolution, ranking"),
        ({"candidates": 0}, BudgetError, "candidates"),
        (
            {"ranker": Known(tiny()), "carry_over": True},
            SettingsError,
            "carry_over needs AceNAS's ranker, Known starts afresh",
        ),
    ],
)
def test_bad_settings(settings: dict[str, Any], error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        AceNASSearch(**settings)
    assert ArgumentError is not error


def test_histories_are_not_changed(space: NASBench201) -> None:
    now = History(space, some(space, 30), np.arange(30.0)[:, None], np.zeros(30))
    before = now.archs.copy()
    AceNASSearch(Known(space)).propose(now, 5, rng=np.random.default_rng(0))
    assert np.array_equal(before, now.archs)
