"""One finished evaluation."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Record:
    """One finished evaluation, as it is stored.

    ``round`` and ``slot`` are its place in proposal order; ``round_size`` tells when a round is
    complete. ``elapsed`` is the run's working time in seconds, over all its sessions, up to the
    moment this evaluation was committed.
    """

    round: int
    slot: int
    round_size: int
    arch: NDArray[np.uint8]  # (d,)
    string: str
    values: dict[str, float]  # metric -> value, NaN where it failed
    reason: str | None
    seconds: float
    elapsed: float
    cpu_seconds: float = math.nan  # of the process that evaluated; NaN if unknown

    @property
    def key(self) -> tuple[int, int]:
        """Place in proposal order."""
        return self.round, self.slot
