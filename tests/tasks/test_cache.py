from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from archrank.tasks.cache import Arrays, cache_folder, cached


class Maker:
    """Counts how often the arrays are made."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> Arrays:
        self.calls += 1
        return {"x": np.arange(1000)}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARCHRANK_CACHE", str(tmp_path / "deep" / "cache"))
    return tmp_path / "deep" / "cache"


def test_made_once_per_key(folder: Path) -> None:
    make = Maker()
    for _ in range(2):
        assert np.array_equal(cached("name", {"a": 1}, make)["x"], np.arange(1000))
    assert make.calls == 1
    cached("name", {"a": 2}, make)
    assert make.calls == 2
    assert [p.suffix for p in folder.iterdir()] == [".npz"] * 2


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "flipped"])
def test_damaged_file_is_made_anew(folder: Path, damage: str) -> None:
    make = Maker()
    cached("name", {}, make)
    (file,) = folder.iterdir()
    good = file.read_bytes()
    middle = len(good) // 2
    flipped = good[:middle] + bytes([good[middle] ^ 255]) + good[middle + 1 :]
    file.write_bytes(
        {"empty": b"", "text": b"not an archive", "cut": good[:middle], "flipped": flipped}[damage]
    )
    assert np.array_equal(cached("name", {}, make)["x"], np.arange(1000))
    assert make.calls == 2
    assert file.read_bytes()[:2] == b"PK"
    cached("name", {}, make)
    assert make.calls == 2


def test_folder_that_cannot_be_written_only_costs_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "a file, not a folder"
    blocked.write_text("")
    monkeypatch.setenv("ARCHRANK_CACHE", str(blocked))
    make = Maker()
    assert len(cached("name", {}, make)["x"]) == 1000
    assert make.calls == 1


def test_failed_write_leaves_nothing_behind(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(*args: object, **kwargs: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "savez", full_disk)
    cached("name", {}, Maker())
    assert list(folder.iterdir()) == []


def test_folder_follows_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("ARCHRANK_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "archrank"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "archrank"
    monkeypatch.setenv("ARCHRANK_CACHE", str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine"
