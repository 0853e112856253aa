"""HTML page of a reproduction that has figures: table, claims, notes, charts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from archrank.assess.figures import style
from archrank.environment import environment
from archrank.report import importance
from archrank.report.page import SYMBOLS, draw_figure, page
from archrank.report.series import series_symbols
from archrank.report.tables import listing
from archrank.reproduce.base import Comparison, Reproduction
from archrank.reproduce.text import HEADING, lines, rows_of

SERIES = tuple(map(str, range(8)))  # colours that figures may use


def render(item: Reproduction, comparison: Comparison) -> str:
    """Write the page as HTML text."""
    body = "\n".join(_body(comparison))
    return page(
        f"{item.source}: {item.title}", item.name, body, style=style(SERIES) + importance.STYLE
    )


def _body(comparison: Comparison) -> Iterator[str]:
    swatches = {**importance.SWATCHES, **SYMBOLS, **series_symbols(len(SERIES))}
    drawn = "".join(draw_figure(figure, swatches) for figure in comparison.figures)
    yield f'<div class="pair">{drawn}</div>'
    yield _table(rows_of(comparison.rows))
    told = "".join(f"<p>{escape(line)}</p>" for line in lines(comparison))
    yield f"<section>{told}</section>"
    yield listing("Versions", environment())


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    """Write rows as a table; the first column is text, as is the last, the others are numbers."""
    kinds = ["", *["num"] * (len(HEADING) - 2), ""]
    head = "".join(
        f'<th scope="col" class="{kind}">{escape(cell)}</th>'
        for kind, cell in zip(kinds, rows[0], strict=True)
    )
    written = "".join(
        "<tr>"
        + "".join(
            f'<td class="{kind}">{escape(cell)}</td>' for kind, cell in zip(kinds, row, strict=True)
        )
        + "</tr>"
        for row in rows[1:]
    )
    return (
        f'<section><h2>Paper beside ours</h2><div class="scroll"><table><thead><tr>{head}</tr>'
        f"</thead><tbody>{written}</tbody></table></div></section>"
    )
