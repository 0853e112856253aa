"""HTML page of a comparison: figures, tables, the runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING

from archrank.comparison.figures import FILES, figure
from archrank.comparison.text import heading
from archrank.environment import environment
from archrank.report.page import SYMBOLS, draw_figure, page
from archrank.report.series import series_style, series_symbols
from archrank.report.tables import breakable, listing

if TYPE_CHECKING:
    from archrank.comparison.comparison import Comparison


def render(found: Comparison) -> str:
    """Write the page as HTML text."""
    names = " and ".join(group.name for group in found.groups)
    if len(found.groups) > 2:
        names = f"{len(found.groups)} ways to search"
    runs = sum(len(group.runs) for group in found.groups)
    space = found.groups[0].runs[0].results.description.space
    return page(
        f"{names}: {found.measure.metric.name}",
        f"{space}, {runs} runs, compared after {found.budget} evaluations",
        "\n".join(_body(found)),
        style=series_style(len(found.groups)),
    )


def _body(found: Comparison) -> Iterator[str]:
    swatches = SYMBOLS | series_symbols(len(found.groups))
    figures = [figure(found, over_cost=over_cost) for over_cost in FILES.values()]
    drawn = "".join(draw_figure(each, swatches) for each in figures if each is not None)
    if found.notes:
        notes = "".join(f"<li>{escape(note)}</li>" for note in found.notes)
        yield f"<section><h2>To know first</h2><ul>{notes}</ul></section>"
    yield f'<div class="pair">{drawn}</div>'
    yield _table(f"Means: {heading(found)}", found.rows())
    yield _table(f"Differences: {heading(found)}", found.pair_rows())
    made = "".join(f"<p>{escape(sentence)}.</p>" for sentence in found.described())
    yield f'<section class="muted"><h2>How these numbers were made</h2>{made}</section>'
    yield _runs(found)
    yield listing("Versions", environment())


def _runs(found: Comparison) -> str:
    """Write the table of runs."""
    rows = []
    for group in found.groups:
        for run in group.runs:
            best = "nothing feasible"
            if run.results.feasible.any():
                best = breakable(run.results.best.string)
            rows.append(
                f'<tr><td class="wrap">{escape(run.name)}</td><td>{escape(group.name)}</td>'
                f'<td class="num">{run.seed}</td><td class="num">{len(run.results.records):,}</td>'
                f"<td>{best}</td></tr>"
            )
    names = ("run", "group", "seed", "evaluations", "best architecture")
    head = "".join(
        f'<th scope="col"{" class=num" if name in ("seed", "evaluations") else ""}>{name}</th>'
        for name in names
    )
    return (
        f'<section><h2>Runs</h2><div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div></section>"
    )


def _table(title: str, rows: Sequence[tuple[str, ...]]) -> str:
    """Write a table; nothing without rows."""
    if not rows:
        return ""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in rows[0])
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows[1:]
    )
    return (
        f'<section><h2>{escape(title)}</h2><div class="scroll"><table><thead><tr>{head}</tr>'
        f"</thead><tbody>{body}</tbody></table></div></section>"
    )
