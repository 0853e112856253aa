"""Lock of a folder: one process writes to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from archrank.errors import StorageError

LOCK = "lock"


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
