"""An assessment's folder: ``assess.json`` says what is assessed, ``results.jsonl`` what came out.

Every finished cell is one line, on disk before the next one counts. A line that a crash cut short
is dropped, and its cell runs again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from archrank.assess.grid import Cell, Done, Row
from archrank.errors import ResumeError, StorageError
from archrank.files import read_json, write_json
from archrank.runs.folder import locked

SETTINGS = "assess.json"
RESULTS = "results.jsonl"


class Journal:
    """Finished cells, in a folder or (``None``) in memory only."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self.done: dict[Cell, Done] = {}
        if folder is not None and (folder / RESULTS).exists():
            for done in _read(folder / RESULTS):
                self.done[done.cell] = done

    def add(self, done: Done) -> None:
        """Keep a finished cell; it is on disk when this returns."""
        self.done[done.cell] = done
        if self.folder is None:
            return
        try:
            with (self.folder / RESULTS).open("a", encoding="utf-8") as file:
                file.write(json.dumps(_to_json(done), allow_nan=False) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StorageError(
                f"cannot write to {self.folder / RESULTS}: {error.strerror or error}; make room, "
                "then repeat the command to go on"
            ) from None


@contextmanager
def open_journal(folder: Path | None, settings: dict[str, Any]) -> Iterator[Journal]:
    """Begin an assessment in ``folder``, or go on with the one it holds; lock it meanwhile.

    Raises:
        ResumeError: the folder holds an assessment whose results mean something else.
        StorageError: it cannot be used, or another process writes to it.
    """
    if folder is None:
        yield Journal()
        return
    with locked(folder, "folder", "--out"):
        _settle(folder / SETTINGS, settings)
        _mend(folder / RESULTS)
        yield Journal(folder)


def _settle(path: Path, settings: dict[str, Any]) -> None:
    """Store what is assessed, or compare it with what is stored; rankers may be added."""
    settings = json.loads(json.dumps(settings))
    known: dict[str, Any] = {}
    if path.exists():
        remedy = "name another folder with --out DIR"
        known = read_json(path, "the settings of an assessment", remedy=remedy)
    rankers = {**known.get("rankers", {}), **settings["rankers"]}
    changes = [
        f"{key} was {known[key]!r}, now {settings.get(key)!r}"
        for key in known
        if key not in ("rankers", "sha256") and known[key] != settings.get(key)
    ]
    changes += [
        f"ranker {name} was {text}, now {settings['rankers'][name]}"
        for name, text in known.get("rankers", {}).items()
        if settings["rankers"].get(name, text) != text
    ]
    if not changes and known.get("sha256", settings["sha256"]) != settings["sha256"]:
        changes.append("the numbers in its table were others")
    if changes:
        raise ResumeError(
            f"folder {path.parent} holds another assessment: {'; '.join(changes)}. Name another "
            "folder with --out DIR, or repeat the first settings to go on"
        )
    write_json(path, {**settings, "rankers": rankers})


def _mend(path: Path) -> None:
    """Cut off a last line that was not written to its end, or it would spoil the next one."""
    if not path.exists():
        return
    written = path.read_bytes()
    whole = written.rfind(b"\n") + 1
    if whole < len(written):
        os.truncate(path, whole)


def _read(path: Path) -> Iterable[Done]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        yield _from_json(line, f"{path}, line {number}")


def _from_json(line: str, where: str) -> Done:
    try:
        values = json.loads(line)
        rows = [_with_nan(row) for row in values["rows"]]
        return Done(Cell(**values["cell"]), rows, values["points"])
    except (ValueError, KeyError, TypeError) as error:
        raise StorageError(
            f"{where} is damaged: {error}; remove this line to repeat its part"
        ) from None


def _to_json(done: Done) -> dict[str, Any]:
    rows = [{k: None if v != v else v for k, v in row.items()} for row in done.rows]
    return {"cell": asdict(done.cell), "rows": rows, "points": done.points}


def _with_nan(row: Row) -> Row:
    """JSON has no NaN; text and lists may be missing, numbers are NaN then."""
    return {
        k: float("nan") if v is None and k not in ("failure", "rank_difference") else v
        for k, v in row.items()
    }
