"""What commands print: results on standard output, everything else on standard error."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from archrank.study.record import Record
    from archrank.study.study import Study


def progress_console() -> Console:
    """Where progress goes: standard error, so that results can be piped."""
    return Console(stderr=True)


def say(line: str) -> None:
    """Tell the person at the terminal something."""
    progress_console().print(Text(line), soft_wrap=True)


def print_json(value: Any) -> None:
    """Print JSON on standard output, NaN as null."""
    json.dump(value, sys.stdout, indent=2, allow_nan=False)
    sys.stdout.write("\n")


def show_record(study: Study, record: Record) -> None:
    """Print an architecture with everything that is known about it."""
    from archrank.study.progress import format_value

    console = Console()
    grid = Table.grid(padding=(0, 2))
    grid.add_row("best", Text(record.string, "bold"))
    for metric in study.evaluator.metrics:
        value = record.values[metric.name]
        grid.add_row(Text(metric.name), Text(format_value(value, metric)))
    if not study.feasible(record):
        limits = ", ".join(map(str, study.constraints))
        grid.add_row("", Text(f"no evaluated architecture meets {limits}", "yellow"))
    grid.add_row("evaluations", str(len(study.records)))
    if not console.is_terminal:
        console.width = 1000  # lines of a pipe or a file are not folded
    console.print(grid)


def show_front(study: Study, front: list[Record]) -> None:
    """Print architectures as a table, one per row."""
    from archrank.study.progress import format_value

    console = Console()
    objectives = [o.metric for o in study.objectives]
    others = [m.name for m in study.evaluator.metrics if m.name not in objectives]
    metrics = {m.name: m for m in study.evaluator.metrics}
    shown = objectives + [name for name in others if name in ("macs", "params")]
    table = Table(box=None, pad_edge=False)
    for name in [*shown, "architecture"]:
        table.add_column(Text(name))
    for record in front:
        cells = [format_value(record.values[name], metrics[name]) for name in shown]
        table.add_row(*map(Text, [*cells, record.string]))
    if not console.is_terminal:
        console.width = 1000
    console.print(table)
