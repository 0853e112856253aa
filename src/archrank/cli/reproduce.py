"""Command ``archrank reproduce``, which compares published tables with own results."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from archrank.cli.options import POSITIONAL
from archrank.cli.output import print_json, progress_console, say, show_rows
from archrank.cli.workers import INTERRUPTED, running
from archrank.errors import SettingsError
from archrank.files import write_json, write_text

if TYPE_CHECKING:
    from archrank.reproduce import Comparison


@dataclass
class Reproduce:
    """Reproduce a published table, and print the paper's numbers next to ours.

    Lists the tables and figures that can be reproduced if no name is given.
    """

    name: Annotated[str, "[NAME]", POSITIONAL] = ""
    """Name of the table or figure."""
    data: Annotated[Path | None, "DIR"] = None
    """Folder of the published tables (default: what ARCHRANK_DATA names)."""
    tables: Literal["published", "builtin"] = "published"
    """builtin: run the same protocol on the built-in tables, without other files."""
    quick: bool = False
    """Do fewer runs and a shorter pretraining: minutes instead of hours."""
    seeds: int | None = None
    """Number of repetitions (default: the paper's number, fewer with --quick)."""
    workers: int = 1
    """Number of worker processes."""
    json: bool = False
    """Print JSON."""
    run: Annotated[Path | None, "DIR"] = None
    """Folder for NAME.json, NAME.txt and, if there are charts, NAME.html, from which a stopped
    reproduction continues (default: nothing is kept)."""

    def __call__(self) -> int:
        """List or run; the exit status."""
        if not self.name:
            self._list()
            return 0
        from archrank.display.count import Counting
        from archrank.reproduce import reproduce

        counting = Counting(progress_console(), "reproducing", "runs")
        try:
            with counting, running(self.workers) as pool:
                comparison = reproduce(
                    self.name,
                    data=self.data,
                    tables=self.tables,
                    quick=self.quick,
                    seeds=self.seeds,
                    out=self.run,
                    executor=pool,
                    progress=counting.progress,
                    announce=say,
                )
        except KeyboardInterrupt:
            kept = f"finished runs are kept in {self.run}, repeat the command to go on"
            say(f"stopped; {kept if self.run is not None else 'nothing is kept, --run DIR would'}")
            return INTERRUPTED
        self._show(comparison)
        return 0

    def _list(self) -> None:
        from archrank.reproduce.catalogue import REPRODUCTIONS

        if self.quick or self.seeds is not None or self.run is not None:
            raise SettingsError(
                "no name given: use archrank reproduce NAME; archrank reproduce lists the names"
            )
        items = REPRODUCTIONS.values()
        if self.json:
            keys = ("name", "source", "title", "files", "seeds", "quick_seeds")
            print_json([{key: getattr(item, key) for key in keys} for item in items])
            return
        rows = [(i.name, i.source, i.title, " ".join(i.files)) for i in items]
        show_rows([("name", "source", "what", "tables"), *rows])

    def _show(self, comparison: Comparison) -> None:
        from archrank.reproduce.catalogue import find
        from archrank.reproduce.text import lines, page, rows_of, to_json

        item = find(self.name)
        values = to_json(item, comparison, self.quick)
        if self.run is not None:
            write_json(self.run / f"{item.name}.json", values, parents=True)
            write_text(self.run / f"{item.name}.txt", page(item, comparison))
            if comparison.figures:
                from archrank.reproduce.page import render

                write_text(self.run / f"{item.name}.html", render(item, comparison))
        if self.json:
            print_json(values)
            return
        show_rows(rows_of(comparison.rows))
        for line in lines(comparison):
            print(line)
