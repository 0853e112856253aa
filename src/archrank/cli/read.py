"""Commands ``archrank best``, ``front`` and ``report``, which show the results of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from archrank.cli.output import print_json, say, say_own_code, show_front, show_recommended
from archrank.errors import StorageError

if TYPE_CHECKING:
    from archrank.runs.reading import StoredRun


@dataclass
class Reading:
    """Options of every command that reads a run."""

    run: Annotated[Path | None, "DIR"] = None
    """Run folder, or a study's database file; archrank best DIR says the same (default: the latest
    one under runs/)."""
    study: Annotated[str | None, "NAME"] = None
    """Name of the study, in a database that holds several."""

    def stored(self) -> StoredRun:
        """Return the run.

        Raises:
            StorageError: none is named, and there is none under runs/; or it is no run.
        """
        from archrank.runs.reading import find_run

        if self.run is not None:
            run = find_run(self.run, self.study)
            if run.settings is not None and run.place.study is not None:
                say(f"evaluations are read from {run.place.database}")  # a host that it names
            return run
        return find_run(latest_run(), self.study)


def latest_run() -> Path:
    """Return the run folder that was begun last, of those under ``runs/``, and say which it is.

    Raises:
        StorageError: there is none.
    """
    from archrank.runs.listing import run_folders

    runs = run_folders(Path("runs"))
    if not runs:
        raise StorageError(
            "there is no run under runs/ here; name a run folder with --run DIR, or start one "
            "with: archrank search"
        )
    latest = max(runs, key=runs.__getitem__)
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

        results = self.stored().results()
        if self.json:
            print_json(describe_best(results))
        else:
            show_recommended(results)
        return 0


@dataclass
class Front(Reading):
    """Show the Pareto front of a run: the feasible architectures that none dominates."""

    json: bool = False
    """Print JSON."""

    def __call__(self) -> int:
        """Print it; return the exit status."""
        from archrank.report.summary import describe_front

        results = self.stored().results()
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
        from archrank.runs.reading import with_parts

        run = self.stored()
        if self.own_code and run.settings is not None:
            say_own_code(run.settings.code, run.path, allowed=True)
        results = with_parts(run.results(), run.settings, folder=run.path, own_code=self.own_code)
        target = self.out if self.out is not None else run.report
        try:
            path = write_report(results, target, settings=run.listed_settings())
        except StorageError as error:
            raise StorageError(f"{error}; name another file with --out") from None
        if self.json:
            print_json({"report": str(path)})
        else:
            say(f"report  {path}")
        return 0
