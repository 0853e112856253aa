"""Measured architectures as plain arrays, and finding an architecture among them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from archrank.rows import LookUp, row_codes
from archrank.types import Archs, Floats, Ints

if TYPE_CHECKING:
    from archrank.spaces.base import Space

LOOKUP_BOUND = 1_000_000  # spaces up to this size get one slot per architecture


class RowFinder:
    """Finds rows of a list of architectures.

    Args:
        space: what the architectures are.
        archs: ``(n, d)``.
        by_class: whether a row stands for all architectures that are isomorphic to it.
    """

    def __init__(self, space: Space, archs: Archs, *, by_class: bool = False) -> None:
        self.space = space
        self.by_class = by_class
        self._slots: Ints | None = None
        codes = self._codes(archs)
        if space.size <= LOOKUP_BOUND:
            self._slots = np.full(space.size, -1, dtype=np.int64)
            self._slots[codes] = np.arange(len(archs))
        else:
            self._look_up = LookUp(codes)

    def find(self, archs: Archs) -> Ints:
        """Find the row of each architecture, ``(k, d) -> (k,)``; -1 where there is none.

        Of several rows of one architecture it is one of them.
        """
        codes = self._codes(archs)
        found: Ints = self._look_up.find(codes) if self._slots is None else self._slots[codes]
        return found

    def _codes(self, archs: Archs) -> Any:
        """Return a sortable code per row: its number, or its bytes if the space is too large."""
        if self.by_class:
            archs = self.space.canonical(archs)
        if self.space.size <= np.iinfo(np.int64).max:
            return self.space.index(archs)
        return row_codes(self.space.canonical(archs))  # inactive decisions do not count


@dataclass(frozen=True, eq=False)
class TableArrays:
    """Architectures and measurements, small enough to send to a worker.

    Attributes:
        space: what the architectures are.
        archs: ``(n, d)``.
        columns: ``(n,)`` each.
    """

    space: Space
    archs: Archs
    columns: dict[str, Floats]

    def __len__(self) -> int:
        return len(self.archs)

    @property
    def digest(self) -> str:
        """SHA-256 over the architectures and all columns."""
        return digest(self.archs, self.columns)


def digest(archs: Archs, columns: Mapping[str, Floats]) -> str:
    """Return a SHA-256 over ``archs: (n, d)`` and named ``columns``, ``(n,)`` each."""
    found = hashlib.sha256(np.ascontiguousarray(archs).tobytes())
    for name, values in columns.items():
        found.update(name.encode() + np.ascontiguousarray(values).tobytes())
    return found.hexdigest()
