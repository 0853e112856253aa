"""Measurements of a search, kept as they are made: one that was stopped repeats none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from archrank.journal import Journal
from archrank.rows import distinct
from archrank.types import Archs, Floats

if TYPE_CHECKING:
    from archrank.spaces.base import Space

FILE = "measured.jsonl"


class Memory:
    """Numbers that were measured of architectures, by kind.

    Args:
        folder: of the search.
        space: of the architectures.

    Raises:
        StorageError: what is kept there cannot be read.
    """

    def __init__(self, folder: Path, space: Space) -> None:
        self._journal, self._space = Journal(folder / FILE), space
        self._known: dict[str, dict[bytes, float]] = {}
        for line, entry in self._journal.read():
            self._read(line, entry)

    def _read(self, line: int, entry: dict[str, Any]) -> None:
        try:
            rows = self._space.parse(entry["archs"])
            self._add(str(entry["kind"]), rows, np.array(entry["values"], dtype=np.float64))
        except (LookupError, TypeError, ValueError) as error:
            raise self._journal.damaged(line, error) from None

    def _add(self, kind: str, rows: Archs, values: Floats) -> None:
        known = self._known.setdefault(kind, {})
        known.update(zip(map(bytes, rows), values.tolist(), strict=True))

    def measure(
        self,
        kind: str,
        archs: Archs,
        measure: Callable[[Archs], Floats],
        *,
        at_once: int,
        progress: Callable[[int, int], object] = lambda done, of: None,
    ) -> Floats:
        """Return a number of each of ``archs: (n, d)``, ``(n,)``; measure those that are not known.

        Args:
            kind: of the number.
            archs: rows of the space.
            measure: ``(k, d) -> (k,)``.
            at_once: architectures in one call, after which the numbers are kept.
            progress: called with the number of architectures that are known, and of all.

        Raises:
            StorageError: the numbers cannot be kept.
        """
        known = self._known.setdefault(kind, {})
        unique = distinct(archs)
        new = unique[[bytes(row) not in known for row in unique]] if len(unique) else unique
        for start in range(0, len(new), at_once):
            part = new[start : start + at_once]
            values = measure(part)
            strings = self._space.format(part)
            self._journal.append({"kind": kind, "archs": strings, "values": values.tolist()})
            self._add(kind, part, values)
            progress(len(unique) - len(new) + start + len(part), len(unique))
        return np.array([known[bytes(row)] for row in archs], dtype=np.float64)
