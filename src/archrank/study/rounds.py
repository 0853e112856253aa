"""The evaluations of a run, folded in by place: arrays that grow, whoever finished first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from archrank.spaces.base import Space
from archrank.strategies.history import History
from archrank.strategies.region import Region
from archrank.study.objectives import Goals
from archrank.study.record import Record
from archrank.study.results import columns

T = TypeVar("T", bound=np.generic)


class Rounds:
    """Complete rounds as arrays, in proposal order, and the records of those that are not.

    A record is read once, when it is new, so a round costs the same however long the run is.

    Args:
        space: of the architectures.
        goals: objectives and constraints.

    Attributes:
        number: of the first round that is not complete.
    """

    def __init__(self, space: Space, goals: Goals) -> None:
        self.number = 0
        self._space = space
        self._goals = goals
        self._read = 0
        self._open: defaultdict[int, dict[int, Record]] = defaultdict(dict)  # by round and slot
        self._archs = Rows(space.d, np.uint8)
        self._canonical = Rows(space.d, np.uint8)
        self._objectives = Rows(len(goals.objectives), np.float64)
        self._violation = Rows(1, np.float64)

    def take(self, records: Sequence[Record]) -> None:
        """Fold in what ``records``, all of the run, hold beyond those of the last call."""
        for record in records[self._read :]:
            self._open[record.round][record.slot] = record
        self._read = len(records)
        done: list[Record] = []
        while (found := self._open.get(self.number)) and self._is_complete(found):
            done += [found[slot] for slot in sorted(found)]
            del self._open[self.number]
            self.number += 1
        if done:
            self._fold(done)

    @staticmethod
    def _is_complete(found: dict[int, Record]) -> bool:
        return len(found) == next(iter(found.values())).round_size

    def _fold(self, done: list[Record]) -> None:
        archs = np.array([r.arch for r in done], dtype=np.uint8).reshape(-1, self._space.d)
        values = columns(done, self._goals.metrics)
        self._archs.append(archs)
        self._canonical.append(self._space.canonical(archs))
        self._objectives.append(self._goals.matrix(values))
        self._violation.append(self._goals.violation(values, len(done))[:, None])

    @property
    def stored(self) -> dict[int, Record]:
        """Records of the first round that is not complete, by slot."""
        return self._open.get(self.number, {})

    def history(self, region: Region) -> History:
        """Return the complete rounds as a strategy sees them; ``region`` may be proposed."""
        return History(
            self._space,
            self._archs.filled,
            self._objectives.filled,
            self._violation.filled[:, 0],
            region,
            self._canonical.filled,
        )


class Rows(Generic[T]):
    """A matrix that rows are appended to, at a cost that does not depend on their number.

    Args:
        width: columns.
        dtype: of the entries.

    Example:
        >>> rows = Rows(2, np.int64)
        >>> rows.append(np.array([[1, 2], [3, 4]]))
        >>> rows.filled.tolist()
        [[1, 2], [3, 4]]
    """

    def __init__(self, width: int, dtype: type[T]) -> None:
        self._all: NDArray[T] = np.empty((64, width), dtype=dtype)
        self._n = 0

    def append(self, rows: NDArray[Any]) -> None:
        """Append ``rows: (k, width)``; views that were given out stay as they are."""
        n = self._n + len(rows)
        if n > len(self._all):
            larger = np.empty((max(n, 2 * len(self._all)), self._all.shape[1]), self._all.dtype)
            larger[: self._n] = self._all[: self._n]
            self._all = larger
        self._all[self._n : n] = rows
        self._n = n

    @property
    def filled(self) -> NDArray[T]:
        """All rows so far: ``(n, width)``, a view."""
        return self._all[: self._n]
