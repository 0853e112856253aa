"""Progress of a command that counts: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from archrank.display.timer import Timer
from archrank.formatting import whole_duration

if TYPE_CHECKING:
    from typing_extensions import Self


class OnTerminal:
    """Bar that is live inside the block, on a terminal alone.

    Args:
        console: Where to show it.
        bar: What to show.
    """

    def __init__(self, console: Console, bar: Progress) -> None:
        self._console, self._bar = console, bar

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._console.is_terminal:
            self._bar.stop()


class Counting(OnTerminal):
    """Progress of ``done`` of ``of``, with the time that has passed and an estimate of the rest.

    Args:
        console: Where to show it.
        doing: What is done, in one word: ``reading``.
        unit: Plural noun of what is counted; parts of a hundred if empty.
    """

    def __init__(self, console: Console, doing: str, unit: str = "") -> None:
        bar = Progress(
            TextColumn(f"[bold]{doing}"),
            BarColumn(),
            TextColumn("{task.fields[far]}elapsed"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        super().__init__(console, bar)
        self._doing, self._unit = doing, unit
        self._task = self._bar.add_task("", total=None, far="")
        self._timer = Timer()

    def progress(self, done: int, of: int) -> None:
        """Show that ``done`` of ``of`` is finished."""
        part = f"{done} of {of} {self._unit}" if self._unit else f"{100 * done / max(of, 1):.0f} %"
        if self._console.is_terminal:
            self._bar.update(self._task, completed=done, total=of, far=f"{part}, ")
            return
        if not self._timer.due():
            return
        passed = self._timer.elapsed
        rest = f", about {whole_duration(passed * (of - done) / done)} left" if done else ""
        line = f"{self._doing}: {part}, elapsed {whole_duration(passed)}{rest}"
        self._console.print(Text(line), soft_wrap=True)
