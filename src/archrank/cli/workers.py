"""Worker processes of a command, and its reaction to being stopped."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = 130  # exit status of a program that was stopped by Ctrl-C


@contextmanager
def running(
    workers: int | None,
    cluster: str | None = None,
    *,
    apart: bool = False,
    resources: tuple[str, ...] = (),
    retries: int | None = None,
) -> Iterator[Executor | None]:
    """Provide an executor while a command runs; ``None``, for this process, with one worker.

    A single worker is a process, too, if calls are to run ``apart``, since they may crash.

    SIGTERM, as sent by cluster schedulers, interrupts the command like Ctrl-C, unless the command
    runs in a thread, which no signal reaches. The workers always end with the command.

    Args:
        workers: processes; of a cluster ``None``, unless it is a local one.
        cluster: address of a Dask scheduler, or ``local``.
        apart: whether calls run in another process.
        resources: what a call on a cluster needs, ``NAME=NUMBER``.
        retries: how often a cluster makes a call again; ``None`` is the usual number.

    Raises:
        BudgetError: ``workers`` or ``retries`` out of bounds.
        MissingExtraError: ``cluster`` is given, but ``distributed`` is not installed.
        SettingsError: The cluster does not answer, or has not what calls need.
    """
    from archrank.parallel.processes import Processes, process_pool

    executor: Executor | None
    if cluster is None:
        n = cores() if workers is None else workers
        executor = Processes(1) if apart and n == 1 else process_pool(n)
    else:
        from archrank.parallel.dask import RETRIES, Cluster
        from archrank.parallel.local_cluster import read_resources

        executor = Cluster(
            cluster,
            workers=workers,
            resources=read_resources(resources),
            retries=RETRIES if retries is None else retries,
        )
        logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters is raised
    try:
        with _interrupted_by(signal.SIGTERM):
            yield executor
    finally:
        if executor is not None:
            executor.shutdown(wait=False, cancel_futures=True)
            for child in multiprocessing.active_children():
                child.terminate()  # what it works on now would not be kept anyway


@contextmanager
def _interrupted_by(number: signal.Signals) -> Iterator[None]:
    """Turn a signal into a KeyboardInterrupt, where Python allows that: in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(number, _interrupt)
    try:
        yield
    finally:
        signal.signal(number, previous)


def cores() -> int:
    """Return the number of processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
