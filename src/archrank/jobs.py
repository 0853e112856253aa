"""Run calls in this process or in workers, and give back results as they finish."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from contextlib import closing
from itertools import count
from typing import Any, TypeVar

from archrank.errors import EvaluationError, WorkerError

IN_FLIGHT = 256  # calls handed to an executor at a time

R = TypeVar("R")


def never() -> bool:
    """Return False: nothing stops before its end."""
    return False


def run_jobs(
    run: Callable[..., R],
    jobs: Iterable[tuple[Any, ...] | None],
    executor: Executor | None = None,
    *,
    in_flight: int | Callable[[], int] = IN_FLIGHT,
    stop: Callable[[], bool] = never,
    doubt: Callable[[R], bool] | None = None,
    lost: Callable[[WorkerError], R] | None = None,
    remedy: str = "repeat the command to go on",
) -> Generator[tuple[int, R], None, None]:
    """Call ``run(*job)`` for every job, and yield its place and its result once it is done.

    Where several calls are done at a time, those with a result come before those that failed; an
    interrupt, too, is raised after what has finished. Calls that wait are cancelled when the
    iterator is closed or raises an error.

    A call whose worker process dies is made again after all others and alone, so that neither a
    neighbour that used up the memory nor a stranger who killed a process counts against it. What
    happens then is its result.

    Args:
        run: the function; importable where the executor runs.
        jobs: positional arguments of each call, taken when there is room for it. ``None`` in their
            place says that there are none now: it is asked again when a call has finished, and all
            ends where none is running. If this raises an error, what runs is finished first.
        executor: where to run; one after the other in this process if ``None``.
        in_flight: calls that the executor holds at most, or what tells it when there may be more.
        stop: asked before each call; no more are started once it returns True.
        doubt: tells of a result that others who ran beside may be its cause, so that the call is
            made again alone, too; asked only where there is an executor.
        lost: makes a result of the death of a worker that ran alone; ``None`` raises an error.
        remedy: what the user can do about such an error; ends the message.

    Yields:
        The place of a job in ``jobs``, and its result; in order without an executor, else as the
        calls finish.

    Raises:
        EvaluationError: a worker process died, or the executor broke.
        Exception: whatever ``run`` raises.

    Example:
        >>> list(run_jobs(pow, [(2, 3), (3, 2)]))
        [(0, 8), (1, 9)]
    """
    if executor is None:
        for place, job in enumerate(jobs):
            if job is None or stop():
                return
            yield place, run(*job)
        return
    suspects: list[tuple[int, tuple[Any, ...]]] = []
    try:
        most = in_flight if callable(in_flight) else lambda: in_flight
        there = _run_there(run, iter(jobs), executor, most, stop)
        with closing(there):
            for place, job, future in there:
                if _died(future) or (doubt is not None and doubt(future.result())):
                    suspects.append((place, job))
                else:
                    yield place, future.result()
        for place, job in suspects:
            if stop():
                return
            yield place, _run_alone(run, job, executor, lost)
    except WorkerError as error:
        raise WorkerError(f"{error}; {remedy}") from error
    except BrokenExecutor as error:
        raise EvaluationError(
            f"{type(executor).__name__} broke: {error}; {remedy}. archrank.parallel.Processes is "
            "an executor that survives the death of a worker"
        ) from error


def gather(
    run: Callable[..., R], jobs: Iterable[tuple[Any, ...]], executor: Executor | None = None
) -> list[R]:
    """Return the results of all jobs in their order; arguments and errors as :func:`run_jobs`."""
    found = dict(run_jobs(run, jobs, executor))
    return [found[place] for place in range(len(found))]


def _run_there(
    run: Callable[..., R],
    jobs: Iterator[tuple[Any, ...] | None],
    executor: Executor,
    most: Callable[[], int],
    stop: Callable[[], bool],
) -> Generator[tuple[int, tuple[Any, ...], Future[R]], None, None]:
    """Keep up to ``most()`` jobs in the executor until all are done, and yield their places."""
    running: dict[Future[R], tuple[int, tuple[Any, ...]]] = {}
    places = count()
    fault: Exception | None = None  # of what gives the jobs
    try:
        while True:
            signal: BaseException | None = None
            try:
                room = most()
                while len(running) < room and fault is None and not stop():
                    try:
                        job = next(jobs, None)
                    except Exception as raised:
                        fault = raised
                        break
                    if job is None:
                        break
                    running[executor.submit(run, *job)] = next(places), job
                if not running:
                    if fault is not None:
                        raise fault
                    return
                wait(running, return_when=FIRST_COMPLETED)
            except (KeyboardInterrupt, BrokenExecutor) as raised:  # first what has finished
                signal = raised
            for future in sorted(filter(Future.done, list(running)), key=_failed):
                yield *running.pop(future), future
            if signal is not None:
                raise signal
    finally:
        for future in running:
            future.cancel()


def _run_alone(
    run: Callable[..., R],
    job: tuple[Any, ...],
    executor: Executor,
    lost: Callable[[WorkerError], R] | None,
) -> R:
    """Return the result of a call that nothing runs beside."""
    future = executor.submit(run, *job)
    try:
        return future.result()
    except WorkerError as error:
        if lost is None:
            raise
        return lost(error)
    finally:
        future.cancel()


def _failed(future: Future[Any]) -> bool:
    return future.cancelled() or future.exception() is not None


def _died(future: Future[Any]) -> bool:
    """Tell whether the worker process of a call died."""
    return not future.cancelled() and isinstance(future.exception(), WorkerError)
