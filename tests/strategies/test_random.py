from __future__ import annotations

import numpy as np
import pytest

from archrank.errors import BudgetError
from archrank.spaces import NASBench201
from archrank.strategies import STRATEGIES, Random
from archrank.testing import check_strategy
from tests.strategies.helpers import history, huge, some, tiny


def test_contract(space: NASBench201) -> None:
    check_strategy(Random, space)
    check_strategy(Random, huge())


def test_batch_and_settings() -> None:
    past = history(tiny(), some(tiny(), 3), np.zeros(3))
    assert Random().batch(past) == 8
    assert Random(batch_size=3).batch(past) == 3
    assert Random(3).describe() == {"strategy": "random", "batch_size": 3, "skip_isomorphic": True}
    assert STRATEGIES.get("random") is Random


def test_no_equivalents(space: NASBench201) -> None:
    past = history(space, some(space, 300), np.zeros(300))
    known = len(np.unique(space.canonical(past.archs), axis=0))
    for classes in (True, False):
        drawn = Random(skip_isomorphic=classes).propose(past, 400, rng=np.random.default_rng(0))
        different = len(np.unique(space.canonical(np.concatenate([past.archs, drawn])), axis=0))
        assert (different - known == 400) == classes
        assert len(np.unique(drawn, axis=0)) == 400


@pytest.mark.parametrize("size", [0, -1])
def test_batch_of_nothing(size: int) -> None:
    with pytest.raises(BudgetError, match=f"Random: batch_size must be at least 1, got {size}"):
        Random(size)


def test_seeds_give_other_rows(space: NASBench201) -> None:
    past = history(space, some(space, 3), np.zeros(3))
    first, second = (Random().propose(past, 8, rng=np.random.default_rng(s)) for s in (0, 1))
    assert not np.array_equal(first, second)
