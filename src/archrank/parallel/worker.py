"""Work inside one worker process: evaluate an architecture; start and end with the parent."""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from multiprocessing import parent_process
from typing import NamedTuple

from archrank.errors import FAILURES, ArchrankError, describe
from archrank.evaluators.base import Evaluator
from archrank.types import Archs


class Evaluated(NamedTuple):
    """Result of one evaluation, as a worker sends it back.

    Attributes:
        values: ``{metric: value}``, NaN where the evaluation failed.
        reason: why it failed; ``None`` if it did not.
        seconds: wall-clock time.
        cpu_seconds: processor time of this process, whatever else the machine was doing.
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

    The time of one call is divided evenly among its architectures.

    Raises:
        ArchrankError: the evaluator itself is set up wrongly.
    """
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
