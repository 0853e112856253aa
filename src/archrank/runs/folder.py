"""A run folder: ``search.json`` (settings), ``study.db`` (every evaluation), ``report.html``."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock, Timeout

from archrank.differences import differences, told
from archrank.errors import ResumeError, StorageError
from archrank.files import read_json, write_json
from archrank.runs.compose import make_study
from archrank.runs.settings import SearchSettings, from_json, to_json
from archrank.study.database import shown, sqlite_url
from archrank.study.study import Study

SETTINGS = "search.json"
DATABASE = "study.db"
LOCK = "lock"


class Place(NamedTuple):
    """Storage URL of a run, and its study's name there; ``None`` in the run folder's database."""

    url: str
    study: str | None


@contextmanager
def locked(folder: Path, kind: str = "run folder", option: str = "--run") -> Iterator[Path]:
    """Create a run folder if need be, and be the only process that writes to it.

    Args:
        folder: the folder.
        kind: what messages call it.
        option: the command line option that names another one.

    Raises:
        StorageError: another process runs there, or the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK, timeout=0)
        lock.acquire()
    except Timeout:
        raise StorageError(
            f"{kind} {folder} is in use by another archrank process; wait for it to finish, "
            f"or name another folder with {option} DIR"
        ) from None
    except OSError as error:
        raise StorageError(
            f"cannot write to {kind} {folder}: {error.strerror or error}; "
            f"name another one with {option} DIR"
        ) from None
    try:
        yield folder
    finally:
        lock.release()


@contextmanager
def open_run(
    folder: Path,
    settings: SearchSettings,
    *,
    budget: int | None = None,
    minutes: float | None = None,
    storage: str | None = None,
    executor: Executor | None = None,
) -> Iterator[Study]:
    """Begin a run in ``folder``, or open the one it holds to continue it, and lock it meanwhile.

    Raises:
        ResumeError: the folder holds a run with other settings.
        StorageError: the folder cannot be used.
        ArchrankError: settings or budget cannot be used; nothing has been written then.
    """
    known = _place_for(folder, settings, storage)
    study = make_study(settings, storage=known.url, name=known.study, executor=executor)
    study.check_budget(budget, minutes)
    with locked(folder):
        if _place_for(folder, settings, storage) != known:
            raise StorageError(
                f"another process began a run in {folder} at this moment; repeat the command"
            )
        study.open()
        if not (folder / SETTINGS).exists():
            _write_settings(folder, settings, known)
        yield study


def _place_for(folder: Path, settings: SearchSettings, asked: str | None) -> Place:
    """Return the place where a search keeps its evaluations.

    Raises:
        ResumeError: the folder holds a run with other settings, or in another storage.
    """
    if not (folder / SETTINGS).exists():
        if asked is None:
            return Place(sqlite_url(folder / DATABASE), None)
        return Place(asked, folder.resolve().name)  # a shared storage holds several runs
    known, now = (_as_options(each) for each in (load_settings(folder), settings))
    changes = differences(known, now)
    if changes:
        raise ResumeError(
            f"run folder {folder} holds another search (stored -> now): {told(changes)}. Name "
            "another folder with --run DIR, or repeat the first settings to continue that search"
        )
    return _same_place(folder, asked)


def _as_options(settings: SearchSettings) -> dict[str, Any]:
    """Return settings by the options that give them, except the folder of data, which may move."""
    return {f"--{key}": value for key, value in to_json(settings).items() if key != "data"}


def _same_place(folder: Path, asked: str | None) -> Place:
    """Return the place of the run in ``folder``, whose storage need not be named again."""
    known = load_place(folder)
    shared = known.study is not None
    if asked is None or (shared and shown(asked) == shown(known.url)):
        return known if asked is None else Place(asked, known.study)  # its password may be new
    kept = shown(known.url) if shared else DATABASE
    raise ResumeError(
        f"run folder {folder} keeps its evaluations in {kept}, not in {shown(asked)}. Leave "
        "--storage out, or name another folder with --run DIR"
    )


def _write_settings(folder: Path, settings: SearchSettings, place: Place) -> None:
    shared = place.study is not None
    where = {"storage": place.url if shared else None, "study": place.study}
    write_json(folder / SETTINGS, {**to_json(settings), **where})


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
    storage = values.get("storage")
    if storage is None:
        return Place(sqlite_url(folder / DATABASE), None)
    return Place(str(storage), str(values.get("study") or folder.resolve().name))


def _read(folder: Path) -> dict[str, Any]:
    path = folder / SETTINGS
    if not path.exists():
        near = sorted(p.parent.name for p in folder.parent.glob(f"*/{SETTINGS}"))
        beside = f"; runs beside it: {', '.join(near)}" if near else ""
        raise StorageError(
            f"no run in {folder} (there is no {SETTINGS}){beside}. "
            "Start one with: archrank search --run DIR"
        )
    return read_json(path, "the settings of a search")
