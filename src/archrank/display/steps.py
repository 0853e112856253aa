"""Progress of a command whose work consists of several steps: one count after the other."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

from rich.console import Console
from rich.text import Text

from archrank.display.count import Counting


class Steps:
    """Progress of steps, each announced by a line; nothing is shown before the first begins.

    Args:
        console: Where to show it.
        begin: Called before the first step is shown.
    """

    def __init__(self, console: Console, begin: Callable[[], object]) -> None:
        self._console = console
        self._begin = begin
        self._doing = ""
        self._count: Counting | None = None

    def __enter__(self) -> Steps:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.end()

    def __call__(self, doing: str, done: int, of: int) -> None:
        """Show that ``done`` of ``of`` parts of the step ``doing`` are finished."""
        if doing != self._doing:
            if not self._doing:
                self._begin()
            self.end()
            self._doing = doing
            self._console.print(Text(doing), soft_wrap=True)
            self._count = Counting(self._console, doing).__enter__()
        assert self._count is not None
        self._count.progress(done, of)

    def end(self) -> None:
        """Take the last count off the terminal."""
        if self._count is not None:
            self._count.__exit__(None, None, None)
            self._count = None
