"""Tables of a study of supernets as text, the paper's numbers beside ours."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archrank.assess.judging import Measure
from archrank.assess.supernets.base import FORMATS, Row
from archrank.assess.supernets.parts import KINDS
from archrank.formatting import MISSING, si

if TYPE_CHECKING:
    from archrank.assess.supernets.study import SupernetStudy

HIDDEN = {  # criteria that a part's table leaves out, to be readable; raw results have them
    "checkpoints": ("tau_top_half",),
    "sampling": ("spearman", "pearson", "tau_top_half"),
    "samples": ("spearman", "pearson", "tau_top_half", "br_at_one"),
    "proxies": ("spearman", "pearson", "br_at_one"),
    "subsets": ("spearman", "pearson", "tau_top_half", "p_at_50"),
    "labels": ("pearson", "p_at_50"),
    "statistics": ("spearman", "pearson", "br_at_one"),
    "cures": ("spearman", "pearson", "br_at_one"),
    "averages": ("spearman", "pearson", "br_at_one"),
    "scores": ("br_at_one",),
}


@dataclass(frozen=True)
class Line:
    """One line of a table: its subject, its place on the axis, the cells of its columns."""

    subject: str
    at: str
    cells: tuple[str, ...]
    paper: bool = False


@dataclass(frozen=True)
class Table:
    """A part's table.

    Attributes:
        title: Heading.
        source: Place in the paper.
        axis: Name of the second column; empty if there is none.
        columns: Titles of the criteria.
        lines: Lines in order; a line of the paper follows the one that it is beside.
    """

    title: str
    source: str
    axis: str
    columns: tuple[str, ...]
    lines: tuple[Line, ...]

    def rows(self) -> list[tuple[str, ...]]:
        """Write a heading and one row per line."""
        axis = (self.axis,) if self.axis else ()
        rows = [("", *axis, *self.columns)]
        for line in self.lines:
            subject = f"  paper, {line.subject}" if line.paper else line.subject
            rows.append((subject, *((line.at,) if self.axis else ()), *line.cells))
        return rows


def tables(study: SupernetStudy) -> Iterator[tuple[str, Table]]:
    """Yield the part and its table of all parts; predictors have one per kind of rows."""
    for name in study.settings.parts:
        rows = study.part(name)
        part = KINDS[name]
        if name != "predictors":
            if rows:
                hidden = HIDDEN.get(name, ())
                yield name, table(part.title, part.source, part.axis, rows, hidden)
            continue
        for words, axis, chosen in (
            ("by loss", "", [r for r in rows if "loss" in r.subject]),
            ("by MACs", "group of rising MACs", [r for r in rows if "by MACs" in r.subject]),
            ("in stages", "stage", [r for r in rows if "in stages" in r.subject]),
        ):
            if chosen:
                yield name, table(f"{part.title} {words}", part.source, axis, chosen)


def table(
    title: str, source: str, axis: str, rows: Sequence[Row], hidden: Sequence[str] = ()
) -> Table:
    """Make a table: a line per subject and place, a column per criterion."""
    used = {row.criterion for row in rows} - set(hidden)
    measures = [measure for name, measure in FORMATS.items() if name in used]
    lines: dict[tuple[str, float], dict[str, Row]] = {}
    order = {subject: i for i, subject in enumerate(dict.fromkeys(r.subject for r in rows))}
    for row in sorted(rows, key=lambda row: order[row.subject]):
        at = -1.0 if math.isnan(row.at) else row.at
        lines.setdefault((row.subject, at), {})[row.criterion] = row
    if not any(at >= 0 for _, at in lines):
        axis = ""
    written: list[Line] = []
    for (subject, at), found in lines.items():
        place = f"{at:g}" if at >= 0 else ""
        cells = tuple(_ours(measure, found.get(measure.name)) for measure in measures)
        written.append(Line(subject, place, cells))
        printed = {row.where for row in found.values() if row.paper is not None}
        if printed:
            cells = tuple(_paper(measure, found.get(measure.name)) for measure in measures)
            written.append(Line(", ".join(sorted(printed)), "", cells, paper=True))
    return Table(title, source, axis, tuple(m.title for m in measures), tuple(written))


def _ours(measure: Measure, row: Row | None) -> str:
    if row is None or math.isnan(row.mean):
        return MISSING if row is not None else ""
    if measure.name in ("forwards", "macs"):
        return si(row.mean)
    spread = "" if math.isnan(row.sd) else f" ± {measure.text(row.sd)}"
    return f"{measure.text(row.mean)}{spread}"


def _paper(measure: Measure, row: Row | None) -> str:
    return "" if row is None or row.paper is None else measure.text(row.paper)


def finding_lines(study: SupernetStudy) -> list[str]:
    """Write the eight findings, each with its verdict and the numbers that decided."""
    return [f"finding {f.number}, {f.text}: {f.verdict} ({f.measured})" for f in study.findings]
