from __future__ import annotations

import numpy as np
import pytest

from archrank.errors import SpaceError
from archrank.spaces import NASBench201
from archrank.strategies.unseen import remaining, sample_unseen
from archrank.types import Archs, Bools
from tests.strategies.helpers import history, huge, isomorphic, rows, some, tiny


@pytest.mark.parametrize("known", [0, 5, 20, 23, 24])
def test_the_rest_of_a_small_space(known: int) -> None:
    space = tiny()
    every = np.random.default_rng(0).permutation(space.enumerate())
    past = history(space, every[:known], np.zeros(known))
    drawn = sample_unseen(past, 100, rng=np.random.default_rng(1))
    assert rows(drawn) == rows(every[known:])
    assert len(drawn) == 24 - known
    assert rows(remaining(past)) == rows(every[known:])


def test_all_remaining_are_equally_likely() -> None:
    space = tiny()
    past = history(space, space.enumerate()[:20], np.zeros(20))
    counts = np.zeros(4)
    for seed in range(400):
        counts[space.index(sample_unseen(past, 1, rng=np.random.default_rng(seed)))[0] - 20] += 1
    assert (counts > 60).all()  # 100 each; 60 is 4.6 standard deviations away


def test_taken_and_forbidden_are_left_out() -> None:
    space = tiny()
    every = space.enumerate()

    def allowed(archs: Archs) -> Bools:
        return np.asarray(archs[:, 2] == 0)

    past = history(space, every[:4], np.zeros(4), allowed=allowed)
    drawn = sample_unseen(past, 100, rng=np.random.default_rng(0), taken=every[4:8])
    assert rows(drawn) == rows(every[8:][every[8:, 2] == 0])


def test_rare_allowed_rows_of_a_listable_space_are_found(space: NASBench201) -> None:
    wanted = rows(some(space, 3, seed=5))

    def allowed(archs: Archs) -> Bools:
        return np.array([row.tobytes() in wanted for row in archs], dtype=bool)

    past = history(space, space.enumerate()[:0], np.zeros(0), allowed=allowed)
    assert rows(sample_unseen(past, 10, rng=np.random.default_rng(0))) == wanted


def test_a_huge_space_is_never_listed() -> None:
    space = huge()
    past = history(space, some(space, 50), np.zeros(50))
    drawn = sample_unseen(past, 200, rng=np.random.default_rng(0))
    assert len(rows(drawn)) == 200

    def never(archs: Archs) -> Bools:
        return np.zeros(len(archs), dtype=bool)

    nothing = history(space, some(space, 50), np.zeros(50), allowed=never)
    assert sample_unseen(nothing, 3, rng=np.random.default_rng(0)).shape == (0, 30)
    with pytest.raises(SpaceError, match="too many to list"):
        remaining(past)


def test_classes_leave_out_equivalents_of_what_is_known_and_drawn(space: NASBench201) -> None:
    twins = isomorphic(space, 4)
    others = some(space, 3, seed=1)
    pool = rows(twins) | rows(others)
    wanted = rows(space.canonical(np.concatenate([twins, others])))

    def allowed(archs: Archs) -> Bools:
        return np.array([row.tobytes() in pool for row in archs], dtype=bool)

    for known in (0, 1):
        past = history(space, twins[:known], np.zeros(known), allowed=allowed)
        rng = np.random.default_rng(0)
        left = len(wanted) - known
        drawn = sample_unseen(past, left, rng=rng, skip_isomorphic=True)
        assert len(rows(space.canonical(drawn))) == left
        assert not rows(space.canonical(drawn)) & rows(space.canonical(twins[:known]))
        everything = sample_unseen(past, 100, rng=rng, skip_isomorphic=True)  # then equivalents
        assert rows(everything) == pool - rows(twins[:known])


def test_classes_by_rejection_alone(space: NASBench201) -> None:
    past = history(space, some(space, 0), np.zeros(0))
    drawn = sample_unseen(past, 1500, rng=np.random.default_rng(0), skip_isomorphic=True)
    assert len(rows(space.canonical(drawn))) == 1500
    drawn = sample_unseen(past, 1500, rng=np.random.default_rng(0))
    assert len(rows(space.canonical(drawn))) < len(rows(drawn)) == 1500
