from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archrank.strategies.history import feasible_first, pareto_ranks
from archrank.types import Floats
from tests.strategies.helpers import history, some, tiny

small = st.integers(0, 3).map(float)  # small integers: many ties and equal rows


def dominates(a: Floats, b: Floats) -> bool:
    return bool((a >= b).all() and (a > b).any())


def peeled(objectives: Floats) -> list[int]:
    """Ranks by their definition: peel off one front after the other."""
    ranks = [-1] * len(objectives)
    front = 0
    while -1 in ranks:
        left = [i for i, r in enumerate(ranks) if r < 0]
        for i in left:
            if not any(dominates(objectives[j], objectives[i]) for j in left):
                ranks[i] = front
        front += 1
    return ranks


@given(st.integers(1, 4).flatmap(lambda m: st.lists(st.tuples(*[small] * m), max_size=12)))
def test_pareto_ranks_by_their_definition(values: list[tuple[float, ...]]) -> None:
    m = len(values[0]) if values else 2
    objectives = np.array(values, dtype=np.float64).reshape(len(values), m)
    assert pareto_ranks(objectives).tolist() == peeled(objectives)


numbers = st.one_of(st.floats(-1e300, 1e300), st.just(float("nan")))
broken = st.one_of(st.just(0.0), st.floats(0, 1e6))


@given(st.lists(st.tuples(numbers, broken), max_size=15))
def test_feasible_first_keeps_debs_rules(pairs: list[tuple[float, float]]) -> None:
    values = np.array([v for v, _ in pairs], dtype=np.float64)
    violation = np.array([b for _, b in pairs], dtype=np.float64)
    scores = feasible_first(values, violation)
    assert np.isnan(scores).tolist() == np.isnan(values).tolist()
    ok = np.flatnonzero(~np.isnan(values))
    for i in ok:
        for j in ok:
            if violation[i] == 0 < violation[j]:
                assert scores[i] > scores[j]
            elif violation[i] == 0 == violation[j]:
                assert (scores[i] > scores[j]) == (values[i] > values[j])
            elif violation[j] > violation[i] > 0:
                assert scores[i] >= scores[j]
                if violation[j] > violation[i] + 0.01 + 1e-4 * violation[j]:
                    assert scores[i] > scores[j]


def test_without_violations_nothing_changes() -> None:
    values = np.array([3.0, np.nan, -1.0])
    assert np.array_equal(feasible_first(values, np.zeros(3)), values, equal_nan=True)


def test_a_violation_of_one_costs_the_spread_of_the_feasible() -> None:
    scores = feasible_first(np.array([1.0, 3.0, 9.0, 9.0]), np.array([0.0, 0.0, 1.0, 0.5]))
    np.testing.assert_allclose(scores, [1.0, 3.0, 1 - 2 * 1.01, 1 - 2 * 0.51])


@pytest.mark.parametrize("value", [0.0, -1e300, 1e300, 1e-300])
def test_a_lone_feasible_one_stays_strictly_above(value: float) -> None:
    scores = feasible_first(np.array([value, value, 5.0]), np.array([0.0, 0.1, 0.2]))
    assert scores[0] > scores[1] > scores[2]


def test_all_infeasible_are_ordered_by_violation() -> None:
    scores = feasible_first(np.array([9.0, 1.0, 5.0]), np.array([0.3, 0.1, 0.2]))
    assert np.argsort(-scores).tolist() == [1, 2, 0]


def test_what_failed() -> None:
    space = tiny()
    archs = some(space, 4)
    past = history(space, archs, [1.0, np.nan, 3.0, np.inf], [0.0, 0.0, np.nan, 0.0])
    assert past.ok.tolist() == [True, False, False, False]
    assert np.isnan(past.scores).tolist() == [False, True, True, True]
    assert len(past) == 4


def test_several_objectives_count_by_rank_among_the_feasible() -> None:
    space = tiny()
    archs = some(space, 5)
    objectives = [[3.0, 1.0], [1.0, 3.0], [0.0, 0.0], [4.0, 4.0], [np.nan, 9.0]]
    past = history(space, archs, objectives, [0.0, 0.0, 0.0, 0.5, 0.0])
    # the infeasible fourth dominates all: it must not push the first two off the front
    assert past.scores[:3].tolist() == [0.0, 0.0, -1.0]
    assert past.scores[3] < -1.0
    assert np.isnan(past.scores[4])


def test_a_single_objective_counts_as_it_is() -> None:
    space = tiny()
    past = history(space, some(space, 3), [30.0, 10.0, 20.0])
    assert past.scores.tolist() == [30.0, 10.0, 20.0]


def test_empty() -> None:
    space = tiny()
    for m in (1, 2):
        past = history(space, some(space, 0), np.zeros((0, m)))
        assert past.scores.shape == past.ok.shape == (0,)
    assert pareto_ranks(np.zeros((0, 2))).shape == (0,)


def test_nothing_is_forbidden_by_default() -> None:
    space = tiny()
    assert history(space, some(space, 1), [0.0]).allowed(some(space, 5)).all()


def test_is_frozen() -> None:
    past = history(tiny(), some(tiny(), 1), [0.0])
    with pytest.raises(AttributeError):
        past.archs = some(tiny(), 2)  # type: ignore[misc]


def test_what_is_still_evaluated_comes_last_and_looks_failed() -> None:
    space = tiny()
    archs = some(space, 5)
    past = history(space, archs[:2], [1.0, 2.0]).followed_by(archs[2:4]).followed_by(archs[4:])
    assert past.archs.tolist() == archs.tolist()
    assert past.canonical.tolist() == space.canonical(archs).tolist()
    assert past.ok.tolist() == [True, True, False, False, False]
    assert (past.pending, past.settled) == (3, 2)
    firsts = [past.first(n) for n in range(7)]
    assert [len(each) for each in firsts] == [0, 1, 2, 3, 4, 5, 5]
    assert [each.pending for each in firsts] == [0, 0, 0, 1, 2, 3, 3]
    assert np.isnan(past.scores).tolist() == [False, False, True, True, True]
