"""HTML page of a study of supernets: findings, tables, figures, settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from html import escape
from typing import TYPE_CHECKING

from archrank.assess.figures import style
from archrank.assess.supernets.figures import MOST, figures
from archrank.assess.supernets.text import Table, tables
from archrank.environment import environment
from archrank.report.page import SYMBOLS, draw_figure, page
from archrank.report.series import series_symbols
from archrank.report.tables import listing

if TYPE_CHECKING:
    from archrank.assess.supernets.study import SupernetStudy

SERIES = tuple(map(str, range(MOST)))
STYLE = """
tr.paper td { color: var(--muted); border-top: 0; padding-top: 0; }
tr.paper td:first-child { padding-left: 14px; font-style: italic; }
tr.ours:has(+ tr.paper) > * { border-bottom: 0; padding-bottom: 2px; }
.findings { margin: 0 0 12px; padding-left: 1.6em; }
.findings li { margin-bottom: 8px; overflow-wrap: anywhere; }
.findings span { font-weight: 600; white-space: nowrap; }
.yes { color: var(--blue); } .no { color: var(--red); } .open { color: var(--muted); }
.spreads td:first-child { min-width: 15ch; }
thead th.num { white-space: normal; min-width: 8ch; }
"""
CLASSES = {"reproduced": "yes", "not reproduced": "no", "not asked here": "open"}


def render(study: SupernetStudy) -> str:
    """Write the page as HTML text."""
    return page(
        study.heading,
        study.caption,
        "\n".join(_body(study)),
        style=style(SERIES) + STYLE,
    )


def _body(study: SupernetStudy) -> Iterator[str]:
    yield _findings(study)
    written = list(tables(study))
    swatches = {**SYMBOLS, **series_symbols(len(SERIES))}
    drawn = figures(study)
    for name in study.settings.parts:
        yield from (_table(table) for part, table in written if part == name)
        mine = "".join(draw_figure(figure, swatches) for figure in drawn.get(name, ()))
        if mine:
            yield f'<div class="pair">{mine}</div>'
    for name, why in study.skipped.items():
        yield f'<p class="muted">Part {escape(name)}: nothing to measure, {escape(why)}.</p>'
    yield listing("Settings", {k: _words(v) for k, v in asdict(study.settings).items()})
    yield listing("Versions", environment())


def _words(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return "all" if value is None else str(value)


def _findings(study: SupernetStudy) -> str:
    items = "".join(
        f"<li><strong>{escape(f.text.capitalize())}:</strong> "
        f'<span class="{CLASSES[f.verdict]}">{f.verdict}</span>'
        f'<div class="muted">{escape(f.measured)}</div></li>'
        for f in study.findings
    )
    return (
        f'<section><h2>Findings of the Surgery</h2><ol class="findings">{items}</ol>'
        '<p class="muted">By rules that were fixed before: a difference counts if its mean over '
        "seeds is above its standard error.</p></section>"
    )


def _table(table: Table) -> str:
    axis = (table.axis,) if table.axis else ()
    head = '<th scope="col"></th>' + "".join(
        f'<th scope="col" class="num">{escape(name)}</th>' for name in (*axis, *table.columns)
    )
    rows = []
    for line in table.lines:
        cells = [line.at] if table.axis else []
        cells += line.cells
        subject = f"paper, {line.subject}" if line.paper else line.subject
        written = "".join(_cell(cell) for cell in cells)
        kind = "paper" if line.paper else "ours"
        rows.append(f'<tr class="{kind}"><td>{escape(subject)}</td>{written}</tr>')
    return (
        f"<section><h2>{escape(table.title)}</h2>"
        f'<p class="muted">{escape(table.source)}</p>'
        f'<div class="scroll"><table class="spreads"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div></section>"
    )


def _cell(text: str) -> str:
    mean, sign, rest = text.partition(" ± ")
    small = f" <small>± {escape(rest)}</small>" if sign else ""
    return f'<td class="num">{escape(mean)}{small}</td>'
