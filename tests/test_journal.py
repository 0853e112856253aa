"""A journal after every way to be stopped."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archrank.errors import StorageError
from archrank.journal import Journal

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)  # fmt: skip
entries = st.lists(st.dictionaries(st.text(max_size=3), values, max_size=3), max_size=4)
fresh = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def write(path: Path, content: list[dict[str, Any]]) -> None:
    path.unlink(missing_ok=True)
    journal = Journal(path)
    for entry in content:
        journal.append(entry)


@fresh
@given(content=entries)
def test_entries_are_read_back(tmp_path: Path, content: list[dict[str, Any]]) -> None:
    path = tmp_path / "a.jsonl"
    write(path, content)
    assert list(Journal(path).read()) == list(enumerate(content, 1))


@fresh
@given(content=entries.filter(len), data=st.data())
def test_a_file_cut_off_anywhere(
    tmp_path: Path, content: list[dict[str, Any]], data: st.DataObject
) -> None:
    path = tmp_path / "a.jsonl"
    write(path, content)
    whole = path.read_bytes()
    size = data.draw(st.integers(0, len(whole)))
    os.truncate(path, size)
    left = content[: whole[:size].count(b"\n")]
    assert [entry for _, entry in Journal(path).read()] == left
    assert path.stat().st_size == size  # reading changes nothing
    Journal(path).append({"new": 1})
    assert [entry for _, entry in Journal(path).read()] == [*left, {"new": 1}]


@pytest.mark.parametrize("damage", [b"{", b"[1]", b"", b"\xff", b'{"a": 1}{'])
def test_a_damaged_line_is_refused_by_its_number(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"a": 1}\n' + damage + b'\n{"b": 2}\n')
    read = Journal(path).read()
    assert next(read) == (1, {"a": 1})
    with pytest.raises(StorageError, match=r"a\.jsonl, line 2 is damaged: .*; remove this line"):
        next(read)


def test_an_entry_is_on_disk_when_append_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.jsonl"
    seen = []
    monkeypatch.setattr("archrank.journal.os.fsync", lambda number: seen.append(path.read_text()))
    Journal(path).append({"a": 1})
    assert seen == ['{"a": 1}\n']


def test_an_entry_after_a_failed_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(number: int) -> None:
        os.truncate(path, path.stat().st_size - 3)  # part of the line only
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "a.jsonl"
    journal = Journal(path)
    journal.append({"a": 1})
    with monkeypatch.context() as patched:
        patched.setattr("archrank.journal.os.fsync", full)
        with pytest.raises(StorageError, match="No space left on device; make room, then repeat"):
            journal.append({"b": 2})
    journal.append({"c": 3})
    assert [entry for _, entry in journal.read()] == [{"a": 1}, {"c": 3}]


def test_places_without_a_file(tmp_path: Path) -> None:
    assert list(Journal(tmp_path / "none").read()) == []
    with pytest.raises(StorageError, match="cannot be read"):
        list(Journal(tmp_path).read())
    with pytest.raises(StorageError, match="cannot write"):
        Journal(tmp_path / "no" / "folder").append({})
