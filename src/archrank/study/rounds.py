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
from archrank.types import Archs

T = TypeVar("T", bound=np.generic)

Slots = dict[int, Archs]
"""Architectures ``(d,)`` of a round by their slot."""

OUT_OF_REACH = 100  # a run ends when this many in a row break a limit before they are trained
HOPELESS = 5  # a run whose first evaluations, at least this many, all fail ends after the round


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
        self._ends: list[tuple[int, int]] = []  # of each round: rows of the history, and measured
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
        while self._ledger.is_complete(self.number, found := self._open.get(self.number, {})):
            self.fold([found[slot] for slot in sorted(found)])
            self._open.pop(self.number, None)
            self._ends.append((len(self._archs.filled), len(self._measured.filled)))
            self.number += 1

    def fold(self, done: Sequence[Record | Asked]) -> None:
        """Append evaluations to the history, in their order; and what awaits an answer."""
        if not done:
            return
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

    def stored_of(self, number: int) -> dict[int, Record]:
        """Return the records of a round that is not complete, by slot."""
        return self._open.get(number, {})

    def rows(self, number: int) -> Archs:
        """Return what was measured in a round that is complete: ``(k, d)``."""
        start = self._ends[number - 1][1] if number else 0
        return self._measured.filled[start : self._ends[number][1]]

    def rows_with(self, number: int, missing: Slots) -> Archs:
        """Return all of a round that is not complete, ``missing`` being the rest: ``(k, d)``."""
        found = {slot: record.arch for slot, record in self.stored_of(number).items()}
        found = {**missing, **found}
        return np.array([found[slot] for slot in sorted(found)], dtype=np.uint8)

    def is_over(self, since: int) -> bool:
        """Tell whether a run is to end here, whatever its budget.

        Args:
            since: round that was the first incomplete one when the run last went on.
        """
        hopeless = self.number > since and self.is_hopeless
        return hopeless or self.rejected_in_a_row >= OUT_OF_REACH

    @property
    def is_hopeless(self) -> bool:
        """True if there are :data:`HOPELESS` evaluations or more, and all have failed."""
        return HOPELESS <= self.failed == self.spent

    def history(
        self, limits: Limits, *, until: int | None = None, pending: Archs | None = None
    ) -> History:
        """Return the complete rounds as a strategy sees them; ``limits`` learn from them.

        Args:
            limits: rule of what may be proposed.
            until: only the rounds before this one; ``None`` is all.
            pending: ``(k, d)`` what else is being evaluated, of which nothing is to be known.
        """
        known, measured = len(self._archs.filled), len(self._measured.filled)
        if until is not None:
            known, measured = self._ends[until - 1] if until else (0, 0)
        limited = self._values.filled[:measured].T
        values = dict(zip(self._limited, limited, strict=True))
        rejected = self._rejected.filled[:measured, 0]
        region = limits.update(Measured(self._measured.filled[:measured], values, rejected))
        history = History(
            self._space,
            self._archs.filled[:known],
            self._objectives.filled[:known],
            self._violation.filled[:known, 0],
            region,
            self._canonical.filled[:known],
            self._failed.filled[:known, 0],
        )
        return history if pending is None else history.followed_by(pending)


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
