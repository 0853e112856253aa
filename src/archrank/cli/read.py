"""Commands ``archrank best``, ``front`` and ``report``, which show the results of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from archrank.cli.output import print_json, say, show_front, show_record
from archrank.errors import StorageError

if TYPE_CHECKING:
    from archrank.study.study import Study


@dataclass
class Reading:
    """Options of every command that reads a run."""

    run: Path | None = None
    """The run folder; the latest one under runs/ if left out."""

    def study(self) -> Study:
        """Open the run for reading."""
        from archrank.runs.folder import load

        return load(self.folder())

    def folder(self) -> Path:
        """Return the run folder: the given one, or the newest one under ``runs/``."""
        from archrank.runs.folder import SETTINGS

        if self.run is not None:
            return self.run
        runs = [p.parent for p in Path("runs").glob(f"*/{SETTINGS}")]
        if not runs:
            raise StorageError(
                "there is no run under runs/ here; name a run folder with --run DIR, or start one "
                "with: archrank search"
            )
        latest = max(runs, key=lambda folder: (folder / SETTINGS).stat().st_mtime)
        say(f"run folder {latest}")
        return latest


@dataclass
class Best(Reading):
    """Show the best architecture of a run, with all metrics known for it."""

    json: bool = False
    """Print JSON."""

    def __call__(self) -> int:
        """Print it; the exit status."""
        from archrank.report.summary import describe_best

        study = self.study()
        if self.json:
            print_json(describe_best(study))
        else:
            show_record(study, study.best)
        return 0


@dataclass
class Front(Reading):
    """Show the Pareto front of a run: architectures that no other one dominates."""

    json: bool = False
    """Print JSON."""

    def __call__(self) -> int:
        """Print it; the exit status."""
        from archrank.report.summary import describe_front

        study = self.study()
        front = study.front
        if self.json:
            print_json(describe_front(study))
        elif front:
            show_front(study, front)
        else:
            say("no evaluated architecture is feasible")
        return 0


@dataclass
class Report(Reading):
    """Write a run's report, one HTML file that needs no network."""

    output: Path | None = None
    """Where to; report.html in the run folder if left out."""
    json: bool = False
    """Print where it lies as JSON."""

    def __call__(self) -> int:
        """Write it; the exit status."""
        from archrank.report import write_report
        from archrank.runs.folder import load_settings
        from archrank.runs.settings import to_json

        folder = self.folder()
        settings = to_json(load_settings(folder))
        study = Reading(folder).study()
        target = self.output if self.output is not None else folder / "report.html"
        try:
            path = write_report(study, target, settings=settings)
        except OSError as error:
            raise StorageError(
                f"cannot write {target}: {error.strerror or error}; name another file with --output"
            ) from None
        if self.json:
            print_json({"report": str(path)})
        else:
            say(f"report  {path}")
        return 0
