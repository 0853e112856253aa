from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archrank.tables.importers.protobuf import fields, varint
from tests.tables.importers import files

VALUES = st.integers(0, 2**64 - 1) | st.floats(allow_nan=False) | st.binary(max_size=40)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(1, 2**29 - 1), VALUES), max_size=8))
def test_messages(listed: list[tuple[int, int | float | bytes]]) -> None:
    assert list(fields(files.message(listed))) == listed


@settings(max_examples=60)
@given(st.integers(0, 2**64 - 1), st.binary(max_size=4))
def test_varints(value: int, before: bytes) -> None:
    data = before + files.varint(value)
    assert varint(data + b"\x01", len(before)) == (value, len(data))


def test_four_bytes() -> None:
    assert list(fields(bytes([1 << 3 | 5]) + struct.pack("<f", 0.5))) == [(1, 0.5)]


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(1, 99), VALUES), min_size=1, max_size=4), st.integers(1, 9))
def test_cut_messages(listed: list[tuple[int, int | float | bytes]], cut: int) -> None:
    whole = files.message(listed)
    try:
        found = list(fields(whole[:-cut]))
    except ValueError:
        return
    assert found == listed[: len(found)]  # cut between two fields
    assert files.message(found) == whole[:-cut]


@settings(max_examples=60)
@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert all(number >= 1 for number, _ in fields(data))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x08", "does not end"),
        (b"\x08" + b"\xff" * 11, "does not end within 64 bits"),
        (b"\x08" + b"\xff" * 9 + b"\x02", "does not end within 64 bits"),
        (b"\x09" + bytes(7), "field 1 runs 1 bytes past the end"),
        (b"\x12\x05abc", "field 2 runs 2 bytes past the end"),
        (b"\x0b", "field 1 has the unknown wire type 3"),
        (b"\x00\x01", "a field has number 0"),
    ],
)
def test_no_message(data: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        list(fields(data))
