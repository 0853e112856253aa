from __future__ import annotations

import numpy as np
import pytest

from archrank.errors import SpaceError
from archrank.spaces import NASBench201
from archrank.strategies import Exhaustive
from archrank.testing import check_strategy
from tests.strategies.helpers import history, huge, some, tiny


def test_contract() -> None:
    check_strategy(lambda: Exhaustive(skip_isomorphic=False, batch_size=4), NASBench201())


def test_one_of_each_class_in_an_order_that_no_seed_changes() -> None:
    space = NASBench201()
    nothing = history(space, np.empty((0, 6), np.uint8), np.empty((0, 1)))
    archs = Exhaustive().propose(nothing, 20_000, rng=np.random.default_rng(0))
    again = Exhaustive().propose(nothing, 20_000, rng=np.random.default_rng(1))
    assert (archs == again).all()
    assert len(archs) == 6466
    assert (space.canonical(archs) == archs).all()
    everything = Exhaustive(skip_isomorphic=False).propose(
        nothing, 20_000, rng=np.random.default_rng(0)
    )
    assert len(np.unique(everything, axis=0)) == 15625


def test_goes_on_after_what_is_known() -> None:
    space = tiny()
    order = Exhaustive().listed(space)
    known = history(space, order[:5], np.arange(5.0))
    assert (Exhaustive().propose(known, 7, rng=np.random.default_rng(0)) == order[5:12]).all()
    assert len(Exhaustive().propose(known, 100, rng=np.random.default_rng(0))) == 24 - 5


def test_any_part_is_a_random_sample() -> None:
    space = NASBench201()
    part = Exhaustive().listed(space)[:2000]
    share = np.bincount(part[:, 5], minlength=5) / 2000
    whole = np.bincount(Exhaustive().listed(space)[:, 5], minlength=5) / 6466
    assert np.abs(share - whole).max() < 0.03
    assert (Exhaustive(order=1).listed(space)[:2000] != part).any()


def test_leaves_out_what_is_not_allowed() -> None:
    space = tiny()
    known = history(space, some(space, 1), np.zeros(1), allowed=lambda archs: archs[:, 0] == 2)
    proposed = Exhaustive().propose(known, 100, rng=np.random.default_rng(0))
    assert set(proposed[:, 0]) == {2}


def test_refuses_what_cannot_be_listed() -> None:
    with pytest.raises(SpaceError, match="too many to list"):
        Exhaustive().listed(huge())
