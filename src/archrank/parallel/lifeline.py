"""One worker process and the line to it: calls, answers, and the cause of its death."""

from __future__ import annotations

import multiprocessing
import pickle
import signal
import sys
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from archrank.errors import UnstartedError, WorkerError
from archrank.formatting import signal_name
from archrank.parallel.worker import READY, serve

UNGUARDED = 79  # exit status of a worker whose script starts workers while it is imported
GRACE = 10.0  # seconds that a process has to end, once it has been told to or has hung up
POLL = 1.0  # seconds; a grandchild may hold the line open, so that a death is not heard
KILLS = (-signal.SIGTERM, -getattr(signal, "SIGKILL", signal.SIGTERM))  # exit codes of the killed
VMSTAT = Path("/proc/vmstat")

_STARTING = threading.Lock()  # processes start one after the other


class KilledAtStartError(UnstartedError):
    """Worker process that somebody killed before it could take a call."""


class Worker:
    """One worker process, which makes one call at a time.

    Raises:
        UnstartedError: the process ended before it could take a call.
    """

    def __init__(self) -> None:
        # spawn: forked copies of a process that has used torch's threads may hang
        context = multiprocessing.get_context("spawn")
        self._line, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs,), name="archrank worker")
        self._kills = oom_kills()
        with _STARTING:
            self._process.start()
        theirs.close()
        if self._hear() != READY:
            code = self._process.exitcode
            killed = code in KILLS and not self._memory_is_short
            kind = KilledAtStartError if killed else UnstartedError
            raise kind(_unstarted(code, self._memory_is_short))

    @property
    def is_alive(self) -> bool:
        """False once the process has ended."""
        return self._process.is_alive()

    def call(self, packed: bytes) -> Any:
        """Make a pickled call of ``(function, args, kwargs)`` in the process.

        Raises:
            WorkerError: the process died; says by which signal or exit status.
            Exception: whatever the function raises.
        """
        start, self._kills = time.monotonic(), oom_kills()
        with suppress(OSError):  # it is dead, as will be heard
            self._line.send_bytes(packed)
        heard = self._hear()
        if heard is None:
            cause = death(self._process.exitcode, self._memory_is_short)
            raise WorkerError(f"the worker process {cause}", time.monotonic() - start)
        succeeded, answer, trace = pickle.loads(heard)
        if not succeeded:
            answer.__cause__ = _RemoteError(trace)
            raise answer
        return answer

    def tell_to_end(self) -> None:
        """Ask the process to end; it must be idle."""
        with suppress(OSError):  # it has ended
            self._line.send_bytes(b"")

    def join(self) -> None:
        """Wait for the end of the process, and enforce it after :data:`GRACE` seconds."""
        self._process.join(GRACE)
        if self._process.exitcode is None:
            self._process.kill()
            self._process.join()
        self._line.close()

    @property
    def _memory_is_short(self) -> bool:
        """True if the system has killed a process for memory since the call began."""
        return self._process.exitcode == -signal.SIGKILL and oom_kills() > self._kills

    def _hear(self) -> bytes | None:
        """Wait for a message; ``None`` if the process dies without one."""
        while True:
            wait([self._line, self._process.sentinel], timeout=POLL)
            ended = self._process.exitcode is not None  # asked first: it may answer, then end
            try:
                if self._line.poll():
                    return self._line.recv_bytes()
            except (EOFError, OSError):
                ended = True
            if ended:
                self.join()
                return None


def end(workers: Iterable[Worker]) -> None:
    """End idle workers, all at the same time."""
    workers = list(workers)
    for worker in workers:
        worker.tell_to_end()
    for worker in workers:
        worker.join()


def death(exitcode: int | None, memory_is_short: bool = False) -> str:
    """Describe the end of a process, as a verb phrase.

    Args:
        exitcode: as ``multiprocessing`` gives it; the signal, negative, or the exit status.
        memory_is_short: whether the system killed it for memory.

    Example:
        >>> death(3)
        'ended itself with exit status 3'
        >>> death(-9, memory_is_short=True)
        'was killed (SIGKILL), because memory ran out: use fewer workers'
    """
    if exitcode is None or exitcode >= 0:
        return f"ended itself with exit status {exitcode}"
    name = signal_name(-exitcode)
    if memory_is_short:
        return f"was killed ({name}), because memory ran out: use fewer workers"
    if exitcode in KILLS:
        return f"was killed ({name})"
    return f"crashed ({name}, {signal.strsignal(-exitcode)})"


def oom_kills() -> int:
    """Return how many processes this machine has killed for memory since it started.

    0 where the system does not tell.
    """
    try:
        lines = VMSTAT.read_text().splitlines()
    except OSError:
        return 0
    counts = [line.split()[1] for line in lines if line.startswith("oom_kill ")]
    return int(counts[0]) if counts else 0


def _unstarted(exitcode: int | None, memory_is_short: bool) -> str:
    """Return why a worker process could not start, and what the user can do."""
    script = getattr(sys.modules["__main__"], "__file__", None) or "the main script"
    if exitcode == UNGUARDED:
        return (
            f"worker processes import the script that starts them, and {script} starts workers "
            'when it is imported: put what it runs under if __name__ == "__main__":'
        )
    how = death(exitcode, memory_is_short)
    if memory_is_short:
        return f"a worker process {how}"
    return (
        f"a worker process {how} before it could start; it imports {script} first, and what it "
        "printed says what went wrong there"
    )


class _RemoteError(Exception):
    """Shows where in the worker an error was raised."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"
