"""Output of commands: results go to standard output, everything else to standard error."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from archrank.errors import CallbackWarning

if TYPE_CHECKING:
    from pathlib import Path

    from archrank.study.record import Record
    from archrank.study.results import Results


SHOWN = 12  # metrics of an architecture that are printed


def progress_console() -> Console:
    """Make a console for progress on standard error, so that results can be piped."""
    return Console(stderr=True)


def say(line: str) -> None:
    """Print a line for the user on standard error."""
    progress_console().print(Text(line), soft_wrap=True)


@contextmanager
def warnings_as_lines(console: Console) -> Iterator[None]:
    """Print failures of callbacks as lines for the user; other warnings as Python does."""
    with warnings.catch_warnings():
        usual = warnings.showwarning

        def show(message: Any, category: type[Warning], *where: Any, **options: Any) -> None:
            if issubclass(category, CallbackWarning):
                console.print(Text(str(message)), soft_wrap=True)
            else:
                usual(message, category, *where, **options)

        warnings.simplefilter("always", CallbackWarning)
        warnings.showwarning = show
        yield


def say_own_code(names: Iterable[str], run: Path, *, allowed: bool) -> None:
    """Say whose code a run's settings name, before it is imported.

    Args:
        names: names in the settings.
        run: the run folder.
        allowed: whether the user has said that any of it may be run.

    Raises:
        SettingsError: code that is not where the user is, and that is not allowed.
    """
    from archrank.runs.own_code import permit

    for sentence in permit(names, run, allowed=allowed):
        say(sentence)


def confirm(message: str) -> bool:
    """Ask on the terminal whether to go on all the same; no, where there is nobody to ask."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    say(message)
    sys.stderr.write("Continue all the same? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def print_json(value: Any) -> None:
    """Print JSON on standard output, NaN as null."""
    json.dump(value, sys.stdout, indent=2, allow_nan=False)
    sys.stdout.write("\n")


def show_record(results: Results, record: Record) -> None:
    """Print an architecture with its objectives, constraints and first :data:`SHOWN` metrics.

    Tables may have a column per run and epoch; the report has them all.
    """
    from archrank.formatting import format_value

    metrics = results.description.metrics
    wanted = {o.metric for o in results.objectives} | {c.metric for c in results.constraints}
    listed = [m for i, m in enumerate(metrics) if i < SHOWN or m.name in wanted]
    labels = {o.metric: o.label for o in results.objectives}
    known = [(labels.get(m.name, m.name), format_value(record.values[m.name], m)) for m in listed]
    repeated = f"{len(results.repetitions)} repeated" if results.repetitions else ""
    counts = [f"{len(results.records)}", *filter(None, [repeated, results.rejected_note])]
    show_rows([("best", record.string), *known, ("evaluations", ", ".join(counts))])
    if len(listed) < len(metrics):
        say(f"{len(metrics) - len(listed)} more metrics in the report")


def show_recommended(results: Results) -> None:
    """Print what a run recommends, and say how sure that is, where scores are noisy.

    Raises:
        InfeasibleError: no evaluated architecture keeps every constraint; names the nearest.
        EvaluationError: nothing was evaluated successfully yet.
    """
    show_record(results, results.recommended)
    for sentence in results.sureness:
        say(sentence)


def show_front(results: Results) -> None:
    """Print architectures as a table, one per row."""
    from archrank.formatting import format_value

    metrics = results.metrics
    labels = {o.metric: o.label for o in results.objectives}
    shown = list(labels)
    shown += [
        name
        for cost in ("macs", "params")
        for name, metric in metrics.items()
        if metric.short_name == cost and name not in shown
    ]
    rows = [(*(labels.get(name, name) for name in shown), "architecture")]
    for record in results.front:
        cells = [format_value(record.values[name], metrics[name]) for name in shown]
        rows.append((*cells, record.string))
    show_rows(rows)


def show_rows(rows: Sequence[tuple[str, ...]]) -> None:
    """Print aligned columns on standard output, never folded: they may be piped."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        print("  ".join(cells).rstrip())
