from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archrank.errors import SpaceError
from archrank.spaces import NASBench201
from archrank.strategies.unseen import distinct, is_new, remaining, row_keys, sample_unseen
from archrank.types import Archs, Bools
from tests.strategies.helpers import history, huge, isomorphic, rows, some, tiny

matrices = st.lists(
    st.lists(st.integers(0, 255), min_size=3, max_size=3), min_size=0, max_size=12
).map(lambda r: np.array(r, dtype=np.uint8).reshape(len(r), 3))


@given(matrices)
def test_distinct_keeps_the_first_of_each_in_order(archs: Archs) -> None:
    expected = list(dict.fromkeys(map(tuple, archs.tolist())))
    assert list(map(tuple, distinct(archs).tolist())) == expected


@given(matrices, matrices)
def test_is_new_is_a_look_up(archs: Archs, seen: Archs) -> None:
    known = rows(seen)
    assert is_new(archs, seen).tolist() == [row.tobytes() not in known for row in archs]


def test_keys_of_columns_that_are_not_contiguous() -> None:
    archs = np.arange(24, dtype=np.uint8).reshape(4, 6)
    assert (row_keys(archs[:, ::2]) == row_keys(archs[:, ::2].copy())).all()


def test_distinct_by_other_keys() -> None:
    archs = np.array([[1, 1], [2, 2], [3, 3]], dtype=np.uint8)
    keys = np.array([[7, 0], [7, 0], [8, 0]], dtype=np.uint8)
    assert distinct(archs, keys).tolist() == [[1, 1], [3, 3]]


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
