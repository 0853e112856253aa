"""Reading a run: from its folder, or from the database that a study in Python has written.

Records carry all that their reader needs, so a run can be read from anywhere, without write
permission, without its table, and without importing the user's code that its settings name. Parts
of a report need the space, the strategy or the table; these are made from the settings where that
imports nothing but archrank and installed packages.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from archrank.errors import ArchrankError, NoStudyError, StorageError
from archrank.evaluators.base import Evaluator
from archrank.runs.compose import make_strategy, search_space
from archrank.runs.evaluators import make_evaluator
from archrank.runs.folder import SETTINGS, Place, load_place, load_settings, missing
from archrank.runs.named import make_space
from archrank.runs.settings import SearchSettings, given
from archrank.runs.steps import steps_of
from archrank.spaces import SPACES
from archrank.spaces.base import Space
from archrank.strategies.base import Strategy
from archrank.study.address import Address
from archrank.study.circumstances import CONTENTS
from archrank.study.record import Description
from archrank.study.results import Results
from archrank.study.storage import DATABASE, STUDY_NAME, TrialStore, run_names

if TYPE_CHECKING:
    pass

ENDINGS = (".db", ".sqlite", ".sqlite3")  # of databases, looked for in a folder without settings


@dataclass(frozen=True)
class StoredRun:
    """A run that is kept somewhere.

    Attributes:
        path: the run folder, or the database file.
        place: where its evaluations are.
        settings: of the command line; ``None`` for a study that was made in Python.
    """

    path: Path
    place: Place
    settings: SearchSettings | None

    @property
    def report(self) -> Path:
        """The file that its report is written to if none is named."""
        folder = self.settings is not None or self.path.is_dir()
        return self.path / "report.html" if folder else self.path.with_suffix(".html")

    def results(self) -> Results:
        """Read the results; changes nothing.

        Raises:
            StorageError: they are gone, or cannot be read.
        """
        database, study = self.place
        try:
            store = TrialStore(database, study or STUDY_NAME)
        except NoStudyError as error:
            if self.settings is None:
                raise
            moved = (
                f'correct "storage" in {self.path / SETTINGS} if it has moved'
                if study is not None
                else "search again"
            )
            raise StorageError(
                f"run folder {self.path} has lost its {DATABASE if study is None else 'database'} "
                f"({error}); {moved}"
            ) from None
        return store.results(store.records(), store.description)

    def listed_settings(self) -> dict[str, object]:
        """Return the settings that differ from their defaults; none of a study made in Python."""
        return {} if self.settings is None else given(self.settings)


def find_run(path: Path, study: str | None = None) -> StoredRun:
    """Find the run that ``path`` means.

    Args:
        path: a run folder; a database file that a study in Python has written, or its folder.
        study: the study's name in a database that holds several.

    Raises:
        StorageError: there is no run, or there are several.
    """
    if (path / SETTINGS).exists():
        settings, place = load_settings(path), load_place(path)
        return StoredRun(path, place if study is None else place._replace(study=study), settings)
    if path.is_file():
        return StoredRun(path, Place(Address.of(path), study or _only_study(path)), None)
    files = sorted(p for p in path.glob("*") if p.suffix in ENDINGS) if path.is_dir() else []
    found = [file for file in files if _runs_in(file)]
    if not found:
        raise missing(path)
    if len(found) > 1:
        names = ", ".join(file.name for file in found)
        raise StorageError(f"{path} holds several runs: {names}; name one of these files")
    return StoredRun(path, Place(Address.of(found[0]), study or _only_study(found[0])), None)


def _only_study(file: Path) -> str:
    names = run_names(file)
    if len(names) == 1:
        return names[0]
    if not names:
        raise StorageError(f"{file} holds no run of archrank")
    raise StorageError(
        f"{file} holds {len(names)} runs: {', '.join(names)}; name one of them with --study"
    )


def _runs_in(file: Path) -> list[str]:
    try:
        return run_names(file)
    except StorageError:  # a file of somebody else's
        return []


def load(path: Path, study: str | None = None) -> Results:
    """Read the results of a run; see :func:`find_run`.

    Raises:
        StorageError: there is no run, or it cannot be read.
    """
    return find_run(path, study).results()


def with_parts(
    results: Results,
    settings: SearchSettings | None,
    *,
    folder: Path | None = None,
    own_code: bool = False,
) -> Results:
    """Return ``results`` with the space, the strategy and the table, where they are at hand.

    Args:
        results: of a finished run.
        settings: the run's settings; ``None`` for a study that was made in Python, of which only a
            space that archrank knows by name is at hand.
        folder: of the run, which may hold a pretrained ranker.
        own_code: whether to import the user's files and modules that the settings name.
    """
    if settings is None:
        return _with_known_space(results)
    absent: dict[str, str] = {}
    space: Space | None = None
    strategy: Strategy | None = None
    evaluator: Evaluator | None = None
    named = {
        "space": (settings.space,),
        "strategy": (settings.strategy, settings.ranker),
        "evaluator": (settings.task, *settings.evaluate),
    }
    for part, names in named.items():
        users = [name for name in names if ":" in name]
        if users and not own_code:
            absent[part] = f"it needs your own code, {' and '.join(users)}; use --own-code"
    try:
        if "space" not in absent:
            space = known_space(settings, results.description)
    except ArchrankError as error:
        absent["space"] = _sentence(error)
    if space is None:
        return replace(results, absent=absent)
    try:
        if "strategy" not in absent:
            strategy = _strategy(settings, space, results.description, folder)
    except ArchrankError as error:
        absent["strategy"] = _sentence(error)
    try:
        if settings.table is not None and "evaluator" not in absent:
            evaluator = _table(settings, space, results.description)
    except ArchrankError as error:
        absent["evaluator"] = _sentence(error)
    return replace(results, space=space, strategy=strategy, evaluator=evaluator, absent=absent)


def _with_known_space(results: Results) -> Results:
    made = "the study was made in Python"
    absent = {"strategy": made, "evaluator": made}
    name = results.description.space
    try:
        if name not in SPACES.names():
            raise ArchrankError(f"{made}, and its space {name!r} is none of archrank's")
        return replace(results, space=known_space(name, results.description), absent=absent)
    except ArchrankError as error:
        return replace(results, absent={**absent, "space": _sentence(error)})


def known_space(named: str | SearchSettings, description: Description) -> Space:
    """Return the space of that name, or of these settings, if it is that of a run.

    Raises:
        ArchrankError: it cannot be made, or has other decisions.
    """
    space = make_space(named) if isinstance(named, str) else search_space(named)
    name = named if isinstance(named, str) else named.space
    if {c.name: tuple(c.options) for c in space.choices} != description.decisions:
        raise ArchrankError(f"space {name!r} has other decisions than the run's")
    return space


def _strategy(
    settings: SearchSettings, space: Space, description: Description, folder: Path | None
) -> Strategy:
    strategy = make_strategy(settings, space)
    if folder is not None and (steps := steps_of(strategy, settings, space, folder)) is not None:
        steps.load()
    if strategy.describe() != description.identity["strategy"]:
        raise ArchrankError(f"strategy {settings.strategy!r} has other settings than the run's")
    return strategy


def _table(settings: SearchSettings, space: Space, description: Description) -> Evaluator:
    seed = description.identity["seed"]
    evaluator = make_evaluator(settings, space).bind(space, seed=seed)
    contents = {k: v for part in evaluator.parts() for k, v in part.contents().items()}
    known = description.circumstances.get(CONTENTS, {})
    same = evaluator.describe() == description.identity["evaluator"]
    if not same or any(contents.get(name) != digest for name, digest in known.items()):
        raise ArchrankError(f"table {settings.table} has changed since the run")
    return evaluator


def _sentence(error: ArchrankError) -> str:
    return str(error).rstrip(".")
