"""Files written whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archrank.errors import StorageError, TableError
from archrank.files import file_name, read_json, write_file, write_json, write_text

posix = pytest.mark.skipif(os.name != "posix", reason="permissions and pipes as POSIX has them")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_new_file_and_a_replaced_one(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    assert write_text(path, "first\n") == path
    assert write_text(str(path), "zweite Zeile: ä\n") == path
    assert path.read_bytes() == "zweite Zeile: ä\n".encode()
    assert write_file(path, lambda file: file.write(b"\x00\xff")).read_bytes() == b"\x00\xff"
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize(
    "failure", [KeyboardInterrupt, RuntimeError, OSError(errno.ENOSPC, "full")]
)
def test_a_failure_leaves_the_old_file(tmp_path: Path, failure: BaseException) -> None:
    path = write_text(tmp_path / "a.txt", "old")

    def half(file: object) -> None:
        file.write(b"half")  # type: ignore[attr-defined]
        raise failure

    expected = StorageError if isinstance(failure, OSError) else failure
    with pytest.raises(expected):
        write_file(path, half)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_disk_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = write_text(tmp_path / "a.txt", "old")
    monkeypatch.setattr(f"archrank.files.os.{step}", full)
    with pytest.raises(TableError) as told:
        write_text(path, "new", error=TableError, remedy="make room")
    assert str(told.value) == f"cannot write {path}: No space left on device; make room"
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_content_is_on_disk_before_it_is_renamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = []
    for step in ("fsync", "replace"):
        real = getattr(os, step)

        def noted(*args: object, step: str = step, real: object = real) -> None:
            steps.append(step)
            real(*args)  # type: ignore[operator]

        monkeypatch.setattr(f"archrank.files.os.{step}", noted)
    write_text(tmp_path / "a.txt", "text")
    assert steps == ["fsync", "replace"]


def test_folders_are_made_on_request_only(tmp_path: Path) -> None:
    path = tmp_path / "b" / "c" / "a.txt"
    with pytest.raises(StorageError, match=r"cannot write .*a\.txt: No such file or directory"):
        write_text(path, "text")
    assert write_text(path, "text", parents=True).read_text() == "text"
    with pytest.raises(StorageError, match="cannot write"):
        write_text(path / "below", "a file is no folder", parents=True)
    with pytest.raises(StorageError, match="cannot write"):
        write_text(tmp_path, "a folder is no file")
    assert names(tmp_path) == ["b"]


@posix
def test_permissions_are_those_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "any").write_text("")
    path = write_text(tmp_path / "a.txt", "text")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "any").stat().st_mode)


@posix
def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    real = write_text(tmp_path / "folder" / "real.txt", "old")
    link = tmp_path / "link.txt"
    link.symlink_to(real)
    write_text(link, "new")
    assert link.is_symlink()
    assert real.read_text() == "new"


@posix
def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    write_text(pipe, "text")
    reader.join(timeout=600)
    assert read == ["text"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_json_is_read_back(tmp_path: Path) -> None:
    path = write_json(tmp_path / "a.json", {"a": [1, 2.5, None], "b": "ä"})
    assert read_json(path, "anything") == {"a": [1, 2.5, None], "b": "ä"}
    assert json.loads(path.read_bytes()) == read_json(path, "anything")


def test_json_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"cannot be read: .*No such file.*; start"):
        read_json(tmp_path / "a.json", "a run", remedy="start again")
    for text in ("{", '"\udc80'):
        (tmp_path / "a.json").write_bytes(text.encode(errors="surrogateescape"))
        with pytest.raises(StorageError, match="cannot be read"):
            read_json(tmp_path / "a.json", "a run")
    (tmp_path / "a.json").write_text("[]")
    with pytest.raises(StorageError, match=r"a\.json does not hold a run; start again"):
        read_json(tmp_path / "a.json", "a run", remedy="start again")


@given(st.lists(st.text(max_size=300), min_size=2, max_size=2, unique=True))
@settings(max_examples=200)
def test_names_from_any_texts(texts: list[str]) -> None:
    found = [file_name(text) for text in texts]
    assert found[0] != found[1]
    for name in found:
        assert 0 < len(name) <= 120
        assert Path("runs", name).resolve().parent == Path("runs").resolve()
        assert not name.startswith((".", "-"))
        assert not name.endswith((".", " "))
        assert file_name(name) == name


@pytest.mark.parametrize(
    "text", ["../../../../x", "..", "/etc/x", "C:\\x", "a/b", "a\0b", "nul", ""]
)
def test_a_name_is_never_a_path(text: str, tmp_path: Path) -> None:
    path = write_text(tmp_path / file_name(text), "", parents=True)
    assert names(tmp_path) == [path.name]
    assert path.name != text


@pytest.mark.parametrize("text", ["valid_accuracy", "cpu.latency_ms", "width=8,depth=2", "a-b+c"])
def test_plain_texts_are_names(text: str) -> None:
    assert file_name(text) == text
