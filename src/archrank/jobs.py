"""Run calls in this process or in workers, and give back results as they finish."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from typing import Any, TypeVar

from archrank.errors import EvaluationError

IN_FLIGHT = 256  # calls handed to an executor at a time

R = TypeVar("R")


def never() -> bool:
    """Return False: nothing stops before its end."""
    return False


def run_jobs(
    run: Callable[..., R],
    jobs: Iterable[tuple[Any, ...]],
    executor: Executor | None = None,
    *,
    in_flight: int = IN_FLIGHT,
    stop: Callable[[], bool] = never,
    remedy: str = "repeat with fewer workers",
) -> Generator[tuple[int, R], None, None]:
    """Call ``run(*job)`` for every job, and yield its place and its result once it is done.

    Where several calls are done at a time, those with a result come before those that failed; an
    interrupt, too, is raised after what has finished. Calls that wait are cancelled when the
    iterator is closed or raises an error.

    Args:
        run: the function; importable where the executor runs.
        jobs: positional arguments of each call, taken when there is room for it.
        executor: where to run; one after the other in this process if ``None``.
        in_flight: calls that the executor holds at most.
        stop: asked before each call; no more are started once it returns True.
        remedy: what the user can do about a dead worker; ends the message.

    Yields:
        The place of a job in ``jobs``, and its result; in order without an executor, else as the
        calls finish.

    Raises:
        EvaluationError: a worker process died.
        Exception: whatever ``run`` raises.

    Example:
        >>> list(run_jobs(pow, [(2, 3), (3, 2)]))
        [(0, 8), (1, 9)]
    """
    if executor is not None:
        yield from _run_there(run, enumerate(jobs), executor, in_flight, stop, remedy)
        return
    for place, job in enumerate(jobs):
        if stop():
            return
        yield place, run(*job)


def gather(
    run: Callable[..., R], jobs: Iterable[tuple[Any, ...]], executor: Executor | None = None
) -> list[R]:
    """Return the results of all jobs in their order; arguments and errors as :func:`run_jobs`."""
    found = dict(run_jobs(run, jobs, executor))
    return [found[place] for place in range(len(found))]


def _run_there(
    run: Callable[..., R],
    jobs: Iterator[tuple[int, tuple[Any, ...]]],
    executor: Executor,
    in_flight: int,
    stop: Callable[[], bool],
    remedy: str,
) -> Iterator[tuple[int, R]]:
    """Keep up to ``in_flight`` numbered jobs in the executor until all are done."""
    running: dict[Future[R], int] = {}
    try:
        while True:
            signal: BaseException | None = None
            try:
                while len(running) < in_flight and not stop():
                    place, job = next(jobs, (-1, ()))
                    if place < 0:
                        break
                    running[executor.submit(run, *job)] = place
                if not running:
                    return
                wait(running, return_when=FIRST_COMPLETED)
            except (KeyboardInterrupt, BrokenExecutor) as raised:  # first what has finished
                signal = raised
            for future in sorted(filter(Future.done, list(running)), key=_failed):
                place = running.pop(future)
                yield place, future.result()
            if signal is not None:
                raise signal
    except BrokenExecutor as error:
        raise EvaluationError(
            f"a worker process died (killed, or out of memory); {remedy}"
        ) from error
    finally:
        for future in running:
            future.cancel()


def _failed(future: Future[Any]) -> bool:
    return future.cancelled() or future.exception() is not None
