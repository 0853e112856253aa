"""An assessment's folder: ``assess.json`` says what is assessed, ``results.jsonl`` what came out.

Every finished cell is one line, on disk before the next one counts. A line that a crash cut short
is dropped, and its cell runs again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from archrank.assess.coverage import CALIBRATION_FAILURE, UNCALIBRATED
from archrank.assess.grid import Cell, Done, Row
from archrank.assess.protocol import Protocol
from archrank.differences import differences, told
from archrank.errors import ResumeError
from archrank.files import read_json, write_json
from archrank.journal import Journal
from archrank.locking import locked

SETTINGS = "assess.json"
RESULTS = "results.jsonl"
NOT_NUMBERS = ("failure", "rank_difference", UNCALIBRATED, CALIBRATION_FAILURE)


class CellJournal:
    """Finished cells, in a folder or (``None``) in memory only.

    Raises:
        StorageError: the file in the folder cannot be read, or is damaged.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._journal = None if folder is None else Journal(folder / RESULTS)
        self.done: dict[Cell, Done] = {}
        if self._journal is None:
            return
        for number, entry in self._journal.read():
            try:
                done = _from_json(entry)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise self._journal.damaged(number, error) from None
            self.done[done.cell] = done

    def add(self, done: Done) -> None:
        """Keep a finished cell; it is on disk when this returns."""
        self.done[done.cell] = done
        if self._journal is not None:
            self._journal.append(_to_json(done))


@contextmanager
def open_journal(folder: Path | None, settings: dict[str, Any]) -> Iterator[CellJournal]:
    """Begin an assessment in ``folder``, or go on with the one it holds; lock it meanwhile.

    Raises:
        ResumeError: the folder holds an assessment whose results mean something else.
        StorageError: it cannot be used, or another process writes to it.
    """
    if folder is None:
        yield CellJournal()
        return
    with locked(folder, "folder", "--run"):
        _settle(folder / SETTINGS, settings)
        yield CellJournal(folder)


def _settle(path: Path, settings: dict[str, Any]) -> None:
    """Store what is assessed, or compare it with what is stored; rankers may be added."""
    settings = json.loads(json.dumps(settings))
    known: dict[str, Any] = {}
    usual: dict[str, Any] = {}
    if path.exists():
        remedy = "name another folder with --run DIR"
        known = read_json(path, "the settings of an assessment", remedy=remedy)
        usual = {"coverage": Protocol.coverage}  # folders of before it was a setting
    rankers = {**settings["rankers"], **known.get("rankers", {})}
    # a setting may be new in this version
    stored = {**settings, **usual, **known, "rankers": rankers}
    asked = {**settings, "rankers": {**rankers, **settings["rankers"]}}
    found = differences(stored, asked)
    if found:
        # other numbers follow from another column: they are named where nothing else differs
        named = told([d for d in found if d.path != "sha256"])
        changes = (
            f" (stored -> now): {named}" if named else ": the numbers in its table were others"
        )
        raise ResumeError(
            f"folder {path.parent} holds another assessment{changes}. Name another folder with "
            "--run DIR, or repeat the first settings to go on"
        )
    write_json(path, {**settings, "rankers": rankers})


def _from_json(values: dict[str, Any]) -> Done:
    rows = [_with_nan(row) for row in values["rows"]]
    return Done(Cell(**values["cell"]), rows, values["points"])


def _to_json(done: Done) -> dict[str, Any]:
    rows = [{k: None if v != v else v for k, v in row.items()} for row in done.rows]
    return {"cell": asdict(done.cell), "rows": rows, "points": done.points}


def _with_nan(row: Row) -> Row:
    """JSON has no NaN; text and lists may be missing, numbers are NaN then."""
    return {k: float("nan") if v is None and k not in NOT_NUMBERS else v for k, v in row.items()}
