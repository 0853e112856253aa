"""Worker processes, and what happens inside one: an architecture, evaluated, never an exception."""

from __future__ import annotations

import math
import os
import pickle
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from multiprocessing import get_context, parent_process
from typing import Any, NamedTuple, TypeVar

from archrank.errors import ArchrankError, BudgetError, EvaluationError
from archrank.evaluators.base import Evaluator
from archrank.types import Archs

R = TypeVar("R")


class Outcome(NamedTuple):
    """What one evaluation gave."""

    values: dict[str, float]
    reason: str | None
    seconds: float  # by the clock
    cpu_seconds: float  # of this process, whatever else the machine was doing


def evaluate_one(evaluator: Evaluator, arch: Archs) -> Outcome:
    """Evaluate one architecture ``(1, d)``; an unexpected exception becomes NaN with a reason."""
    start, cpu = time.perf_counter(), time.process_time()
    try:
        result = evaluator.evaluate(arch)
        values = {name: float(column[0]) for name, column in result.items()}
        reason = result.reasons[0]
    except ArchrankError:
        raise  # the evaluator itself is set up wrongly: every other architecture would fail too
    except Exception as error:
        values = {metric.name: math.nan for metric in evaluator.metrics}
        reason = f"{type(error).__name__}: {error}"
    return Outcome(values, reason, time.perf_counter() - start, time.process_time() - cpu)


def evaluate_group(evaluator: Evaluator, archs: Archs) -> list[Outcome]:
    """Evaluate ``archs: (k, d)`` in one call, or one by one if that fails; times are shared out."""
    if len(archs) == 1:
        return [evaluate_one(evaluator, archs)]
    start, cpu = time.perf_counter(), time.process_time()
    try:
        result = evaluator.evaluate(archs)
    except ArchrankError:
        raise
    except Exception:
        return [evaluate_one(evaluator, arch[None]) for arch in archs]
    each = (time.perf_counter() - start) / len(archs), (time.process_time() - cpu) / len(archs)
    rows = [{name: float(column[i]) for name, column in result.items()} for i in range(len(archs))]
    return [Outcome(row, why, *each) for row, why in zip(rows, result.reasons, strict=True)]


def start_worker() -> None:
    """Make a fresh worker process quiet: one thread, Ctrl-C and the end are the parent's to say."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this worker when its parent is killed; it would wait for work for ever."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def process_pool(workers: int) -> Executor | None:
    """Executor with ``workers`` single-threaded processes; ``None`` (in-process) for one.

    Raises:
        BudgetError: less than one worker.
    """
    if workers < 1:
        raise BudgetError(f"workers must be at least 1, got {workers}")
    if workers == 1:
        return None
    # spawn: forked copies of a process that has used torch's threads may hang
    return Processes(workers, mp_context=get_context("spawn"), initializer=start_worker)


class Processes(ProcessPoolExecutor):
    """A process pool that tells at once what cannot be sent, and survives what cannot be received.

    In a plain one, the first is raised in a thread of the pool, which may be ending by then, and
    the second, such as a module that a worker cannot import, ends the worker.
    """

    def submit(self, fn: Callable[..., R], /, *args: Any, **kwargs: Any) -> Future[R]:
        """Call ``fn`` in a worker.

        Raises:
            EvaluationError: it, or an argument, cannot be pickled.
        """
        try:
            pickle.Pickler(_Nowhere()).dump((fn, args, kwargs))
        except ArchrankError:
            raise
        except Exception as error:  # pickle's are of many kinds
            raise EvaluationError(
                f"this cannot be sent to worker processes: {error}. Define functions and classes "
                "at the top level of a module, or use one worker"
            ) from error
        call: Any = _Call(fn, args, kwargs)  # that arrives as bytes
        return super().submit(_unpack, call)


class _Nowhere:
    """A file that forgets; a call may hold a large table."""

    def write(self, data: Any) -> int:
        return len(data)


class _Call:
    """A call; pickles as bytes when its turn comes, and arrives as such."""

    def __init__(self, *call: Any) -> None:
        self._call = call

    def __reduce__(self) -> tuple[type[bytes], tuple[bytes]]:
        return bytes, (pickle.dumps(self._call),)


def _unpack(packed: bytes) -> Any:
    """In a worker: make a call that :class:`Processes` has sent."""
    fn, args, kwargs = pickle.loads(packed)
    return fn(*args, **kwargs)
