"""Files of a comparison: the page, the figures as SVG, the plotted numbers and tables as CSV."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from archrank.comparison.figures import FILES, figure
from archrank.comparison.page import render
from archrank.files import write_text
from archrank.locking import make_folder
from archrank.report.page import SYMBOLS
from archrank.report.series import series_style, series_symbols
from archrank.report.standalone import standalone

if TYPE_CHECKING:
    from archrank.comparison.comparison import Comparison

PAGE = "comparison.html"


def write_all(found: Comparison, folder: Path) -> Path:
    """Write all files of a comparison into ``folder``; return the path of the page.

    Raises:
        StorageError: a file cannot be written.
    """
    make_folder(folder, "folder", "--out")
    n = len(found.groups)
    symbols, style = SYMBOLS | series_symbols(n), series_style(n)
    for name, over_cost in FILES.items():
        drawn = figure(found, over_cost=over_cost)
        if drawn is not None:
            write_text(folder / f"{name}.svg", standalone(drawn, symbols, style=style))
        write_text(folder / f"{name}.csv", _csv(_points(found, over_cost=over_cost)))
    write_text(folder / "groups.csv", _csv(_groups(found)))
    return write_text(folder / PAGE, render(found))


def _points(found: Comparison, *, over_cost: bool) -> Iterator[tuple[object, ...]]:
    """Yield the plotted numbers, as measured, in the metric's own unit."""
    metric = found.measure.metric.name
    yield "group", found.cost if over_cost else "evaluations", metric, "low", "high", "runs"
    for group, curve in zip(found.groups, found.curves(over_cost=over_cost), strict=True):
        columns = (curve.x, curve.mean, curve.low, curve.high)
        for numbers in zip(*(column.tolist() for column in columns), strict=True):
            yield group.name, *map(_cell, numbers), len(group.runs)


def _groups(found: Comparison) -> Iterator[tuple[object, ...]]:
    """Yield every run's value, and its evaluations to the target."""
    metric = found.measure.metric.name
    yield "group", "run", "seed", f"{metric} after {found.budget}", "evaluations to the target"
    for group, summary in zip(found.groups, found.summaries, strict=True):
        numbers = zip(group.runs, summary.values.tolist(), summary.reached.tolist(), strict=True)
        for run, value, reached in numbers:
            yield group.name, run.name, run.seed, _cell(value), _cell(reached)


def _cell(value: float) -> str:
    """Write a number with all its digits; nothing for NaN and infinity."""
    return f"{value:.12g}" if math.isfinite(value) else ""


def _csv(rows: Iterable[tuple[object, ...]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
