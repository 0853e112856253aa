"""Work inside one worker process: evaluate an architecture; start and end with the parent."""

from __future__ import annotations

import math
import os
import pickle
import re
import signal
import threading
import time
import traceback
from collections.abc import Sequence
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from typing import NamedTuple

from archrank.errors import FAILURES, ArchrankError, EvaluationError, WorkerError, describe
from archrank.evaluators.base import Evaluator
from archrank.isolation import busy
from archrank.types import Archs

READY = b"ready"  # a worker's first message
# Python's, torch's on a GPU and on a CPU; NumPy's is derived from the first, but has its own name
_MEMORY = re.compile(r"MemoryError|OutOfMemoryError|out of memory|can't allocate memory")


class Evaluated(NamedTuple):
    """Result of one evaluation, as a worker sends it back.

    Attributes:
        values: ``{metric: value}``, NaN where the evaluation failed.
        reason: why it failed; ``None`` if it did not.
        seconds: wall-clock time.
        cpu_seconds: processor time of this process, whatever else the machine was doing; NaN if
            unknown.
    """

    values: dict[str, float]
    reason: str | None
    seconds: float
    cpu_seconds: float


def evaluate_one(evaluator: Evaluator, arch: Archs) -> Evaluated:
    """Evaluate one architecture ``(1, d)``; an unexpected exception becomes NaN with a reason.

    Raises:
        ArchrankError: the evaluator itself is set up wrongly; every other architecture would fail
            too.
    """
    start, cpu = time.perf_counter(), time.process_time()
    try:
        result = evaluator.evaluate(arch)
        values = {name: float(column[0]) for name, column in result.items()}
        reason = result.reasons[0]
    except ArchrankError:
        raise
    except FAILURES as error:
        values = {metric.name: math.nan for metric in evaluator.metrics}
        reason = describe(error)
    return Evaluated(values, reason, time.perf_counter() - start, time.process_time() - cpu)


def evaluate_group(evaluator: Evaluator, archs: Archs) -> list[Evaluated]:
    """Evaluate ``archs: (k, d)`` in one call, or one by one if that fails.

    The time of one call is divided evenly among its architectures. Nobody measures time meanwhile,
    but for the evaluator itself.

    Raises:
        ArchrankError: the evaluator itself is set up wrongly.
    """
    with busy():
        return _evaluate_group(evaluator, archs)


def _evaluate_group(evaluator: Evaluator, archs: Archs) -> list[Evaluated]:
    k = len(archs)
    if k == 1:
        return [evaluate_one(evaluator, archs)]
    start, cpu = time.perf_counter(), time.process_time()
    try:
        result = evaluator.evaluate(archs)
        rows = [{name: float(column[i]) for name, column in result.items()} for i in range(k)]
        reasons = result.reasons
    except ArchrankError:
        raise
    except FAILURES:
        return [evaluate_one(evaluator, arch[None]) for arch in archs]
    each = (time.perf_counter() - start) / k, (time.process_time() - cpu) / k
    return [Evaluated(row, reason, *each) for row, reason in zip(rows, reasons, strict=True)]


def died(evaluator: Evaluator, error: WorkerError) -> Evaluated:
    """Return the result of an evaluation that ended its process: NaN, with the cause of death."""
    values = {metric.name: math.nan for metric in evaluator.metrics}
    return Evaluated(values, str(error), error.seconds, math.nan)


def ran_out_of_memory(results: Sequence[Evaluated] | WorkerError) -> bool:
    """Tell whether an evaluation failed for want of memory, which others may have used up."""
    if isinstance(results, WorkerError):
        return False
    return any(r.reason is not None and _MEMORY.search(r.reason) for r in results)


def serve(line: Connection) -> None:
    """Make the calls that arrive on ``line`` until it is closed; the whole life of a worker."""
    start_worker()
    line.send_bytes(READY)
    try:
        while packed := line.recv_bytes():
            line.send_bytes(_answer(packed))
    except (EOFError, ConnectionError):
        pass  # the parent has gone, by itself or by kill -9


def _answer(packed: bytes) -> bytes:
    """Make one call; return whether it succeeded, its result or error, and the traceback."""
    try:
        fn, args, kwargs = pickle.loads(packed)
        return pickle.dumps((True, fn(*args, **kwargs), ""))
    except BaseException as error:
        return pickle.dumps((False, _sendable(error), traceback.format_exc()))


def _sendable(error: BaseException) -> Exception:
    """Return an error that can be pickled, and unpickled, to be raised in the parent."""
    try:
        again = pickle.loads(pickle.dumps(error))
    except Exception:
        again = None
    if isinstance(again, Exception) and str(again) == str(error):
        return again
    if isinstance(error, ArchrankError):
        return EvaluationError(str(error))
    return EvaluationError(describe(error))


def start_worker() -> None:
    """Set up a new worker process: one thread, deaf to Ctrl-C, ended with its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this worker when its parent is killed; it would wait for work for ever."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
