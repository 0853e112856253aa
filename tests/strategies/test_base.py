"""The contract's own parts, and the defaults that stored runs depend on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from archrank.errors import BudgetError
from archrank.strategies import Exhaustive, Guided, History, Random, RegularizedEvolution
from archrank.strategies.base import Strategy, require_positive
from archrank.types import Archs
from tests.strategies.helpers import history, some, tiny


class First(Strategy):
    def propose(self, history: History, n: int, *, rng: np.random.Generator) -> Archs:
        return history.space.enumerate()[:n]

    def describe(self) -> dict[str, Any]:
        return {"strategy": "first"}


def test_one_at_a_time_unless_a_strategy_says_otherwise() -> None:
    assert First().batch(history(tiny(), some(tiny(), 3), np.zeros(3))) == 1


def test_numbers_of_architectures_start_at_one() -> None:
    require_positive(First(), batch_size=1, initial=2)
    with pytest.raises(BudgetError, match="First: initial must be at least 1, got 0"):
        require_positive(First(), batch_size=1, initial=0)


@pytest.mark.parametrize(
    ("strategy", "batch", "described"),
    [
        (Random(), 8, {"strategy": "random", "batch_size": 8}),
        (
            RegularizedEvolution(),
            20,
            {"strategy": "regularized_evolution", "population": 20, "tournament": 5},
        ),
        (
            Guided(),
            5,
            {
                "strategy": "guided",
                "ranker": "default",
                "initial": 5,
                "batch_size": 2,
                "explore": 0.0,
                "acquisition": "ucb",
                "kappa": 3.0,
                "candidates": 20_000,
            },
        ),
        (Exhaustive(), 256, {"strategy": "exhaustive", "order": 0}),
    ],
)
def test_a_changed_default_would_change_runs(
    strategy: Strategy, batch: int, described: dict[str, Any]
) -> None:
    """A resumed run takes the defaults of today: they are as they were when it was begun."""
    found = strategy.describe()
    assert found | described == found
    assert found["skip_isomorphic"] is True
    assert strategy.batch(history(tiny(), some(tiny(), 0), np.zeros(0))) == batch
