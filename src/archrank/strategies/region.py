"""The part of a space that may be proposed: what can be evaluated, within all cheap limits.

A limit is cheap if its metric is known without an evaluation, as costs are.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from archrank.rows import is_new
from archrank.spaces.base import ENUMERABLE, Space
from archrank.types import Archs, Bools, Floats

LEFT_OUT = 1.0  # excess of what is left out: as far outside as twice the limit
CHUNK = 65_536  # rows whose limits are checked at a time
BUILT = 512  # candidates of a round where each check builds a network, which takes milliseconds


def _no_limits(archs: Archs) -> Floats:
    return np.zeros(len(archs))


class Region:
    """Tells which architectures may be proposed, and how far the others are from that.

    It counts what it is asked, and remembers the architecture nearest to the limits, for messages;
    its answers depend on the architectures alone.

    Args:
        excess: ``(n, d) -> (n,)`` sum of the relative violations of all cheap limits: 0 may be
            proposed; infinity or NaN cannot be evaluated at all.
        listed: ``(k, d)`` where only some architectures can be evaluated and these are known, such
            as the rows of a table.
        slow: whether each check builds a network, so that few are made.

    Attributes:
        counted: architectures whose limits were checked since :meth:`forget`.
        nearest: ``(d,)`` the one of these with the least finite excess; ``None`` without any.
    """

    def __init__(
        self,
        excess: Callable[[Archs], Floats] = _no_limits,
        listed: Callable[[], Archs | None] = lambda: None,
        *,
        slow: bool = False,
    ) -> None:
        self._excess = excess
        self._listed = listed
        self.slow = slow
        self._rows: Archs | None = None
        self.forget()

    @classmethod
    def of(cls, allowed: Callable[[Archs], Bools]) -> Region:
        """Return the region of the rows that ``allowed`` marks; how far others are is unknown."""
        return cls(lambda archs: np.where(allowed(archs), 0.0, np.inf))

    def without(self, archs: Archs, keys: Callable[[Archs], Archs]) -> Region:
        """Return this region without some architectures.

        Args:
            archs: ``(k, d)``, known to break a limit.
            keys: gives equal rows to architectures that are alike; all of these are left out.
        """
        known = keys(archs)

        def excess(rows: Archs) -> Floats:
            found = self._excess(rows)
            return np.where(is_new(keys(rows), known), found, np.maximum(found, LEFT_OUT))

        return _Without(self, excess, lambda rows: rows[is_new(keys(rows), known)])

    def forget(self) -> None:
        """Begin to count anew."""
        self.counted = 0
        self.nearest: NDArray[np.uint8] | None = None
        self._least = np.inf

    def excess(self, archs: Archs) -> Floats:
        """Return how far ``archs: (n, d)`` are outside: ``(n,)``; 0 may be proposed."""
        parts = [self._excess(archs[i : i + CHUNK]) for i in range(0, len(archs), CHUNK)]
        found = np.concatenate(parts) if parts else np.zeros(0)
        found = np.where(np.isnan(found), np.inf, found)
        self.counted += len(archs)
        if len(found) and found.min() < self._least:
            self._least = float(found.min())
            self.nearest = archs[int(found.argmin())].copy()
        return found

    def allowed(self, archs: Archs) -> Bools:
        """Mark which of ``archs: (n, d)`` may be proposed: ``(n,)``."""
        kept: Bools = self.excess(archs) <= 0
        return kept

    def first(self, archs: Archs, n: int) -> Archs:
        """Return the first ``n`` of ``archs: (k, d)`` that may be proposed; checks few others."""
        kept = archs[:0]
        for start in range(0, len(archs), CHUNK):
            part = archs[start : start + CHUNK]
            kept = np.concatenate([kept, part[self.allowed(part)]])
            if len(kept) >= n:
                break
        return kept[:n]

    def rows(self, space: Space) -> Archs | None:
        """List all architectures that may be proposed, ``(k, d)``, once per region.

        ``None`` where the space is too large, and no list says what can be evaluated.
        """
        if self._rows is None:
            most = BUILT if self.slow else ENUMERABLE
            every = space.enumerate() if space.size <= most else self._listed()
            self._rows = None if every is None else every[self.allowed(every)]
        return self._rows


class _Without(Region):
    """A region without some rows; its list is made from that of the whole region.

    Args:
        whole: the region.
        excess: of architectures, those that are left out included.
        kept: keeps the rows, ``(k, d)``, that are not left out.
    """

    def __init__(
        self, whole: Region, excess: Callable[[Archs], Floats], kept: Callable[[Archs], Archs]
    ) -> None:
        super().__init__(excess, slow=whole.slow)
        self._whole = whole
        self._kept = kept

    def rows(self, space: Space) -> Archs | None:
        """List all architectures that may be proposed, ``(k, d)``, once per region."""
        if self._rows is None:
            every = self._whole.rows(space)
            self._rows = None if every is None else self._kept(every)
        return self._rows
