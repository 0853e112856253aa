from __future__ import annotations

import numpy as np
import pytest

from archrank.errors import BudgetError, SettingsError, UnknownNameError
from archrank.spaces import HAT, NASBench201
from archrank.strategies.ranknas import RankNASSearch
from archrank.testing import check_strategy
from tests.strategies.helpers import history, rows, some, tiny


def with_winners(space: object, k: int = 6) -> RankNASSearch:
    strategy = RankNASSearch(batch_size=4)
    strategy.winners = some(space, k)  # type: ignore[arg-type]
    return strategy


def test_it_is_a_strategy() -> None:
    space = NASBench201()
    check_strategy(lambda: with_winners(space), space)
    check_strategy(RankNASSearch, space)


def test_winners_come_first_in_their_order() -> None:
    space = tiny()
    strategy = with_winners(space, 6)
    assert strategy.winners is not None
    rng = np.random.default_rng(0)
    past = history(space, strategy.winners[[1]], np.zeros(1))
    proposed = strategy.propose(past, 4, rng=rng)
    np.testing.assert_array_equal(proposed, strategy.winners[[0, 2, 3, 4]])
    more = strategy.propose(past, 9, rng=rng)
    np.testing.assert_array_equal(more[:5], strategy.winners[[0, 2, 3, 4, 5]])
    assert len(rows(more)) == 9  # random ones follow
    past = history(
        space, past.archs, np.zeros(1), allowed=lambda a: (a != strategy.winners[2]).any(axis=1)
    )
    np.testing.assert_array_equal(
        strategy.propose(past, 4, rng=rng), strategy.winners[[0, 3, 4, 5]]
    )


def test_a_network_is_trained_once() -> None:
    space = HAT("small")
    row = space.sample(1, rng=np.random.default_rng(0))
    canonical = space.canonical(row)
    strategy = RankNASSearch()
    strategy.winners = np.concatenate([canonical, some(space, 3, seed=1)])
    proposed = strategy.propose(history(space, row, np.zeros(1)), 3, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(proposed, strategy.winners[1:])


def test_the_description_tells_the_winners() -> None:
    space = tiny()
    one, other = with_winners(space, 5).describe(), with_winners(space, 6).describe()
    assert one != other
    assert one["winners"] == with_winners(space, 5).describe()["winners"]
    assert RankNASSearch().describe()["winners"] is None


def test_wrong_settings() -> None:
    with pytest.raises(BudgetError, match="batch_size"):
        RankNASSearch(batch_size=0)
    with pytest.raises(SettingsError, match="RankNASSearch: archs"):
        RankNASSearch(archs=2)
    with pytest.raises(UnknownNameError, match="search of RankNASSearch 'walk'"):
        RankNASSearch(search="walk")  # type: ignore[arg-type]
