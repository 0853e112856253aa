"""Where a command's evaluations run, and how a command is stopped."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = 130  # the shell's exit status for a program stopped by Ctrl-C


@contextmanager
def running(workers: int, cluster: str | None = None) -> Iterator[Executor | None]:
    """An executor while a command runs; ``None``, this process, for a single worker.

    A scheduler's SIGTERM interrupts as Ctrl-C does. Whatever ends the command, its workers end
    with it.

    Raises:
        BudgetError: less than one worker.
        MissingExtraError: a cluster without ``distributed``.
        SettingsError: a cluster that does not answer.
    """
    from archrank.parallel.processes import process_pool

    if cluster is None:
        executor = process_pool(workers)
    else:
        from archrank.parallel.dask import Cluster

        executor = Cluster(cluster)
        logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters is raised
    previous = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield executor
    finally:
        signal.signal(signal.SIGTERM, previous)
        if executor is not None:
            executor.shutdown(wait=False, cancel_futures=True)
            for child in multiprocessing.active_children():
                child.terminate()  # what it works on now would not be kept anyway


def cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
