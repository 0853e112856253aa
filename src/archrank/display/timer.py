"""Time that work takes, and the pauses between plain lines about it."""

from __future__ import annotations

import time

QUIET = 10.0  # seconds between plain lines at first
SHARE = 0.1  # of the time that has passed, between lines later
MOST = 300.0  # seconds between lines at most


class Timer:
    """Time since work began, and whether the next plain line about it is due.

    Lines that stay, in a file or on a dumb terminal, become rarer in a long run: a minute has six
    of them, an hour about fifty, a night less than two hundred.
    """

    def __init__(self) -> None:
        self._start = self._last = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds since the timer was made."""
        return time.monotonic() - self._start

    def due(self) -> bool:
        """Tell whether a line is due; if so, the pause before the next one begins."""
        now = time.monotonic()
        pause = min(max(QUIET, SHARE * (now - self._start)), MOST)
        if now - self._last < pause:
            return False
        self._last = now
        return True
