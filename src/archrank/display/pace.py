"""Texts about a search that runs: how far it is, how long it takes, what it found, what it does."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from archrank.errors import EvaluationError
from archrank.formatting import format_value, whole_duration

if TYPE_CHECKING:
    from archrank.study.record import Record
    from archrank.study.study import Study

LAST = 3  # results that are shown
NAMED = 4  # of the architectures that are evaluated
NONE = "none yet"


class Pace:
    """Progress of one session of a run, in texts.

    Args:
        study: The run, with what earlier sessions stored.
        budget: Evaluations in total, or ``None``.
        minutes: Working time in total, or ``None``.
    """

    def __init__(self, study: Study, budget: int | None, minutes: float | None) -> None:
        self.study = study
        self.budget = budget
        self.seconds = None if minutes is None else minutes * 60
        self.best = best_text(study)
        self.last: list[str] = []
        first = study.objectives[0].metric
        self._metric = next(m for m in study.description.metrics if m.name == first)
        self._before = self._spent
        self._worked = max((r.elapsed for r in study.records), default=0.0)
        self._start = time.monotonic()
        self._waiting: list[str] = []
        self._since = self._start

    def works_on(self, archs: Sequence[str]) -> None:
        """Note the architectures that are evaluated from now on; none while one proposes."""
        self._waiting = list(archs)
        self._since = time.monotonic()

    def finished(self, record: Record) -> None:
        """Note a finished evaluation."""
        if record.string in self._waiting:
            self._waiting.remove(record.string)
        self._since = time.monotonic()
        value = record.values[self._metric.name]
        shown = "failed" if record.reason is not None else format_value(value, self._metric)
        if self.study.goals.rejects(record.values):
            shown = "broke a limit"
        self.last = [shown, *self.last][:LAST]

    def look(self) -> None:
        """Find the best evaluation so far, which takes a while in a long history."""
        self.best = best_text(self.study)

    @property
    def elapsed(self) -> float:
        """Seconds of this session."""
        return time.monotonic() - self._start

    @property
    def done(self) -> float:
        """Part of the budget that is spent, from 0 to 1."""
        parts = [0.0]
        if self.budget is not None:
            parts.append(self._spent / self.budget)
        if self.seconds is not None:
            parts.append((self._worked + self.elapsed) / self.seconds)
        return min(max(parts), 1.0)

    @property
    def count(self) -> str:
        """Evaluations so far: ``12 of 60 evaluations``."""
        n, note = self._spent, self.study.results.rejected_note
        more = f", {note}" if note else ""
        if self.budget is None:
            return f"{n} evaluation{'s' * (n != 1)}{more}"
        return f"{n} of {self.budget} evaluations{more}"

    @property
    def _spent(self) -> int:
        """Evaluations that count towards the budget."""
        return len(self.study.results.records)

    @property
    def left(self) -> str:
        """Estimate of the time left; empty until an evaluation of this session has finished."""
        ends = [] if self.seconds is None else [self.seconds - self._worked - self.elapsed]
        new = self._spent - self._before
        if self.budget is not None and new:
            # at the moment of the last result; since then its successors run
            each = (self._since - self._start) / new
            passed = time.monotonic() - self._since
            ends.append(each * (self.budget - self._spent) - passed)
        return f"about {whole_duration(max(min(ends), 0))} left" if ends else ""

    @property
    def now(self) -> str:
        """The architectures that are evaluated now, and for how long nothing has finished."""
        for_long = whole_duration(time.monotonic() - self._since)
        if not self._waiting:
            return f"choosing the next architectures, for {for_long}"
        rest = len(self._waiting) - NAMED
        more = f" and {rest} more" if rest > 0 else ""
        named = ", ".join(self._waiting[:NAMED])
        return f"evaluating {len(self._waiting)}, for {for_long}: {named}{more}"


def best_text(study: Study) -> str:
    """Return the objectives of the best evaluation so far, :data:`NONE` while there is none."""
    results = study.results
    try:
        best = results.nearest
    except EvaluationError:
        return NONE
    shown = [
        f"{o.metric} {format_value(best.values[o.metric], results.metrics[o.metric])}"
        for o in results.objectives
    ]
    return ", ".join(shown) + ("" if results.is_feasible(best) else " (infeasible)")
