"""Calls that are made in a thread, ahead of whoever needs their results."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")


@contextmanager
def ahead(
    call: Callable[[Any], T], arguments: Iterable[Any], *, in_thread: bool = True
) -> Iterator[Iterator[Callable[[], T]]]:
    """Call a function with one argument after the other, beside what is done in the block.

    Drawing architectures takes a small part of an update, and more where a ranker chooses among
    many. In a thread it goes on while torch computes. Calls that are left at the end of the block
    are not made.

    Args:
        call: the function.
        arguments: its argument in each call.
        in_thread: False makes all calls before the block, for functions that touch torch's global
            generators, which threads share.

    Yields:
        For every argument, in order, a function that waits for the result of the call, and raises
        what it raised.
    """
    with ThreadPoolExecutor(1, "drawing") as pool:
        futures = [pool.submit(call, argument) for argument in arguments]
        if not in_thread:
            wait(futures)
        try:
            yield iter([future.result for future in futures])
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
