"""Folders of trainings, and numbers that are kept in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from archrank.errors import StorageError
from archrank.reproduce.base import Plan
from archrank.reproduce.journal import RunJournal
from archrank.reproduce.workplace import kept, told, workplace


def test_without_a_run_folder_nothing_is_kept() -> None:
    with workplace(Plan(quick=True), "x") as folder:
        assert folder.is_dir()
    assert not folder.exists()


def test_trainings_of_quick_are_kept_apart(tmp_path: Path) -> None:
    for quick, name in ((False, "x"), (True, "x-quick")):
        plan = Plan(quick=quick, journal=RunJournal(tmp_path / "a.runs", {}))
        with workplace(plan, "x") as folder:
            assert folder == tmp_path / name
            with pytest.raises(StorageError, match="in use"), workplace(plan, "x"):
                pass
        assert len(told(plan)) == quick


def test_numbers_are_measured_once_for_their_settings(tmp_path: Path) -> None:
    calls: list[int] = []

    def measure() -> dict[str, int]:
        calls.append(1)
        return {"n": len(calls)}

    path = tmp_path / "new" / "x.json"
    assert [kept(path, {"a": (1, 2)}, measure) for _ in range(2)] == [{"n": 1}, {"n": 1}]
    assert kept(path, {"a": (1, 3)}, measure) == {"n": 2}
    path.write_text("{")
    with pytest.raises(StorageError, match=r"x\.json cannot be read"):
        kept(path, {"a": 1}, measure)
