from __future__ import annotations

import numpy as np
import pytest

from archrank.errors import BudgetError
from archrank.rows import distinct
from archrank.spaces import NASBench201
from archrank.strategies import STRATEGIES, RegularizedEvolution
from archrank.testing import check_strategy
from archrank.types import Archs, Bools
from tests.strategies.helpers import history, huge, rows, some, tiny


def test_contract(space: NASBench201) -> None:
    check_strategy(lambda: RegularizedEvolution(population=6, tournament=3), space)
    check_strategy(lambda: RegularizedEvolution(population=100), space)
    check_strategy(lambda: RegularizedEvolution(population=6, tournament=50), huge())


def test_batches() -> None:
    space = tiny()
    strategy = RegularizedEvolution(population=5, batch_size=2)
    sizes = [strategy.batch(history(space, some(space, n), np.zeros(n))) for n in (0, 3, 5, 9)]
    assert sizes == [5, 2, 2, 2]


def test_children_are_one_mutation_from_the_winner() -> None:
    space = huge()
    archs = some(space, 12)
    scores = np.arange(12.0)[::-1].copy()  # the oldest is best, but it has died
    strategy = RegularizedEvolution(population=4, tournament=4)
    for seed in range(5):
        rng = np.random.default_rng(seed)
        children = strategy.propose(history(space, archs, scores), 6, rng=rng)
        assert ((children != archs[8]).sum(axis=1) == 1).all()  # best of the last four
        assert len(rows(children)) == 6


def test_small_tournaments_let_others_win() -> None:
    space = huge()
    archs = some(space, 8)
    strategy = RegularizedEvolution(population=8, tournament=2)
    past = history(space, archs, np.arange(8.0))
    children = strategy.propose(past, 200, rng=np.random.default_rng(0))
    changes = (children[:, None] != archs[None]).sum(axis=2)  # (children, parents)
    wins = np.bincount(changes.argmin(axis=1), minlength=8)
    assert (changes.min(axis=1) == 1).all()
    assert wins[0] == 0  # the worst of all wins no tournament of two different members
    assert (wins[[3, 5, 7]] > 0).all()
    assert wins[7] > wins[2]


def test_failures_are_not_members() -> None:
    space = huge()
    archs = some(space, 9)
    scores = np.where(np.arange(9) < 3, np.arange(9.0), np.nan)
    strategy = RegularizedEvolution(population=4, tournament=4)
    children = strategy.propose(history(space, archs, scores), 5, rng=np.random.default_rng(0))
    assert ((children != archs[2]).sum(axis=1) == 1).all()


def test_a_feasible_member_wins() -> None:
    space = huge()
    archs = some(space, 4)
    past = history(space, archs, [1.0, 9.0, 8.0, 7.0], [0.0, 0.1, 0.1, 0.1])
    strategy = RegularizedEvolution(population=4, tournament=4)
    children = strategy.propose(past, 5, rng=np.random.default_rng(0))
    assert ((children != archs[0]).sum(axis=1) == 1).all()


def test_an_exhausted_neighbourhood_is_left() -> None:
    space = tiny()
    parent = space.enumerate()[:1]
    around = np.concatenate([parent, space.neighbors(parent[0])])
    past = history(space, around, np.r_[1.0, np.zeros(len(around) - 1)])
    strategy = RegularizedEvolution(population=len(around), tournament=len(around))
    children = strategy.propose(past, 3, rng=np.random.default_rng(0))
    assert len(rows(children)) == 3
    assert not rows(children) & rows(around)


def test_no_equivalents_of_what_is_evaluated(space: NASBench201) -> None:
    archs = distinct(space.canonical(some(space, 400)))[:250]
    past = history(space, archs, np.arange(250.0))
    sizes = {}
    for classes in (True, False):
        strategy = RegularizedEvolution(population=200, tournament=2, skip_isomorphic=classes)
        children = strategy.propose(past, 150, rng=np.random.default_rng(0))
        assert len(rows(children)) == 150
        sizes[classes] = len(rows(space.canonical(np.concatenate([archs, children]))))
    assert sizes[True] == 400
    assert sizes[False] < 390


def test_no_equivalents_of_rows_that_stand_for_others(space: NASBench201) -> None:
    """What was evaluated need not be the canonical row of its class."""
    archs = some(space, 200)
    assert (space.canonical(archs) != archs).any(axis=1).sum() > 50
    past = history(space, archs, np.arange(200.0))
    strategy = RegularizedEvolution(population=150, tournament=2)
    children = strategy.propose(past, 100, rng=np.random.default_rng(0))
    assert not rows(space.canonical(children)) & rows(space.canonical(archs))


def test_forbidden_children_are_replaced() -> None:
    space = huge()
    archs = some(space, 4)

    def far(candidates: Archs) -> Bools:
        distance = (candidates[:, None] != archs[None]).sum(axis=2).min(axis=1)
        return np.asarray(distance > 1)

    past = history(space, archs, np.arange(4.0), allowed=far)
    strategy = RegularizedEvolution(population=4, tournament=2)
    children = strategy.propose(past, 5, rng=np.random.default_rng(0))
    assert len(rows(children)) == 5
    assert far(children).all()


@pytest.mark.parametrize("name", ["population", "tournament", "batch_size"])
def test_settings_below_one(name: str) -> None:
    with pytest.raises(BudgetError, match=f"{name} must be at least 1, got 0"):
        RegularizedEvolution(**{name: 0})


def test_settings() -> None:
    assert STRATEGIES.get("evolution") is RegularizedEvolution
    assert RegularizedEvolution(7, 3, 4).describe() == {
        "strategy": "regularized_evolution",
        "population": 7,
        "tournament": 3,
        "batch_size": 4,
        "skip_isomorphic": True,
    }
