"""Local search among candidates."""

from __future__ import annotations

import numpy as np
import pytest

from archrank.errors import BudgetError
from archrank.rankers import Linear
from archrank.rows import distinct, is_new
from archrank.spaces import NASBench201, from_choices
from archrank.spaces.base import Space
from archrank.strategies import Guided
from archrank.strategies.climb import climb
from archrank.strategies.history import History
from archrank.strategies.region import Region
from archrank.types import Archs, Floats
from tests.strategies.helpers import history, some


def long_space(d: int = 30) -> Space:
    return from_choices({f"x{i}": list(range(8)) for i in range(d)}, build=lambda c, t: None)


def total(archs: Archs) -> Floats:
    return archs.sum(axis=1, dtype=np.float64)[:, None]


def begin(space: Space, n: int = 200) -> tuple[History, Archs, Floats]:
    archs = some(space, n + 5)
    past = history(space, archs[:5], total(archs[:5])[:, 0])
    return past, archs[5:], total(archs[5:])


def test_it_climbs_beyond_what_chance_finds() -> None:
    past, candidates, utilities = begin(long_space())
    found, values = climb(
        past,
        candidates,
        utilities,
        total,
        steps=25,
        mutants=200,
        skip_isomorphic=True,
        rng=np.random.default_rng(0),
    )
    chance = total(long_space().sample(len(found), rng=np.random.default_rng(1))).max()
    assert values.max() > chance + 20
    np.testing.assert_array_equal(values, total(found))
    np.testing.assert_array_equal(found[: len(candidates)], candidates)


def test_what_it_adds_is_new_allowed_and_not_isomorphic() -> None:
    space = NASBench201()
    archs = some(space, 60)
    past = history(space, archs[:40], total(archs[:40])[:, 0])
    past = History(
        space, past.archs, past.objectives, past.violation, Region.of(lambda a: a[:, 0] != 3)
    )
    start = archs[40:]
    start = start[is_new(space.canonical(start), past.canonical)]
    start = distinct(start, space.canonical(start))
    found, values = climb(
        past,
        start,
        total(start),
        total,
        steps=4,
        mutants=50,
        skip_isomorphic=True,
        rng=np.random.default_rng(0),
    )
    added = found[len(start) :]
    assert len(added) > 20
    assert (added[:, 0] != 3).all()
    keys = space.canonical(found)
    assert len(distinct(keys)) == len(keys)
    assert is_new(keys, past.canonical).all()
    assert len(values) == len(found)


def test_of_several_objectives_it_climbs_along_the_front() -> None:
    def halves(archs: Archs) -> Floats:
        left, right = archs[:, :15].astype(float), archs[:, 15:].astype(float)
        both = left.sum(axis=1) - right.sum(axis=1)
        return np.stack([both, -both], axis=1)  # one is the price of the other

    past, candidates, _ = begin(long_space())
    _, values = climb(
        past,
        candidates,
        halves(candidates),
        halves,
        steps=20,
        mutants=200,
        skip_isomorphic=False,
        rng=np.random.default_rng(0),
    )
    before = halves(candidates).max(axis=0)
    assert (values.max(axis=0) > before + 20).all()


def test_nothing_to_climb_from() -> None:
    past, candidates, utilities = begin(long_space())
    none = climb(
        past,
        candidates[:0],
        utilities[:0],
        total,
        steps=3,
        mutants=10,
        skip_isomorphic=True,
        rng=np.random.default_rng(0),
    )
    assert [len(part) for part in none] == [0, 0]


@pytest.mark.parametrize("objectives", [1, 2])
def test_guided_search_of_a_large_space_proposes_what_its_ranker_values_more(
    objectives: int,
) -> None:
    space = long_space()
    archs = some(space, 120)
    past = history(space, archs, total(archs)[:, 0])
    if objectives == 2:  # the same one twice
        past = History(space, archs, np.tile(past.objectives, 2), past.violation)

    def proposed(local_search: int) -> float:
        strategy = Guided(
            Linear(space), candidates=2_000, acquisition="greedy", local_search=local_search
        )
        picks = strategy.propose(past, 8, rng=np.random.default_rng(0))
        assert len(distinct(picks)) == 8
        return float(total(picks).mean())

    assert proposed(10) > proposed(0) + 5


def test_a_small_space_is_ranked_as_a_whole() -> None:
    space = NASBench201()
    archs = some(space, 40)
    past = history(space, archs, total(archs)[:, 0])
    picks = [
        Guided(Linear(space), local_search=steps).propose(past, 4, rng=np.random.default_rng(0))
        for steps in (0, 10)
    ]
    np.testing.assert_array_equal(*picks)


def test_steps_are_a_whole_number() -> None:
    with pytest.raises(BudgetError, match="local_search must be at least 0, got -1"):
        Guided(local_search=-1)
