"""Lock of a folder, or of a database file: one process writes to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from archrank.errors import StorageError
from archrank.files import file_name

LOCK = "lock"
PATIENCE = 30  # seconds that a short change waits for other ones
TOGETHER = (
    "; several processes search together in a PostgreSQL database, --storage "
    "postgresql+psycopg://USER@HOST/DATABASE"
)

_held: set[Path] = set()  # folders that this process has locked


@contextmanager
def locked(
    folder: Path, kind: str = "run folder", option: str = "--run", *, wait: float = 0.0
) -> Iterator[Path]:
    """Create a run folder if need be, and be the only process that writes to it.

    Args:
        folder: the folder.
        kind: what messages call it.
        option: the command line option that names another one.
        wait: seconds to wait for another process that writes to it; below 0 without a limit.

    Raises:
        StorageError: another process runs there, or the folder cannot be written.
    """
    make_folder(folder, kind, option)
    try:
        lock = FileLock(folder / LOCK, timeout=wait)
        lock.acquire()
    except Timeout:
        raise StorageError(
            f"{kind} {folder} is in use by another archrank process; wait for it to finish, "
            f"or name another folder with {option} DIR{TOGETHER if kind == 'run folder' else ''}"
        ) from None
    except OSError as error:
        raise _unwritable(folder, error, kind, option) from None
    held = folder.resolve()
    _held.add(held)
    try:
        yield folder
    finally:
        _held.discard(held)
        lock.release()


@contextmanager
def locked_database(file: Path, study: str) -> Iterator[None]:
    """Be the only process that searches in a study of a database file.

    The file of a run folder that this process has locked needs no lock of its own.

    Args:
        file: the database.
        study: name of the study, of which a database may hold several.

    Raises:
        StorageError: another process searches in it.
    """
    if file.parent.resolve() in _held or not file.parent.is_dir():  # the lock would make a folder
        yield
        return
    path = beside(file, study, LOCK)
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise StorageError(
            f"study {study} in {file} is in use by another archrank process; wait for it to "
            f"finish, or name another study{TOGETHER}"
        ) from None
    except OSError:  # nobody can write here: the database itself will say so
        yield
        return
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink()
        lock.release()


def beside(file: Path, study: str, ending: str) -> Path:
    """Return the place of a file about a study in a database file: beside that."""
    return file.with_name(file_name(f"{file.name}.{study}", longest=200) + f".{ending}")


def make_folder(folder: Path, kind: str = "run folder", option: str = "--run") -> None:
    """Create a folder if need be.

    Raises:
        StorageError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error, kind, option) from None


def _unwritable(folder: Path, error: OSError, kind: str, option: str) -> StorageError:
    return StorageError(
        f"cannot write to {kind} {folder}: {error.strerror or error}; "
        f"name another one with {option} DIR"
    )


def is_locked(folder: Path) -> bool:
    """Tell whether a process writes to a folder now; no, where that cannot be found out."""
    if not (folder / LOCK).exists():
        return False
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        return True
    except OSError:
        return False
    lock.release()
    return False
