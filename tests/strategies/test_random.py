from __future__ import annotations

import numpy as np
import pytest

from archrank.errors import BudgetError
from archrank.spaces import NASBench201
from archrank.strategies import STRATEGIES, Random
from archrank.testing import check_strategy

from .helpers import history, huge, some, tiny


def test_contract(space: NASBench201) -> None:
    check_strategy(Random, space)
    check_strategy(Random, huge())


def test_batch_and_settings() -> None:
    past = history(tiny(), some(tiny(), 3), np.zeros(3))
    assert Random().batch(past) == 8
    assert Random(batch_size=3).batch(past) == 3
    assert Random(3).describe() == {"strategy": "random", "batch_size": 3}
    assert STRATEGIES.get("random") is Random


@pytest.mark.parametrize("size", [0, -1])
def test_batch_of_nothing(size: int) -> None:
    with pytest.raises(BudgetError, match=f"Random: batch_size must be at least 1, got {size}"):
        Random(size)


def test_seeds_give_other_rows(space: NASBench201) -> None:
    past = history(space, some(space, 3), np.zeros(3))
    first, second = (Random().propose(past, 8, rng=np.random.default_rng(s)) for s in (0, 1))
    assert not np.array_equal(first, second)
