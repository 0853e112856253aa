"""Keep measurements of time apart from trainings, in all archrank processes of a user.

Trainings and evaluations hold one lock of the machine together (:func:`busy`); who measures time
holds it alone (:func:`alone`). Who waits to measure keeps others from starting, so that trainings
drain and a measurement is never put off for ever. The operating system frees the lock when a
process ends, however it ends, so nothing stale can stay behind.

The lock is a file in the folder that the environment variable ``ARCHRANK_LOCKS`` names, or else in
the user's runtime folder, or in the folder of temporary files. Where no such file can be locked,
trainings run as ever, and measurements, too, with an :class:`IsolationWarning`.

    >>> with busy():  # a training
    ...     with alone():  # it stands still while the same thread measures
    ...         pass
"""

from __future__ import annotations

import os
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from archrank.errors import IsolationWarning

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

VARIABLE = "ARCHRANK_LOCKS"
WAITING = "waiting until trainings and measurements that run here have ended"
GATE, LOCK = "gate.lock", "measuring.lock"

Mode = Literal["", "busy", "alone"]


class _Held(threading.local):
    """Lock of this thread: how it is held, and the open file, if there is one."""

    mode: Mode = ""
    file: int | None = None


_held = _Held()


@contextmanager
def busy() -> Iterator[None]:
    """Use the machine inside the block; wait until nobody measures time.

    A thread that is busy already, or alone, does not wait.
    """
    if _held.mode:
        yield
        return
    with _holding("busy", lambda: None):
        yield


@contextmanager
def alone(waiting: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Measure time inside the block; wait until no training and no other measurement runs.

    What the same thread was busy with stands still meanwhile, and does not count.

    Args:
        waiting: called once if others have to end first.

    Warns:
        IsolationWarning: there is no file here that could be locked.
    """
    if _held.mode == "alone":
        yield
        return
    was_busy = _held.mode == "busy"
    if was_busy:
        _release()
    try:
        with _holding("alone", waiting):
            yield
    finally:
        if was_busy:
            _take("busy", lambda: None)


def in_use() -> bool:
    """Tell whether somebody trains or measures here now, so that who measures would wait."""
    if fcntl is None:
        return False
    try:
        file = _open(LOCK)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


@contextmanager
def _holding(mode: Mode, waiting: Callable[[], object]) -> Iterator[None]:
    _take(mode, waiting)
    try:
        yield
    finally:
        _release()


def _take(mode: Mode, waiting: Callable[[], object]) -> None:
    try:
        file = _lock(mode, waiting)
    except OSError as error:
        file = None
        if mode == "alone":
            reason = error.strerror or str(error)
            warnings.warn(
                f"latency is measured beside whatever else runs here: no lock can be kept in "
                f"{folder()} ({reason}); set {VARIABLE} to a folder that can be written",
                IsolationWarning,
                stacklevel=5,
            )
    _held.mode, _held.file = mode, file


def _release() -> None:
    file, _held.mode, _held.file = _held.file, "", None
    if file is not None:
        os.close(file)  # frees the lock


def _lock(mode: Mode, waiting: Callable[[], object]) -> int:
    """Return the open lock file, locked.

    All pass through a gate. Who measures keeps it closed until all who are busy have ended.

    Raises:
        OSError: there can be no lock.
    """
    if fcntl is None:
        raise OSError("this system has no shared locks")
    gate = _open(GATE)
    try:
        told = _wait(gate, fcntl.LOCK_EX, waiting)
        file = _open(LOCK)
        try:
            kind = fcntl.LOCK_SH if mode == "busy" else fcntl.LOCK_EX
            _wait(file, kind, (lambda: None) if told else waiting)
        except BaseException:
            os.close(file)
            raise
        return file
    finally:
        os.close(gate)


def _wait(file: int, kind: int, waiting: Callable[[], object]) -> bool:
    """Lock a file; return True if ``waiting`` was called, since others had it."""
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        waiting()
        fcntl.flock(file, kind)
        return True
    return False


def _open(name: str) -> int:
    place = folder()
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    return os.open(place / name, flags, 0o600)


def folder() -> Path:
    """Return the folder of the lock's files; it need not exist."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if runtime and os.access(runtime, os.W_OK):
        return Path(runtime, "archrank")
    user = os.getuid() if hasattr(os, "getuid") else "user"
    return Path(tempfile.gettempdir(), f"archrank-{user}")
