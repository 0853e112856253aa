"""Executor over worker processes of this machine."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.util import Finalize
from types import FunctionType
from typing import Any, TypeVar

from archrank.checks import whole
from archrank.errors import ArchrankError, BudgetError, EvaluationError
from archrank.parallel.lifeline import UNGUARDED, KilledAtStartError, Worker, end

MOST_WORKERS = 4096
STARTS = 3  # tries to start a process that is killed from outside meanwhile
R = TypeVar("R")


def process_pool(workers: int) -> Executor | None:
    """Return an executor with ``workers`` single-threaded processes.

    ``None`` for a single worker: evaluations then run in this process, which they end if they
    crash. ``Processes(1)`` runs them in a process of their own.

    Raises:
        BudgetError: fewer than one worker, or more than any machine has cores.
    """
    workers = whole(workers, "workers", at_least=1, at_most=MOST_WORKERS, error=BudgetError)
    if workers == 1:
        return None
    return Processes(workers)


def _started() -> Worker:
    """Return a new process; one that a stranger kills while it starts is replaced.

    Raises:
        UnstartedError: it ended itself, or was killed :data:`STARTS` times.
    """
    for _ in range(STARTS - 1):
        with suppress(KilledAtStartError):
            return Worker()
    return Worker()


class Processes(ThreadPoolExecutor):
    """Pool of processes that outlives their deaths.

    Each thread of the pool hands one call to one process and waits for it. So the call that a dying
    process held is known: its future raises a :class:`WorkerError` that says by which signal or
    exit status, no other call notices, and the next one starts a new process. A plain pool of
    processes fails all calls in flight and takes no more.

    Attributes:
        workers: number of processes; they start when there is work for them.

    Raises:
        EvaluationError: from a future: the process could not start.
        WorkerError: from a future: the process died during the call.
    """

    def __init__(self, workers: int) -> None:
        if getattr(multiprocessing.current_process(), "_inheriting", False):
            os._exit(
                UNGUARDED
            )  # a worker that imports the script which started it; it may not go on
        super().__init__(workers)
        self.workers = workers
        self._all: list[Worker] = []
        self._idle: list[Worker] = []  # some of them
        self._lock = threading.Lock()
        self._abandoned = False
        # before multiprocessing waits for its processes at exit
        self._end = Finalize(self, end, args=(self._all,), exitpriority=10)

    def submit(self, fn: Callable[..., R], /, *args: Any, **kwargs: Any) -> Future[R]:
        """Call ``fn`` in a worker.

        Raises:
            EvaluationError: ``fn`` or an argument cannot be pickled.
        """
        check_sendable((fn, args, kwargs))
        return super().submit(self._call, fn, args, kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls; end the processes once all are done, or at exit unless ``wait``."""
        self._abandoned = cancel_futures and not wait
        super().shutdown(wait, cancel_futures=cancel_futures)
        if wait:
            self._end()

    def _call(self, fn: Callable[..., R], args: tuple[Any, ...], kwargs: dict[str, Any]) -> R:
        """Hand a call to a process and wait for its result; runs in a thread of the pool."""
        packed = pickle.dumps((fn, args, kwargs))
        worker = self._take()
        result: R
        try:
            result = worker.call(packed)
        finally:
            self._give_back(worker)
        return result

    def _take(self) -> Worker:
        """Return an idle process, or a new one."""
        with self._lock:
            while self._idle:
                worker = self._idle.pop()
                if worker.is_alive:
                    return worker
                self._all.remove(worker)  # killed by a stranger
        if self._abandoned:
            raise EvaluationError("the pool was shut down before this call")
        worker = _started()
        self._all.append(worker)
        return worker

    def _give_back(self, worker: Worker) -> None:
        with self._lock:
            (self._idle.append if worker.is_alive else self._all.remove)(worker)


def check_sendable(call: object) -> None:
    """Refuse what worker processes cannot get.

    Raises:
        EvaluationError: ``call`` cannot be pickled, or is defined where workers cannot import it.
    """
    try:
        _Checker(_Nowhere()).dump(call)
    except ArchrankError:
        raise
    except Exception as error:  # pickle's are of many kinds
        raise EvaluationError(
            f"the evaluation cannot be sent to worker processes: {error}. Define functions and "
            "classes at the top level of a module, or use one worker"
        ) from error


def is_sendable(call: object) -> bool:
    """Tell whether worker processes can get ``call``."""
    try:
        check_sendable(call)
    except ArchrankError:
        return False
    return True


class _Nowhere:
    """File that keeps nothing; a call may hold a large table."""

    def write(self, data: Any) -> int:
        return len(data)


class _Checker(pickle.Pickler):
    """Pickler that refuses functions and classes of a notebook or a prompt, sent by name alone."""

    def reducer_override(self, obj: Any) -> Any:
        if (
            isinstance(obj, FunctionType | type)
            and obj.__module__ == "__main__"
            and not _has_file()
        ):
            raise EvaluationError(
                f"{obj.__qualname__} is defined in a notebook or at a prompt, from which worker "
                "processes cannot import it: write it to a file, such as mine.py, and import it "
                "from there, or use one worker"
            )
        return NotImplemented


def _has_file() -> bool:
    """Tell whether worker processes can import what is the main module here."""
    main = sys.modules["__main__"]
    path = getattr(main, "__file__", None)
    return getattr(main, "__spec__", None) is not None or (
        path is not None and os.path.isfile(path)  # python - < script has neither
    )
