"""Progress of a search: three live lines on a terminal, plain lines elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

from archrank.display.pace import Pace
from archrank.formatting import whole_duration

if TYPE_CHECKING:
    from archrank.study.callbacks import Watcher
    from archrank.study.record import Record
    from archrank.study.study import Study

QUICK = 1.0  # seconds between plain lines at least
QUIET = 30.0  # seconds without a plain line before one says that the search is alive
LOOKS = 0.25  # seconds between looks for the best so far at least


def watcher(console: Console | None = None) -> Watcher:
    """Return live lines for a terminal that can move its cursor, plain lines for anything else."""
    console = console or Console(stderr=True)
    live = console.is_terminal and not console.is_dumb_terminal
    return LiveView(console) if live else PlainLines(console)


class LiveView:
    """Three lines that stay in place: how far and how long, best and last results, what runs."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(self, console=console, refresh_per_second=4)
        self._pace: Pace | None = None
        self._looked = 0.0

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from self.lines(options.max_width, "#-" if options.ascii_only else "━╌")

    def lines(self, width: int, marks: str = "━╌") -> list[Text]:
        """Return the lines for a terminal of ``width`` columns; what is too long is cut.

        Args:
            width: Columns of the terminal.
            marks: Characters of the bar, for what is done and what is left.
        """
        pace = self._pace
        if pace is None:
            return []
        far = f"{pace.count}, elapsed {whole_duration(pace.elapsed)}"
        far += f", {pace.left}" if pace.left else ""
        room = min(width - len(far) - 2, 30)
        full = round(room * pace.done)
        bar = marks[0] * full + marks[1] * (room - full) if room >= 8 else ""
        last = f"   last {', '.join(pace.last)}" if pace.last else ""
        lines = [
            Text.assemble((bar, "green"), " " * bool(bar), far),
            Text.assemble("best ", (pace.best, "bold green"), last),
            Text.assemble("now  ", (pace.now, "dim")),
        ]
        for line in lines:
            line.no_wrap, line.overflow = True, "ellipsis"
        return lines

    def started(self, study: Study, budget: int | None, minutes: float | None) -> None:
        """Show the lines; stored evaluations count."""
        self._pace = Pace(study, budget, minutes)
        self._live.start(refresh=True)

    def works_on(self, study: Study, archs: Sequence[str]) -> None:
        """Show what runs."""
        if self._pace is not None:
            self._pace.works_on(archs)

    def finished_one(self, study: Study, record: Record) -> None:
        """Count it; print the reason of a failure above the lines."""
        if self._pace is None:
            return
        self._pace.finished(record)
        if record.reason and not study.goals.rejects(record.values):
            self._console.print(Text(f"{record.string} failed: {record.reason}", "yellow"))
        if time.monotonic() - self._looked >= LOOKS:
            self._pace.look()
            self._looked = time.monotonic()

    def ended(self, study: Study) -> None:
        """Take the lines away: what was found is printed next."""
        self._live.transient = True
        self._live.stop()


class PlainLines:
    """Prints a line when the best gets better, and one every half minute in between."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._pace: Pace | None = None
        self._best = ""
        self._printed = 0.0
        self._ended = threading.Event()
        self._lock = threading.Lock()

    def started(self, study: Study, budget: int | None, minutes: float | None) -> None:
        """Print how many evaluations there are to do, and begin to watch the time."""
        self._pace = Pace(study, budget, minutes)
        self._best = self._pace.best
        stored = f", continuing after {len(study.results.records)}" if study.records else ""
        counted = f"{budget} evaluation{'s' * (budget != 1)}"
        limit = f"{minutes:g} minutes" if budget is None else counted
        self._print(f"searching until {limit}{stored}")
        threading.Thread(target=self._watch, daemon=True).start()

    def works_on(self, study: Study, archs: Sequence[str]) -> None:
        """Note what runs."""
        if self._pace is not None:
            self._pace.works_on(archs)

    def finished_one(self, study: Study, record: Record) -> None:
        """Print the reason of a failure, or an improvement unless a line was printed just now."""
        if self._pace is None:
            return
        self._pace.finished(record)
        if record.reason and not study.goals.rejects(record.values):
            self._print(f"{record.string} failed: {record.reason}")
        if time.monotonic() - self._printed >= QUICK:
            self._pace.look()
            if self._pace.best != self._best:
                self._say()

    def ended(self, study: Study) -> None:
        """Print the last state, if no line has told it."""
        self._ended.set()
        if self._pace is not None:
            self._pace.look()
            if self._pace.best != self._best:
                self._say()

    def beat(self) -> None:
        """Print a line if none was printed for :data:`QUIET` seconds."""
        if self._pace is not None and time.monotonic() - self._printed >= QUIET:
            self._say(f"; {self._pace.now}")

    def _watch(self) -> None:
        while not self._ended.wait(timeout=1.0):
            self.beat()

    def _say(self, more: str = "") -> None:
        assert self._pace is not None
        pace = self._pace
        self._best = pace.best
        left = f", {pace.left}" if pace.left else ""
        elapsed = f"elapsed {whole_duration(pace.elapsed)}"
        self._print(f"{pace.count}, best {pace.best}, {elapsed}{left}{more}")

    def _print(self, line: str) -> None:
        with self._lock:  # the watching thread prints, too
            self._printed = time.monotonic()
            self._console.print(Text(line), soft_wrap=True)
