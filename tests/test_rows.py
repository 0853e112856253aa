"""Rows as values, against sets, dictionaries and numpy's own unique."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from archrank.rows import LookUp, distinct, first_rows, group_rows, is_new, row_codes

Rows = NDArray[Any]


@st.composite
def matrices(draw: st.DrawFn, count: int = 1) -> tuple[Rows, ...]:
    """Matrices of one type and width with few different values, so that rows repeat."""
    dtype = draw(st.sampled_from([np.uint8, np.int64]))
    width = draw(st.integers(0, 4))
    few = st.sampled_from([0, 1, 2, 255])
    return tuple(
        draw(arrays.arrays(dtype, (draw(st.integers(0, 12)), width), elements=few))
        for _ in range(count)
    )


def tuples(rows: Rows) -> list[tuple[int, ...]]:
    return [tuple(row) for row in rows.tolist()]


@given(matrices())
def test_codes_are_equal_where_rows_are(found: tuple[Rows]) -> None:
    codes = row_codes(found[0])
    rows = tuples(found[0])
    equal = [[a == b for b in rows] for a in rows]
    assert codes.shape == (len(rows),)
    assert (codes[:, None] == codes).tolist() == equal


@given(arrays.arrays(np.uint8, (20, 3), elements=st.integers(0, 255)))
def test_codes_of_bytes_sort_as_rows_do(rows: Rows) -> None:
    assert rows[np.argsort(row_codes(rows), kind="stable")].tolist() == sorted(rows.tolist())


def test_codes_of_columns_that_are_not_contiguous() -> None:
    rows = np.arange(24, dtype=np.uint8).reshape(4, 6)
    assert (row_codes(rows[:, ::2]) == row_codes(rows[:, ::2].copy())).all()


@given(matrices())
def test_groups_are_numbered_as_they_appear(found: tuple[Rows]) -> None:
    rows = tuples(found[0])
    order = list(dict.fromkeys(rows))
    first, group = group_rows(found[0])
    assert group.tolist() == [order.index(row) for row in rows]
    assert first.tolist() == first_rows(found[0]).tolist() == [rows.index(row) for row in order]


@given(matrices())
def test_distinct_keeps_the_first_of_each_in_order(found: tuple[Rows]) -> None:
    assert tuples(distinct(found[0])) == list(dict.fromkeys(tuples(found[0])))


def test_distinct_by_other_keys() -> None:
    rows = np.array([[1, 1], [2, 2], [3, 3]], dtype=np.uint8)
    keys = np.array([[7, 0], [7, 0], [8, 0]], dtype=np.uint8)
    assert distinct(rows, keys).tolist() == [[1, 1], [3, 3]]


@given(matrices(2))
def test_is_new_as_a_set_says(found: tuple[Rows, Rows]) -> None:
    rows, seen = found
    known = set(tuples(seen))
    assert is_new(rows, seen).tolist() == [row not in known for row in tuples(rows)]


@given(matrices(2))
def test_looking_up_finds_the_first(found: tuple[Rows, Rows]) -> None:
    rows, wanted = map(tuples, found)
    places = [rows.index(row) if row in rows else -1 for row in wanted]
    assert LookUp(row_codes(found[0])).find(row_codes(found[1])).tolist() == places


@pytest.mark.parametrize("dtype", [np.int64, np.float32])
def test_numbers_are_looked_up_too(dtype: type) -> None:
    look_up = LookUp(np.array([30, 10, 20, 10], dtype=dtype))
    assert look_up.find(np.array([10, 20, 30, 5, 40], dtype=dtype)).tolist() == [1, 2, 0, -1, -1]
