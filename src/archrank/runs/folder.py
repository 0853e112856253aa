"""A run folder: ``search.json`` (settings), ``study.db`` (every evaluation), ``report.html``."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from archrank.errors import ResumeError, StorageError
from archrank.files import read_json, write_json
from archrank.runs.compose import make_study
from archrank.runs.settings import SearchSettings, from_json, to_json
from archrank.study.storage import shown, sqlite_url
from archrank.study.study import Study

SETTINGS = "search.json"
DATABASE = "study.db"
LOCK = "lock"


@contextmanager
def locked(folder: Path, kind: str = "run folder", option: str = "--run") -> Iterator[Path]:
    """Create a run folder if need be, and be the only process that writes to it.

    ``kind`` and ``option`` are what messages call it, and the option that names another one.

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
    make_study(settings).check_budget(budget, minutes)  # in memory: leaves no half-made folder
    with locked(folder):
        yield _start(folder, settings, storage, executor)


def _start(
    folder: Path, settings: SearchSettings, storage: str | None, executor: Executor | None
) -> Study:
    path = folder / SETTINGS
    if path.exists():
        known, asked = to_json(load_settings(folder)), to_json(settings)
        changes = [
            f"--{key} was {known[key]!r}, now {asked[key]!r}"
            for key in known
            if known[key] != asked[key] and key != "data"
        ]
        if changes:
            raise ResumeError(
                f"run folder {folder} holds another search: {'; '.join(changes)}. Name another "
                "folder with --run DIR, or repeat the first settings to continue that search"
            )
        storage = _same_storage(folder, storage)
    url, name = _place(folder, storage)
    study = make_study(settings, storage=url, name=name, executor=executor)
    if not path.exists():
        write_json(path, {**to_json(settings), "storage": storage})
    return study


def _same_storage(folder: Path, asked: str | None) -> str | None:
    """The storage of the run in ``folder``, which need not be named again."""
    known: str | None = _read(folder).get("storage")
    if asked is None or (known is not None and shown(asked) == shown(known)):
        return known if asked is None else asked  # whose password may be new
    kept = DATABASE if known is None else shown(known)
    raise ResumeError(
        f"run folder {folder} keeps its evaluations in {kept}, not in {shown(asked)}. Leave "
        "--storage out, or name another folder with --run DIR"
    )


def _place(folder: Path, storage: str | None) -> tuple[str, str | None]:
    """Storage URL of a run, and its study's name there: a shared storage holds several runs."""
    if storage is None:
        return sqlite_url(folder / DATABASE), None
    return storage, folder.resolve().name


def load_settings(folder: Path) -> SearchSettings:
    """The settings of the run in ``folder``.

    Raises:
        StorageError: there is no run, or its settings are damaged.
    """
    values = _read(folder)
    values.pop("storage", None)
    return from_json(values, str(folder / SETTINGS))


def load(folder: Path) -> Study:
    """Open the run in ``folder`` to read it.

    Raises:
        StorageError: there is no run in this folder.
    """
    settings = load_settings(folder)
    storage = _read(folder).get("storage")
    if storage is None and not (folder / DATABASE).exists():
        raise StorageError(f"run folder {folder} has lost its {DATABASE}; search again")
    url, name = _place(folder, storage)
    return make_study(settings, storage=url, name=name)


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
