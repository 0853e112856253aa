"""``archrank reproduce``: published tables, paper beside ours."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from archrank.cli.output import print_json, progress_console, say, show_rows
from archrank.cli.workers import INTERRUPTED, running
from archrank.errors import SettingsError
from archrank.files import write_json, write_text

if TYPE_CHECKING:
    from archrank.reproduce import Comparison


@dataclass
class Reproduce:
    """Run a published table on the published measurements and print paper beside ours.

    Without a name: lists what can be reproduced.
    """

    name: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="[NAME]")] = ""
    """Which table or figure."""
    data: Path | None = None
    """Where tables lie; else the environment variable ARCHRANK_DATA."""
    tables: Literal["published", "builtin"] = "published"
    """builtin: run the same protocol on the tables that ship with the package, offline."""
    quick: bool = False
    """Fewer runs and shorter pretraining: minutes instead of hours."""
    seeds: int | None = None
    """Repetitions; the paper's number, or few when quick, if left out."""
    workers: int = 1
    """Processes that fit."""
    json: bool = False
    """Print JSON."""
    out: Path | None = None
    """Write NAME.json and NAME.txt to this folder, and keep finished runs there meanwhile."""

    def __call__(self) -> int:
        """List or run; the exit status."""
        if not self.name:
            self._list()
            return 0
        from archrank.reproduce import reproduce

        try:
            with progress_console().status("reading") as status, running(self.workers) as pool:
                comparison = reproduce(
                    self.name,
                    data=self.data,
                    tables=self.tables,
                    quick=self.quick,
                    seeds=self.seeds,
                    out=self.out,
                    executor=pool,
                    progress=lambda done, of: status.update(f"{done} of {of} runs"),
                )
        except KeyboardInterrupt:
            kept = f"finished runs are kept in {self.out}, repeat the command to go on"
            say(f"stopped; {kept if self.out is not None else 'nothing is kept, --out DIR would'}")
            return INTERRUPTED
        self._show(comparison)
        return 0

    def _list(self) -> None:
        from archrank.reproduce.catalogue import REPRODUCTIONS

        if self.quick or self.seeds is not None or self.out is not None:
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
        if self.out is not None:
            write_json(self.out / f"{item.name}.json", values, parents=True)
            write_text(self.out / f"{item.name}.txt", page(item, comparison))
        if self.json:
            print_json(values)
            return
        show_rows(rows_of(comparison.rows))
        for line in lines(comparison):
            print(line)
