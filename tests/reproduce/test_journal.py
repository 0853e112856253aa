from __future__ import annotations

from pathlib import Path

import pytest

from archrank.assess.surgery_rankers import forest
from archrank.errors import StorageError
from archrank.reproduce import reproduce
from archrank.reproduce.base import Found, Plan
from archrank.reproduce.journal import RunJournal

HEADER = {"name": "x", "seeds": 2}


class KilledError(Exception):
    pass


def square(number: int) -> Found:
    return {"value": number**2 / 3, "seconds": 0.1}


def two_calls(plan: Plan) -> list[Found]:
    return plan.map(square, range(4)) + plan.map(square, range(10, 13))


@pytest.mark.parametrize("stop", range(7))
def test_goes_on_wherever_it_was_stopped(stop: int, tmp_path: Path) -> None:
    path = tmp_path / "x.runs"
    count = 0

    def progress(done: int, of: int) -> None:
        nonlocal count
        count += 1
        if count == stop:
            raise KilledError

    if stop:
        with pytest.raises(KilledError):
            two_calls(Plan(progress=progress, journal=RunJournal(path, HEADER)))
        with path.open("a") as file:
            file.write('{"call": 1, "ind')  # a kill in the middle of a line
    kept = RunJournal(path, HEADER)
    assert len(kept.known) == stop
    assert two_calls(Plan(progress=progress, journal=kept)) == two_calls(Plan())
    assert count == 7  # nothing ran twice
    assert len(RunJournal(path, HEADER).known) == 7


def test_runs_of_something_else_do_not_count(tmp_path: Path) -> None:
    path = tmp_path / "x.runs"
    two_calls(Plan(journal=RunJournal(path, HEADER)))
    assert RunJournal(path, {**HEADER, "seeds": 3}).known == {}


def test_nothing_is_left_at_the_end(
    tables: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fastest = {"RF": forest}
    monkeypatch.setattr("archrank.reproduce.surgery.predictors.RANKING", fastest)
    reproduce("surgery-fig-a2", data=tables, quick=True, seeds=1, out=tmp_path / "found")
    assert list((tmp_path / "found").iterdir()) == []


def test_folders_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot write"):
        RunJournal(tmp_path / "file" / "x.runs", HEADER)
