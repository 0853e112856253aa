"""Progress of an assessment: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar
from rich.text import Text

from archrank.display.timer import Timer
from archrank.formatting import whole_duration

if TYPE_CHECKING:
    from archrank.assess.grid import Done, Watcher


def display(console: Console) -> Watcher:
    """Return a live bar for a terminal, plain lines for anything else."""
    return LiveBar(console) if console.is_terminal else PlainLines(console)


class LiveBar:
    """Bar with the number of fits, the time left and the last result."""

    def __init__(self, console: Console) -> None:
        self._bar = Bar(
            TextColumn("[bold]assessing"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("fits, elapsed"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[last]}"),
            console=console,
        )
        self._task: TaskID | None = None

    def started(self, total: int, done: int) -> None:
        """Show the bar; stored fits count."""
        self._bar.start()
        self._task = self._bar.add_task("", total=total, completed=done, last="")

    def finished_one(self, done: Done) -> None:
        """Move the bar; print the reason of a failure above it."""
        reason = failure(done)
        if reason is not None:
            self._bar.console.print(Text(reason, "yellow"))
        if self._task is not None:
            self._bar.update(self._task, advance=1, last=summary(done))

    def ended(self) -> None:
        """Stop the bar; it stays on the screen."""
        self._bar.stop()


class PlainLines:
    """Prints a line now and then, and one per failure."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._total = self._done = self._before = 0
        self._timer = Timer()

    def started(self, total: int, done: int) -> None:
        """Print the number of stored fits, if there are any."""
        self._total, self._done, self._before = total, done, done
        self._timer = Timer()
        if done:
            self._print(f"continuing after {done} of {total} fits")

    def finished_one(self, done: Done) -> None:
        """Print the reason of a failure, or the progress."""
        self._done += 1
        reason = failure(done)
        if reason is not None:
            self._print(reason)
        if self._timer.due():
            each = self._timer.elapsed / (self._done - self._before)
            left = whole_duration(each * (self._total - self._done))
            self._print(f"{self._done}/{self._total} fits, {summary(done)}, about {left} left")

    def ended(self) -> None:
        """Print nothing."""

    def _print(self, line: str) -> None:
        self._console.print(Text(line), soft_wrap=True)


def summary(done: Done) -> str:
    """Return ranker, number of labels, and tau on the truth after the last stage."""
    cell = done.cell
    taus = [row["tau"] for row in done.rows if row["transfer"] == "none"]
    return f"{cell.ranker} {cell.train_size} labels: tau {taus[-1]:.3f}"


def failure(done: Done) -> str | None:
    """Return the first reason why a part of a fit failed; ``None`` if none did."""
    reason = next((row["failure"] for row in done.rows if row["failure"]), None)
    if reason is None:
        return None
    cell = done.cell
    return (
        f"{cell.ranker} with {cell.train_size} labels, data seed {cell.data_seed}, model seed "
        f"{cell.model_seed} failed: {reason}"
    )
