"""CPU seconds of a search: in all, and until it found nothing better."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from archrank.reproduce.base import Found
from archrank.types import Floats

PATIENCE = 3  # generations without a better architecture after which a search has settled


class Stopwatch:
    """CPU seconds of this process since it was made.

    Work that is kept counts with the CPU seconds that it took when it was done.
    """

    def __init__(self) -> None:
        self._start = time.process_time()

    @property
    def seconds(self) -> float:
        """CPU seconds so far."""
        return time.process_time() - self._start

    def kept(self, work: Callable[[], Found]) -> Found:
        """Do work that tells its own ``cpu_seconds``, or reads them where it was done before."""
        begin = time.process_time()
        found = work()
        self._start += time.process_time() - begin - found["cpu_seconds"]
        return found


@dataclass
class Progress:
    """Number of architectures that a search has scored, and its CPU seconds, by generation."""

    watch: Stopwatch
    done: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def __call__(self, done: int, of: int) -> None:
        """Note where the search is."""
        self.done.append(done)
        self.seconds.append(self.watch.seconds)

    def settled(self, scores: Floats) -> tuple[int, float]:
        """Return architectures and seconds until the best had not changed for some generations.

        Args:
            scores: Of all architectures in the order of the search, ``(n,)``.
        """
        best, vain = -np.inf, 0
        for done, seconds, before in zip(self.done, self.seconds, [0, *self.done], strict=False):
            now = np.max(
                scores[before:done], initial=-np.inf, where=np.isfinite(scores[before:done])
            )
            best, vain = (now, 0) if now > best else (best, vain + 1)
            if vain == PATIENCE:
                return done, seconds
        return (self.done[-1], self.seconds[-1]) if self.done else (0, 0.0)
