"""Commands ``archrank best``, ``front`` and ``report``, which show the results of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from archrank.cli.output import print_json, say, show_front, show_record
from archrank.errors import StorageError


@dataclass
class Reading:
    """Options of every command that reads a run."""

    run: Annotated[Path | None, "DIR"] = None
    """Run folder; archrank best DIR says the same (default: the latest one under runs/)."""

    def folder(self) -> Path:
        """Return the run folder.

        Raises:
            StorageError: none is named, and there is none under runs/.
        """
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
        """Print it; return the exit status."""
        from archrank.report.summary import describe_best
        from archrank.runs.reading import load

        results = load(self.folder())
        if self.json:
            print_json(describe_best(results))
        else:
            show_record(results, results.best)
        return 0


@dataclass
class Front(Reading):
    """Show the Pareto front of a run: the feasible architectures that none dominates."""

    json: bool = False
    """Print JSON."""

    def __call__(self) -> int:
        """Print it; return the exit status."""
        from archrank.report.summary import describe_front
        from archrank.runs.reading import load

        results = load(self.folder())
        results.best  # noqa: B018  # refuses where none is feasible
        if self.json:
            print_json(describe_front(results))
        else:
            show_front(results)
        return 0


@dataclass
class Report(Reading):
    """Write a run's report, one HTML file that needs no network.

    Pictures and the judgement of the ranker need the space. A space or ranker of your own is
    imported only with --own-code; the report says what it leaves out.
    """

    out: Annotated[Path | None, "FILE"] = None
    """File to write (default: report.html in the run folder)."""
    own_code: bool = False
    """Import the files and modules of your own that the run's settings name."""
    json: bool = False
    """Print the path of the report as JSON."""

    def __call__(self) -> int:
        """Write it; return the exit status."""
        from archrank.report import write_report
        from archrank.runs.folder import load_settings
        from archrank.runs.reading import load, with_parts
        from archrank.runs.settings import to_json

        folder = self.folder()
        settings = load_settings(folder)
        results = with_parts(load(folder), settings, own_code=self.own_code)
        target = self.out if self.out is not None else folder / "report.html"
        try:
            path = write_report(results, target, settings=to_json(settings))
        except StorageError as error:
            raise StorageError(f"{error}; name another file with --out") from None
        if self.json:
            print_json({"report": str(path)})
        else:
            say(f"report  {path}")
        return 0
