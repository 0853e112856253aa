"""Trainings of a reproduction and numbers measured on them, kept in the run folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from archrank import __version__
from archrank.files import read_json, write_json
from archrank.locking import locked

if TYPE_CHECKING:
    from archrank.reproduce.base import Found, Plan


@contextmanager
def workplace(plan: Plan, kind: str) -> Iterator[Path]:
    """Return the folder of the trainings: in the run folder, or one that is removed afterwards.

    Reproductions of one kind share their trainings in one run folder; those of ``--quick`` are kept
    apart.

    Args:
        plan: Plan of the reproduction.
        kind: Name of the folder.

    Raises:
        StorageError: The folder is in use, or cannot be written.
    """
    if plan.journal is None:
        with TemporaryDirectory() as made:
            yield Path(made)
        return
    with locked(
        plan.journal.folder / (f"{kind}-quick" if plan.quick else kind), "folder"
    ) as folder:
        yield folder


def told(plan: Plan) -> tuple[str, ...]:
    """Return a note where trainings are too short for their numbers to mean anything."""
    short = "shows that everything runs: the supernets have hardly learnt, and figures mean nothing"
    return (f"--quick {short}",) if plan.quick else ()


def kept(path: Path, about: dict[str, Any], measure: Callable[[], Found]) -> Found:
    """Return numbers that were stored, or measure and store them.

    Args:
        path: File of the numbers.
        about: Settings that they depend on, as JSON values; the version of archrank is added.
        measure: Measures them.

    Raises:
        StorageError: The file cannot be read or written.
    """
    settings = json.loads(json.dumps({"archrank": __version__, **about}))
    if path.exists():
        stored = read_json(path, "measured numbers")
        if stored.get("settings") == settings and isinstance(stored.get("found"), dict):
            return dict(stored["found"])
    found = measure()
    write_json(path, {"settings": settings, "found": found}, parents=True)
    return found
