"""The evaluations of a run, folded in by place: arrays that grow, whoever finished first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from archrank.spaces.base import Space
from archrank.strategies.history import History
from archrank.study.asked import Asked, Ledger
from archrank.study.limits import Limits, Measured
from archrank.study.objectives import Goals
from archrank.study.record import Record
from archrank.study.results import columns

T = TypeVar("T", bound=np.generic)


class Rounds:
    """Complete rounds as arrays, in proposal order, and the records of those that are not.

    A record is read once, when it is new, so a round costs the same however long the run is. What
    broke a limit before it was evaluated to the end is no part of the history that strategies see:
    limits leave it out.

    Args:
        space: of the architectures.
        goals: objectives and constraints.
        ledger: of the run, which knows of places that were given up.

    Attributes:
        number: of the first round that is not complete.
        spent: evaluations that count towards a budget: all but those that a limit ended early.
        failed: those of ``spent`` that failed.
        rejected_in_a_row: architectures that a limit ended early, at the end of the history.
    """

    def __init__(self, space: Space, goals: Goals, ledger: Ledger | None = None) -> None:
        self._ledger = ledger if ledger is not None else Ledger()
        self.number = self.spent = self.failed = self.rejected_in_a_row = 0
        self._space = space
        self._goals = goals
        self._read = 0
        self._open: defaultdict[int, dict[int, Record]] = defaultdict(dict)  # by round and slot
        self._archs = Rows(space.d, np.uint8)
        self._canonical = Rows(space.d, np.uint8)
        self._objectives = Rows(len(goals.objectives), np.float64)
        self._violation = Rows(1, np.float64)
        self._failed = Rows(1, np.bool_)
        self._limited = tuple(dict.fromkeys(c.metric for c in goals.constraints))
        self._measured = Rows(space.d, np.uint8)
        self._values = Rows(len(self._limited), np.float64)
        self._rejected = Rows(1, np.bool_)

    def take(self, records: Sequence[Record]) -> None:
        """Fold in what ``records``, all of the run, hold beyond those of the last call."""
        for record in records[self._read :]:
            self._open[record.round][record.slot] = record
            counts = not self._goals.rejects(record.values)
            self.spent += counts
            self.failed += counts and record.reason is not None
        self._read = len(records)
        done: list[Record] = []
        while self._ledger.is_complete(self.number, found := self._open.get(self.number, {})):
            done += [found[slot] for slot in sorted(found)]
            self._open.pop(self.number, None)
            self.number += 1
        if done:
            self.fold(done)

    def fold(self, done: Sequence[Record | Asked]) -> None:
        """Append evaluations to the history, in their order; and what awaits an answer."""
        rejected = np.array([self._goals.rejects(r.values) for r in done], dtype=bool)
        self._measured.append(np.array([r.arch for r in done], dtype=np.uint8))
        limited = columns(done, self._limited).values()
        self._values.append(np.stack([*limited], axis=1) if limited else np.empty((len(done), 0)))
        self._rejected.append(rejected[:, None])
        kept = np.flatnonzero(~rejected)
        since = len(rejected) - 1 - kept[-1] if len(kept) else len(rejected)
        self.rejected_in_a_row = int(since) + (0 if len(kept) else self.rejected_in_a_row)
        done = [record for record, out in zip(done, rejected, strict=True) if not out]
        archs = np.array([r.arch for r in done], dtype=np.uint8).reshape(-1, self._space.d)
        values = columns(done, self._goals.metrics)
        self._archs.append(archs)
        failed = [isinstance(r, Record) and r.reason is not None for r in done]
        self._failed.append(np.array(failed, dtype=bool)[:, None])
        self._canonical.append(self._space.canonical(archs))
        self._objectives.append(self._goals.matrix(values))
        self._violation.append(self._goals.violation(values, len(done))[:, None])

    @property
    def stored(self) -> dict[int, Record]:
        """Records of the first round that is not complete, by slot."""
        return self._open.get(self.number, {})

    def history(self, limits: Limits) -> History:
        """Return the complete rounds as a strategy sees them; ``limits`` learn from them."""
        values = dict(zip(self._limited, self._values.filled.T, strict=True))
        measured = Measured(self._measured.filled, values, self._rejected.filled[:, 0])
        return History(
            self._space,
            self._archs.filled,
            self._objectives.filled,
            self._violation.filled[:, 0],
            limits.update(measured),
            self._canonical.filled,
            self._failed.filled[:, 0],
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
