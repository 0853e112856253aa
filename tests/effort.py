"""Effort that depends on neither the processor nor its load: calls made and bytes allocated."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable
from typing import Any


def effort(f: Callable[[], Any]) -> tuple[Any, int, int]:
    """Return what ``f`` returns, the calls that Python made for it, and its peak of memory."""
    calls = 0

    def count(frame: Any, event: str, arg: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    tracemalloc.start()
    before = sys.getprofile()
    sys.setprofile(count)
    try:
        value = f()
    finally:
        sys.setprofile(before)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return value, calls, peak
