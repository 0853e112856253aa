"""Progress of a search: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from archrank.errors import EvaluationError
from archrank.formatting import format_value

if TYPE_CHECKING:
    from archrank.study.record import Record
    from archrank.study.study import Study, Watcher

QUIET = 5.0  # seconds without a plain line before one is printed although nothing improved


def watcher(console: Console | None = None) -> Watcher:
    """Return a live bar for a terminal, plain lines for anything else."""
    console = console or Console(stderr=True)
    return LiveView(console) if console.is_terminal else PlainLines(console)


class LiveView:
    """Bar with evaluations, seconds per evaluation, time left and the best so far."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[count]}"),
            TextColumn("{task.fields[pace]}"),
            TimeRemainingColumn(),
            TextColumn("best [bold green]{task.fields[best]}"),
            console=console,
        )
        self._task: TaskID | None = None
        self._pace = _Pace()

    def started(self, study: Study, budget: int | None, minutes: float | None) -> None:
        """Show the bar; stored evaluations count."""
        self._pace = _Pace(study, budget, minutes)
        self._progress.start()
        self._task = self._progress.add_task(
            "searching", total=self._pace.total, count="", pace="", best="-"
        )
        self._update(study)

    def finished_one(self, study: Study, record: Record) -> None:
        """Move the bar; print the reason of a failure above it."""
        if record.reason:
            self._progress.console.print(Text(f"{record.string} failed: {record.reason}", "yellow"))
        self._update(study)

    def ended(self, study: Study) -> None:
        """Stop the bar; it stays on the screen."""
        self._progress.stop()

    def _update(self, study: Study) -> None:
        if self._task is None:
            return
        self._progress.update(
            self._task,
            completed=self._pace.completed(study),
            count=self._pace.count(study),
            pace=self._pace.per_evaluation(study),
            best=best_text(study),
        )


class PlainLines:
    """Prints a line per improvement, and one every few seconds between."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._pace = _Pace()
        self._best = ""
        self._last = 0.0

    def started(self, study: Study, budget: int | None, minutes: float | None) -> None:
        """Print the number of stored evaluations, if there are any."""
        self._pace = _Pace(study, budget, minutes)
        self._last = time.monotonic()
        if study.records:
            self._print(f"continuing after {len(study.records)} evaluations")

    def finished_one(self, study: Study, record: Record) -> None:
        """Print the reason of a failure, an improvement, or a sign of life."""
        if record.reason:
            self._print(f"{record.string} failed: {record.reason}")
        best = best_text(study)
        if best != self._best or time.monotonic() - self._last > QUIET:
            self._best = best
            self._last = time.monotonic()
            left = self._pace.left(study)
            self._print(
                f"{self._pace.count(study)} evaluations, best {best}, "
                f"{self._pace.per_evaluation(study)}" + (f", {left} left" if left else "")
            )

    def ended(self, study: Study) -> None:
        """Print nothing."""

    def _print(self, line: str) -> None:
        self._console.print(Text(line), soft_wrap=True)


class _Pace:
    """Progress and speed of a run, for the displays."""

    def __init__(
        self, study: Study | None = None, budget: int | None = None, minutes: float | None = None
    ) -> None:
        self._budget = budget
        self._seconds = None if minutes is None else minutes * 60
        self._before = len(study.records) if study else 0
        self._offset = max((r.elapsed for r in study.records), default=0.0) if study else 0.0
        self._start = time.monotonic()

    @property
    def total(self) -> float:
        return float(self._budget if self._budget is not None else self._seconds or 0.0)

    def completed(self, study: Study) -> float:
        if self._budget is not None:
            return len(study.records)
        return min(self._offset + time.monotonic() - self._start, self.total)

    def count(self, study: Study) -> str:
        return f"{len(study.records)}" + (f"/{self._budget}" if self._budget is not None else "")

    def _seconds_each(self, study: Study) -> float | None:
        done = len(study.records) - self._before
        return (time.monotonic() - self._start) / done if done else None

    def per_evaluation(self, study: Study) -> str:
        each = self._seconds_each(study)
        return "" if each is None else f"{each:.2f} s each"

    def left(self, study: Study) -> str:
        each = self._seconds_each(study)
        if each is None or self._budget is None:
            return ""
        return f"{each * (self._budget - len(study.records)):.0f} s"


def best_text(study: Study) -> str:
    """Return the objectives of the best evaluation so far, ``-`` while there is none."""
    results = study.results
    try:
        best = results.nearest
    except EvaluationError:
        return "-"
    shown = [
        f"{o.metric} {format_value(best.values[o.metric], results.metrics[o.metric])}"
        for o in results.objectives
    ]
    return ", ".join(shown) + ("" if results.is_feasible(best) else " (infeasible)")
