"""Commands ``archrank ask`` and ``archrank tell``: evaluations that are made elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from archrank.cli.names import names_of
from archrank.cli.options import POSITIONAL
from archrank.cli.output import confirm, print_json, say, say_own_code
from archrank.cli.read import latest_run
from archrank.errors import BudgetError, SettingsError, UsageError
from archrank.runs.settings import SearchSettings

if TYPE_CHECKING:
    from archrank.study.asked import Asked
    from archrank.study.study import Study


@dataclass
class Ask:
    """Say what to evaluate next, where evaluations are made elsewhere, as on a cluster.

    Give --space and --metric to begin a run, --run to go on with it. What was asked for is kept and
    asked only once, until archrank tell takes what came out of it, or gives it up. Prints one
    architecture per line.
    """

    settings: SearchSettings = field(default_factory=SearchSettings)
    n: int = 1
    """Architectures to ask for."""
    outstanding: bool = False
    """List what was asked for and awaits an answer; ask for nothing more."""
    run: Annotated[Path | None, "DIR"] = None
    """Run folder, in which everything is kept (default: runs/NAME, NAME after the search)."""
    storage: Annotated[str | None, "URL"] = None
    """Keep evaluations in this database (SQLAlchemy URL), under the run folder's name (default: a
    file in the run folder)."""
    accept_changes: bool = False
    """Continue a run although code, table or torch have changed since it was begun."""
    own_code: bool = False
    """Run code that the settings of the run name, wherever it lies."""
    json: bool = False
    """Print architectures with their choices as JSON."""

    @staticmethod
    def names_in_help() -> list[str]:
        """Return the names that options take, for the help page."""
        return names_of("spaces", "strategies", "rankers")

    def __call__(self) -> int:
        """Ask and print; the exit status."""
        from archrank.runs.folder import SETTINGS, repeated
        from archrank.study.asking import MOST
        from archrank.study.storage import DATABASE

        if not 1 <= self.n <= MOST:
            raise BudgetError(f"-n {self.n}: ask for 1 to {MOST:,} architectures")
        told = replace(self.settings, evaluate=self.settings.evaluate or ("told",))
        measured = self.settings.table is not None
        folder = self.run
        if folder is None:
            folder = (self.settings if measured else told).default_run()
        settings = repeated(folder, self.settings)
        begun = any((folder / name).exists() for name in (SETTINGS, DATABASE))
        if self.run is not None and not (begun or measured or self.settings.metric):
            raise SettingsError(
                f"there is no run in {folder}; to begin one, name what you will tell: --metric "
                "accuracy"
            )
        if settings == self.settings and not measured:
            settings = told
        elif settings != self.settings:
            say_own_code(settings.code, folder, allowed=self.own_code)
        with opened(folder, settings, self.storage, self.accept_changes) as study:
            asked = study.outstanding if self.outstanding else _asked(study, self.n)
            left = len(study.outstanding)
        if self.json:
            print_json([_as_json(each) for each in asked])
        else:
            for each in asked:
                print(each.string)
        say(f"{left} await an answer; run folder {folder}")
        return 0


@dataclass
class Tell:
    """Tell what came out of an evaluation that was made elsewhere; see archrank ask.

    archrank tell ARCH METRIC=VALUE takes one, in any order, also of an architecture that nobody
    asked for. --file takes many, all or none: CSV or JSON with the architecture (arch, or a column
    for every decision), the metrics, or failed with a reason.
    """

    told: Annotated[tuple[str, ...], "[ARCH METRIC=VALUE ...]", POSITIONAL] = ()
    """The architecture, as archrank ask prints it or as JSON of its choices, and its metrics."""
    failed: Annotated[str | None, "REASON"] = None
    """The evaluation has failed; say why."""
    forget: bool = False
    """Give the architecture up: no answer is awaited, and it may be asked for again."""
    replace: bool = False
    """Take the result in place of one that is known."""
    file: Annotated[Path | None, "FILE"] = None
    """File with many results, - for standard input."""
    seconds: float | None = None
    """Time that the evaluation took (default: the time since it was asked for)."""
    run: Annotated[Path | None, "DIR"] = None
    """Run folder (default: the latest one under runs/)."""
    accept_changes: bool = False
    """Continue a run although code, table or torch have changed since it was begun."""
    own_code: bool = False
    """Run code that the settings of the run name, wherever it lies."""
    json: bool = False
    """Print what was taken as JSON."""

    def __call__(self) -> int:
        """Take it; the exit status."""
        from archrank.runs.folder import load_settings

        self._check()
        folder = self.run if self.run is not None else latest_run()
        settings = load_settings(folder)
        say_own_code(settings.code, folder, allowed=self.own_code)
        with opened(folder, settings, None, self.accept_changes) as study:
            if self.forget:
                given_up = study.forget(self.told[0])
                say(f"no answer is awaited of {given_up.string}")
            else:
                self._take(study)
        return 0

    def _check(self) -> None:
        """Refuse options that contradict each other."""
        if bool(self.told) == (self.file is not None):
            raise UsageError(
                "archrank tell: give an architecture and its metrics, such as 'depth=2,width=16' "
                "accuracy=0.93, or many in a file: --file FILE"
            )
        if self.file is not None and (self.failed is not None or self.forget):
            option = "--forget" if self.forget else "--failed"
            raise SettingsError(f"{option} is about one architecture: remove --file {self.file}")
        if self.forget and (self.failed is not None or len(self.told) > 1):
            raise SettingsError("--forget takes an architecture alone, no metrics and no --failed")

    def _take(self, study: Study) -> None:
        from archrank.runs.told_files import read_told

        waited = {each.key for each in study.outstanding}
        if self.file is not None:
            records = study.tell_all(read_told(self.file, study.space), replace=self.replace)
        else:
            records = study.tell(
                self.told[0],
                self._metrics(),
                failed=self.failed,
                replace=self.replace,
                seconds=self.seconds,
            )
        asked = sum(record.key in waited for record in records)
        failed = sum(record.reason is not None for record in records)
        known, left = len(study.records), len(study.outstanding)
        if self.json:
            told = [
                {"arch": r.string, "metrics": _finite(r.values), "failed": r.reason}
                for r in records
            ]
            counts = {"evaluations": known, "outstanding": left}
            print_json({"told": told, **counts})
        say(
            f"told {len(records)}: {asked} asked for, {len(records) - asked} not, {failed} failed; "
            f"{known} evaluation{'s' * (known != 1)}, {left} await{'s' * (left == 1)} an answer"
        )

    def _metrics(self) -> dict[str, Any] | None:
        from archrank.runs.told_files import number_of

        found: dict[str, Any] = {}
        for pair in self.told[1:]:
            name, sign, value = pair.partition("=")
            if not sign or not name:
                raise UsageError(
                    f"archrank tell: {pair!r}: write METRIC=VALUE, such as accuracy=0.93"
                )
            if name in found:
                raise UsageError(f"archrank tell: {name} is given twice")
            found[name] = number_of(value, name)
        return found or None


@contextmanager
def opened(
    folder: Path, settings: SearchSettings, storage: str | None, accept_changes: bool
) -> Iterator[Study]:
    """Open a run to be asked or told something."""
    from archrank.runs.folder import open_run

    with open_run(
        folder,
        settings,
        storage=storage,
        accept_changes=accept_changes,
        ask=confirm,
        asks=True,
    ) as study:
        for change in study.changes:
            say(f"since this run was begun, {change}")
        yield study


def _asked(study: Study, n: int) -> list[Asked]:
    import warnings

    from archrank.errors import BudgetWarning

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", BudgetWarning)
        asked = study.ask(n)
    for warning in told:
        say(str(warning.message))
    return asked


def _as_json(asked: Asked) -> dict[str, Any]:
    return {
        "arch": asked.string,
        "choices": asked.config,
        "round": asked.round,
        "slot": asked.slot,
        "since": asked.since.isoformat(timespec="seconds"),
    }


def _finite(values: dict[str, float]) -> dict[str, float | None]:
    return {name: value if value - value == 0 else None for name, value in values.items()}
