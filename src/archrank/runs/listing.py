"""Runs that lie below a folder, each in a few words."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from archrank.errors import ArchrankError
from archrank.locking import is_locked
from archrank.runs.folder import SETTINGS
from archrank.runs.reading import find_run
from archrank.study.storage import DATABASE, STUDY_NAME, TrialStore

DEEPEST = 4  # folders inside each other that are searched
SKIPPED = frozenset({"node_modules", "site-packages", "__pycache__"})


@dataclass(frozen=True)
class Listed:
    """A run in a few words.

    Attributes:
        folder: of the run.
        begun: when it was begun.
        space: name of the space, as it was typed where it was typed.
        strategy: name of the strategy.
        evaluations: number of finished ones.
        best: string of the best architecture; empty without one.
        values: its objectives, ``{metric: value}``.
        state: ``searching``, ``3 await an answer``, ``nothing feasible``, ``idle``, or why it
            cannot be read.
    """

    folder: Path
    begun: datetime
    space: str = ""
    strategy: str = ""
    evaluations: int = 0
    best: str = ""
    values: dict[str, float] | None = None
    state: str = "idle"


def run_folders(below: Path, deepest: int = 1) -> dict[Path, float]:
    """Return the run folders below a folder, with the times at which they were begun.

    Args:
        below: the folder; it may be a run folder itself.
        deepest: folders inside each other that are searched; hidden ones are not.
    """
    found: dict[Path, float] = {}
    for root, folders, files in os.walk(below):
        folder = Path(root)
        kept = next((name for name in (SETTINGS, DATABASE) if name in files), None)
        if kept is not None:
            found[folder] = (folder / kept).stat().st_mtime
        inside = kept is not None or len(folder.relative_to(below).parts) >= deepest
        left = (n for n in folders if not n.startswith(".") and n not in SKIPPED)
        folders[:] = [] if inside else sorted(left)
    return found


def list_runs(below: Path) -> list[Listed]:
    """Return the runs below a folder, the latest first; one that cannot be read says why."""
    found = run_folders(below, DEEPEST)
    latest = sorted(found, key=lambda folder: (-found[folder], str(folder)))
    return [_listed(folder, datetime.fromtimestamp(found[folder])) for folder in latest]


def _listed(folder: Path, begun: datetime) -> Listed:
    try:
        run = find_run(folder)
        store = TrialStore(run.place.database, run.place.study or STUDY_NAME)
        ledger, description = store.ledger(), store.description
        results = store.results(ledger.records, description)
    except ArchrankError as error:
        return Listed(folder, begun, state=f"cannot be read: {error}")
    typed = run.settings is not None and not run.settings.choices
    space = run.settings.space if run.settings is not None and typed else description.space
    best = results.recommended if results.feasible.any() else None
    if is_locked(folder):
        state = "searching"
    elif ledger.asked:
        state = f"{len(ledger.asked)} await an answer"
    else:
        state = "idle" if best is not None or not results.records else "nothing feasible"
    return Listed(
        folder,
        begun,
        space,
        str(description.identity["strategy"].get("strategy", "")),
        len(results.records),
        "" if best is None else best.string,
        None if best is None else {o.metric: best.values[o.metric] for o in results.objectives},
        state,
    )
