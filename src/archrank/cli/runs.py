"""Command ``archrank runs``, which lists runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from archrank.cli.options import POSITIONAL
from archrank.cli.output import print_json, say, show_rows
from archrank.errors import StorageError

if TYPE_CHECKING:
    from archrank.runs.listing import Listed

HEADING = ("folder", "begun", "space", "strategy", "evaluations", "best", "state")


@dataclass
class Runs:
    """List the runs below a folder, the latest first: searches, studies of Python, asked ones.

    Code of yours that a run names is not imported.
    """

    folder: Annotated[str, "[DIR]", POSITIONAL] = "."
    """Folder to look in, and in the folders inside it (default: this one)."""
    json: bool = False
    """Print JSON."""

    def __call__(self) -> int:
        """Print them; the exit status."""
        from archrank.files import user_path
        from archrank.runs.listing import list_runs

        folder = user_path(self.folder)
        if not folder.is_dir():
            fault = "is a file, no folder" if folder.exists() else "does not exist"
            raise StorageError(f"{folder} {fault}; name the folder that has your runs")
        found = list_runs(folder)
        if self.json:
            print_json([_as_json(run) for run in found])
        elif found:
            show_rows([HEADING, *map(_row, found)])
        else:
            say(f"no runs below {folder.resolve()}; start one with: archrank search")
        return 0


def _row(run: Listed) -> tuple[str, ...]:
    best = ", ".join(f"{name} {value:.5g}" for name, value in (run.values or {}).items())
    when = run.begun.strftime("%Y-%m-%d %H:%M")
    return (str(run.folder), when, run.space, run.strategy, str(run.evaluations), best, run.state)


def _as_json(run: Listed) -> dict[str, Any]:
    return {
        "folder": str(Path(run.folder)),
        "begun": run.begun.isoformat(timespec="seconds"),
        "space": run.space,
        "strategy": run.strategy,
        "evaluations": run.evaluations,
        "best": run.best or None,
        "objectives": run.values,
        "state": run.state,
    }
