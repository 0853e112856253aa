"""Executor over worker processes of this machine."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, TypeVar

from archrank.checks import whole
from archrank.errors import ArchrankError, BudgetError, EvaluationError
from archrank.parallel.worker import start_worker

MOST_WORKERS = 4096
R = TypeVar("R")


def process_pool(workers: int) -> Executor | None:
    """Return an executor with ``workers`` single-threaded processes.

    ``None`` for a single worker: evaluations then run in this process.

    Raises:
        BudgetError: fewer than one worker, or more than any machine has cores.
    """
    workers = whole(workers, "workers", at_least=1, at_most=MOST_WORKERS, error=BudgetError)
    if workers == 1:
        return None
    # spawn: forked copies of a process that has used torch's threads may hang
    return Processes(workers, mp_context=get_context("spawn"), initializer=start_worker)


class Processes(ProcessPoolExecutor):
    """Process pool that reports pickling errors where a call is submitted, and outlives unpickling.

    In a plain pool a call that cannot be pickled fails in a thread of the pool, which may be ending
    by then, and a call that cannot be unpickled, such as one of a module that a worker cannot
    import, ends the worker.
    """

    def submit(self, fn: Callable[..., R], /, *args: Any, **kwargs: Any) -> Future[R]:
        """Call ``fn`` in a worker.

        Raises:
            EvaluationError: ``fn`` or an argument cannot be pickled.
        """
        try:
            pickle.Pickler(_Nowhere()).dump((fn, args, kwargs))
        except ArchrankError:
            raise
        except Exception as error:  # pickle's are of many kinds
            raise EvaluationError(
                f"the evaluation cannot be sent to worker processes: {error}. Define functions and "
                "classes at the top level of a module, or use one worker"
            ) from error
        call: Any = _Call(fn, args, kwargs)  # bytes by the time that it arrives
        return super().submit(_unpack, call)


class _Nowhere:
    """File that keeps nothing; a call may hold a large table."""

    def write(self, data: Any) -> int:
        return len(data)


class _Call:
    """Function and arguments; pickled only when sent, and unpickled as bytes."""

    def __init__(self, *call: Any) -> None:
        self._call = call

    def __reduce__(self) -> tuple[type[bytes], tuple[bytes]]:
        return bytes, (pickle.dumps(self._call),)


def _unpack(packed: bytes) -> Any:
    """Unpickle and make a call that :class:`Processes` has sent; runs in a worker."""
    fn, args, kwargs = pickle.loads(packed)
    return fn(*args, **kwargs)
