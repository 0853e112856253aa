"""Lock of a folder: one process writes to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from archrank.errors import StorageError

LOCK = "lock"
PATIENCE = 30  # seconds that a short change waits for other ones


@contextmanager
def locked(
    folder: Path, kind: str = "run folder", option: str = "--run", *, wait: float = 0.0
) -> Iterator[Path]:
    """Create a run folder if need be, and be the only process that writes to it.

    Args:
        folder: the folder.
        kind: what messages call it.
        option: the command line option that names another one.
        wait: seconds to wait for another process that writes to it.

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
            f"or name another folder with {option} DIR"
        ) from None
    except OSError as error:
        raise _unwritable(folder, error, kind, option) from None
    try:
        yield folder
    finally:
        lock.release()


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
