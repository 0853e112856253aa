"""A run folder: ``search.json`` (settings), ``study.db`` (every evaluation), ``report.html``."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from archrank.differences import Difference, differences, told
from archrank.errors import (
    ChangedRunError,
    ChangedRunWarning,
    NoStudyError,
    ResumeError,
    StorageError,
)
from archrank.files import read_json, shorten, write_json
from archrank.locking import PATIENCE, locked
from archrank.runs.compose import make_study
from archrank.runs.fidelity import refuse_asking
from archrank.runs.first_attempt import came_to_nothing, remove
from archrank.runs.settings import SearchSettings, from_json, to_json
from archrank.runs.steps import steps_of
from archrank.runs.task_files import keep_task_files
from archrank.runs.trained_supernet import Watch
from archrank.study.address import Address
from archrank.study.storage import DATABASE, STUDY_NAME, TrialStore
from archrank.study.study import Study
from archrank.tasks.base import Task

SETTINGS = "search.json"


class Place(NamedTuple):
    """Database of a run, and its study's name there; ``None`` in the run folder's own database."""

    database: Address
    study: str | None


@contextmanager
def open_run(
    folder: Path,
    settings: SearchSettings,
    *,
    budget: int | None = None,
    minutes: float | None = None,
    confirm: int = 0,
    storage: str | Address | None = None,
    name: str | None = None,
    executor: Executor | None = None,
    accept_changes: bool = False,
    ask: Callable[[str], bool] = lambda question: False,
    watch: Watch = lambda doing, done, of: None,
    tell: Callable[[str], None] = lambda line: None,
    asks: bool = False,
) -> Iterator[Study]:
    """Begin a run in ``folder``, or open the one it holds to continue it, and lock it meanwhile.

    Where a database server keeps the evaluations, several processes may work on the run, and the
    folder is locked while it is opened alone.

    A folder whose search came to nothing is free for other settings, and for changed code.

    Args:
        folder: the run folder.
        settings: of the search.
        budget: evaluations in total, to be checked.
        minutes: working time in total, to be checked.
        confirm: evaluations of the budget that repeat others, to be checked.
        storage: URL of a database that keeps the evaluations instead of the run folder.
        name: of the study there; ``None`` is the folder's.
        executor: runs evaluations.
        accept_changes: whether to continue although earlier evaluations may not compare.
        ask: asks the user the same, where that is needed.
        watch: called with the progress of the steps before the first round, where there are any.
        tell: called with a line for the user where the run is begun anew.
        asks: whether the run is only asked or told something, which needs no budget and waits for
            others who do the same.

    Raises:
        ResumeError: the folder holds a run with other settings, or one that has changed.
        StorageError: the folder cannot be used, or its evaluations are gone.
        ArchrankError: settings or budget cannot be used; nothing has been written then.
    """
    if asks:
        refuse_asking(settings)
    known = _place_for(folder, settings, storage, name, asks=asks)
    study = make_study(
        settings,
        storage=known.database,
        name=known.study,
        executor=executor,
        accept_changes=accept_changes,
    )
    if not asks:
        study.check_budget(budget, minutes, confirm)
    steps = steps_of(study.strategy, settings, study.space, folder)
    if steps is not None:
        steps.check()
    shared = known.database.is_server
    with locked(folder, wait=PATIENCE if asks else -1 if shared else 0):
        if _place_for(folder, settings, storage, name, asks=asks) != known:
            raise StorageError(
                f"another process began a run in {folder} at this moment; repeat the command"
            )
        if _changes(folder, settings):
            _begin_anew(folder, tell)
        if (folder / SETTINGS).exists() and not _holds(known):
            raise StorageError(
                f"run folder {folder} has lost its evaluations: {known.database} is gone or empty. "
                f"Put it back; or, to begin again from nothing, remove {folder / SETTINGS} or name "
                "another folder with --run DIR"
            )
        if steps is not None:
            steps.run(watch)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ChangedRunWarning)  # the command line tells it
            try:
                study.open()
            except ChangedRunError as error:
                if not asks and came_to_nothing(folder):
                    _begin_anew(folder, tell)
                elif not ask(str(error)):
                    raise
                study.accept_changes = True
                study.open()
        _write_settings(folder, settings, known)
        for part in study.evaluator.parts():
            if isinstance(task := getattr(part.unscoped, "task", None), Task):
                keep_task_files(folder, task)
        if not shared:
            yield study
    if shared:
        yield study


def _begin_anew(folder: Path, tell: Callable[[str], None]) -> None:
    remove(folder)
    tell(f"no evaluation of the earlier search in {folder} had succeeded; it is begun anew")


def _holds(place: Place) -> bool:
    """Tell whether the study of a run exists.

    Raises:
        StorageError: the database cannot be read.
    """
    try:
        TrialStore(place.database, place.study or STUDY_NAME)
    except NoStudyError:
        return False
    return True


def _place_for(
    folder: Path,
    settings: SearchSettings,
    asked: str | Address | None,
    name: str | None,
    *,
    asks: bool,
) -> Place:
    """Return the place where a search keeps its evaluations.

    Another search than that of the folder, which is to be begun there, is one that replaces it.

    Raises:
        ResumeError: the folder holds a run with other settings, or in another storage.
    """
    changes = _changes(folder, settings)
    is_new = not (folder / SETTINGS).exists()
    if is_new or (changes and not asks and came_to_nothing(folder)):
        if asked is None:
            return Place(Address.of(folder / DATABASE), None)
        return Place(Address.of(asked), name or folder.resolve().name)  # it holds several runs
    place = load_place(folder)
    if changes:
        raise ResumeError(
            f"run folder {folder} holds another search (stored -> now): {told(changes)}. Name "
            "another folder with --run DIR, or repeat the first settings to continue that search"
        )
    return place if asked is None else _same_place(folder, place, Address.of(asked))


def _changes(folder: Path, settings: SearchSettings) -> list[Difference]:
    """Return where the settings of the search in a folder, if there is one, differ from others."""
    if not (folder / SETTINGS).exists():
        return []
    return differences(as_options(load_settings(folder)), as_options(settings))


def as_options(settings: SearchSettings) -> dict[str, Any]:
    """Return settings by the options that give them, files without their folders.

    A file may move, and be named from another folder; the study compares what it holds.
    """
    return {
        f"--{key.replace('_', '-')}": _without_folders(value)
        for key, value in to_json(settings).items()
        if key != "data"
    }


def _without_folders(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_folders(each) for each in value]
    return value.replace("\\", "/").rpartition("/")[2] if isinstance(value, str) else value


def _same_place(folder: Path, known: Place, now: Address) -> Place:
    """Return the place of a run whose storage is named again.

    Raises:
        ResumeError: the run is kept elsewhere.
    """
    if known.study is not None:
        moved = Place(now, known.study)
        if now.same(known.database):
            return moved  # its password may be new
        with suppress(StorageError):  # neither is looked into without its password
            if not _holds(known) and _holds(moved):
                return moved
    raise ResumeError(
        f"run folder {folder} keeps its evaluations in {known.database}, not in {now}. Leave "
        "--storage out, or name another folder with --run DIR"
    )


def _write_settings(folder: Path, settings: SearchSettings, place: Place) -> None:
    """Write the settings of a new run, and where its evaluations are; never a password."""
    shared = place.study is not None
    where = {"storage": place.database.public if shared else None, "study": place.study}
    known = _read(folder) if (folder / SETTINGS).exists() else {}
    if any(key not in known or known[key] != value for key, value in where.items()):
        write_json(folder / SETTINGS, {**to_json(settings), **known, **where})


def repeated(folder: Path, typed: SearchSettings) -> SearchSettings:
    """Return what was typed, or, if that is nothing, the settings of the run in ``folder``.

    Raises:
        StorageError: its settings are damaged, or it is a study that was made in Python.
    """
    if typed != SearchSettings():
        return typed
    if (folder / SETTINGS).exists():
        return load_settings(folder)
    if (folder / DATABASE).exists():
        from archrank.runs.made_in_python import command_of

        description = TrialStore(Address.of(folder / DATABASE), STUDY_NAME).description
        raise StorageError(
            f"{folder} holds a study that was made in Python: go on with it there, Study(..., "
            f"run={str(folder)!r}); or name its parts: {command_of(folder, description)}"
        )
    return typed


def load_settings(folder: Path) -> SearchSettings:
    """Read the settings of the run in ``folder``.

    Raises:
        StorageError: there is no run, or its settings are damaged.
    """
    values = _read(folder)
    values = {key: value for key, value in values.items() if key not in ("storage", "study")}
    return from_json(values, str(folder / SETTINGS))


def load_place(folder: Path) -> Place:
    """Read where the run in ``folder`` keeps its evaluations.

    Raises:
        StorageError: there is no run, or its settings are damaged.
    """
    values = _read(folder)
    storage, study = values.get("storage"), values.get("study")
    for key, value in (("storage", storage), ("study", study)):
        if not isinstance(value, str | None):
            raise StorageError(f"{folder / SETTINGS}: {key} is text or null, got {shorten(value)}")
    if storage is None:
        return Place(Address.of(folder / DATABASE), None)
    try:
        return Place(Address.of(storage, base=folder), study or folder.resolve().name)
    except StorageError as error:
        raise StorageError(f"{folder / SETTINGS}: {error}") from None


def _read(folder: Path) -> dict[str, Any]:
    path = folder / SETTINGS
    if not path.exists():
        raise missing(folder)
    return read_json(path, "the settings of a search")


def missing(folder: Path) -> StorageError:
    """Return the error about a run that is not there; names the runs beside it."""
    near = sorted(p.parent.name for p in folder.parent.glob(f"*/{SETTINGS}"))
    beside = f"; runs beside it: {', '.join(near)}" if near else ""
    return StorageError(
        f"no run in {folder} (there is no {SETTINGS}){beside}. "
        "Start one with: archrank search --run DIR"
    )
