from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archrank.errors import BudgetError, SettingsError
from archrank.spaces import HAT, CustomSpace, NASBench101
from archrank.strategies.evaluated import Evaluated
from archrank.strategies.population_evolution import PopulationEvolution
from archrank.types import Archs, Floats
from tests.strategies.helpers import rows, tiny

SPACE = CustomSpace({f"d{j}": list(range(6)) for j in range(8)}, build=lambda config, task: None)
NOTHING = SPACE.sample(0, rng=np.random.default_rng(0))
WEIGHTS = np.array([9.0, 1, 7, 0, 5, -2, 3, -5])
SMALL = PopulationEvolution(parents=8, mutants=12, mixtures=12, generations=8)
SMALL_AS_PUBLISHED = PopulationEvolution(8, 12, 12, 8, published=True)


def cost(archs: Archs) -> Floats:
    """The sum of all options; the largest is 40."""
    return archs.sum(axis=1).astype(np.float64)


def score(archs: Archs) -> Floats:
    return archs @ WEIGHTS


def knapsack(limit: int) -> float:
    """The largest score within a limit: items of equal cost, the most valuable first."""
    full, rest = divmod(limit, 5)
    values = sorted(WEIGHTS[WEIGHTS > 0], reverse=True)
    return sum(5 * v for v in values[:full]) + (rest * values[full] if full < len(values) else 0)


def search(how: PopulationEvolution, seed: int = 0, **more: object) -> Evaluated:
    start = np.zeros((1, 8), dtype=np.uint8)
    return how.run(SPACE, score, cost, start=start, seed=seed, **more)  # type: ignore[arg-type]


def sizes_of_calls(how: PopulationEvolution) -> tuple[list[int], Evaluated]:
    sizes: list[int] = []

    def counted(archs: Archs) -> Floats:
        sizes.append(len(archs))
        return score(archs)

    return sizes, how.run(SPACE, counted, cost, start=NOTHING)


def test_the_budget_is_the_papers() -> None:
    sizes, found = sizes_of_calls(PopulationEvolution())
    assert sizes == [125, *[100] * 30]
    assert sum(sizes) == len(found) == len(rows(found.archs)) == PopulationEvolution().evaluations


def test_the_script_scores_parents_again_and_not_its_last_children() -> None:
    how = PopulationEvolution(published=True)
    sizes, found = sizes_of_calls(how)
    assert sizes == [125] * 30
    assert sum(sizes) == how.evaluations
    assert len(rows(found.archs)) == len(found) <= 125 + 29 * 100


@pytest.mark.parametrize("how", [SMALL, SMALL_AS_PUBLISHED])
def test_the_seed_alone_decides(how: PopulationEvolution) -> None:
    first, again, other = (search(how, seed, limits=(12.0,)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.archs, again.archs)
    np.testing.assert_array_equal(first.scores, score(first.archs))
    assert len(first) != len(other) or (first.archs != other.archs).any()


@given(st.integers(0, 40), st.integers(0, 3), st.booleans())
@settings(max_examples=20)
def test_nothing_outside_the_limits_is_scored(limit: int, seed: int, published: bool) -> None:
    how = SMALL_AS_PUBLISHED if published else SMALL

    def excess(archs: Archs) -> Floats:  # the first decision is at most 3
        return np.maximum(archs[:, 0] - 3.0, 0.0)

    found = search(how, seed, limits=(float(limit),), excess=excess)
    assert len(found)
    assert found.costs.max() <= limit
    assert found.archs[:, 0].max() <= 3
    np.testing.assert_array_equal(found.costs, cost(found.archs))


@pytest.mark.parametrize("published", [False, True])
def test_the_best_within_each_limit_is_that_of_brute_force(published: bool) -> None:
    how = PopulationEvolution(generations=20, published=published)
    limits = (6.0, 14.0, 25.0)
    found = search(how, limits=limits)
    best = [found.scores[found.best(1, limit)[0]] for limit in limits]
    assert best == [knapsack(int(limit)) for limit in limits]


def test_a_limit_alone_finds_what_it_finds_among_others() -> None:
    both, one = search(SMALL, limits=(6.0, 14.0)), search(SMALL, limits=(14.0,))
    assert rows(one.archs) <= rows(both.archs)


@pytest.mark.parametrize("published", [False, True])
def test_a_small_space_is_searched_whole(published: bool) -> None:
    space = tiny()
    how = PopulationEvolution(parents=8, mutants=12, mixtures=12, published=published)
    done: list[int] = []
    found = how.run(
        space, cost, cost, start=space.enumerate()[:0], progress=lambda n, of: done.append(n)
    )
    assert rows(found.archs) == rows(space.enumerate())
    assert done == sorted(done)
    assert found.scores[found.best()[0]] == cost(space.enumerate()).max()


@pytest.mark.parametrize("how", [SMALL, SMALL_AS_PUBLISHED])
def test_nothing_keeps_a_limit(how: PopulationEvolution) -> None:
    found = how.run(tiny(), cost, lambda a: cost(a) + 9, start=NOTHING[:, :3], limits=[3.0])
    assert len(found) == len(found.best()) == 0


@pytest.mark.parametrize("how", [SMALL, SMALL_AS_PUBLISHED])
def test_scores_that_are_not_numbers_have_no_children(how: PopulationEvolution) -> None:
    def holes(archs: Archs) -> Floats:
        return np.where(archs[:, 1] > 2, np.nan, score(archs))

    found = how.run(SPACE, holes, cost, start=NOTHING)
    assert np.isfinite(found.scores[found.best(len(found))]).all()
    assert found.archs[found.best()[0], 1] <= 2
    nothing = how.run(SPACE, lambda a: np.full(len(a), np.nan), cost, start=NOTHING)
    assert len(nothing)
    assert not np.isfinite(nothing.scores).any()


def test_equivalent_architectures_are_scored_once() -> None:
    space = HAT("iwslt")  # layers above the decoder's depth have no effect
    values = np.random.default_rng(0).normal(size=space.d)
    start = space.sample(0, rng=np.random.default_rng(0))
    found = SMALL.run(space, lambda a: space.canonical(a) @ values, cost, start=start)
    np.testing.assert_array_equal(space.canonical(found.archs), found.archs)
    assert len(rows(found.archs)) == len(found) == SMALL.evaluations


def test_all_children_are_architectures() -> None:
    space = NASBench101()  # rows that mix two cells may be none
    for how in (SMALL, SMALL_AS_PUBLISHED):
        found = how.run(space, cost, cost, start=space.sample(0, rng=np.random.default_rng(0)))
        assert space.valid(found.archs).all()


def test_wrong_settings() -> None:
    make = partial(PopulationEvolution)
    for name in ("parents", "mutants", "mixtures", "generations"):
        with pytest.raises(BudgetError, match=name):
            make(**{name: 0})  # type: ignore[arg-type]
    for rate in (0.0, 1.5):
        with pytest.raises(SettingsError, match="rate is a probability above 0"):
            make(rate=rate)
