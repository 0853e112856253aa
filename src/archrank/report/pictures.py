"""Pictures of the report: the best architecture, and the next best ones."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from archrank.drawing import draw, inline, op_colors, op_dash, style_of
from archrank.drawing.canvas import SHRINKS
from archrank.formatting import format_value
from archrank.study.results import Results

if TYPE_CHECKING:
    from archrank.spaces.base import Space
    from archrank.spaces.edge_cells.base import EdgeCellSpace
    from archrank.study.record import Record

SHOWN = 3  # architectures beside the best
LOOKED_AT = 50  # number of best records that are searched for different networks


def architecture(results: Results) -> str:
    """Draw the best architecture, and list its decisions if the picture does not name all."""
    space, best = results.space, results.nearest
    if space is None:
        why = f"Not drawn: {results.absent.get('space', 'the space is not at hand')}."
        return (
            '<figure class="half"><h2>The architecture</h2>'
            f"<figcaption>{escape(why)}</figcaption>{_decisions(results, best)}</figure>"
        )
    style = style_of(space)
    listed = "" if style.legend else _decisions(results, best)
    return picture(space, best.arch, style.title, listed)


def picture(space: Space, arch: NDArray[np.uint8], title: str, more: str = "") -> str:
    """Draw an architecture ``arch: (d,)`` as a figure with legend and caption.

    Args:
        space: of the architecture.
        arch: what is drawn.
        title: heading of the figure.
        more: HTML below the caption.
    """
    style = style_of(space)
    svg = inline(draw(space, arch))
    legend, note = _cell_notes(space, arch) if style.legend else ("", "")
    kind = "wide" if _width(svg) > SHRINKS else "half"
    return (
        f'<figure class="{kind}"><h2>{escape(title)}</h2><div class="scroll">{svg}</div>'
        f"{legend}<figcaption>{escape(note + style.caption)}</figcaption>{more}</figure>"
    )


def runners_up(results: Results) -> str:
    """Draw the next best different architectures, or, with several objectives, the front."""
    space = results.space
    if space is None:
        return ""
    several = len(results.objectives) > 1
    entries = "".join(
        f"<details><summary>{escape(_values(results, record))} "
        f"<code>{escape(record.string)}</code></summary>"
        f'<div class="scroll">{inline(draw(space, record.arch))}</div>'
        "</details>"
        for record in _next_best(results, several)
    )
    title = "Others of the front" if several else "The next best"
    return f"<section><h2>{title}</h2>{entries}</section>" if entries else ""


def _next_best(results: Results, several: bool) -> Iterator[Record]:
    """Find at most :data:`SHOWN` records of networks that differ from the best, best first."""
    best = results.nearest
    ordered = [results.records[i] for i in results.order[:LOOKED_AT].tolist()]
    candidates = results.front[:LOOKED_AT] if several else ordered
    if results.is_feasible(best):
        candidates = [record for record in candidates if results.is_feasible(record)]
    seen = {best.canonical}
    for record in candidates:
        if record.canonical not in seen and len(seen) <= SHOWN:
            yield record
        seen.add(record.canonical)


def _values(results: Results, record: Record) -> str:
    return ", ".join(
        f"{o.metric} {format_value(record.values[o.metric], results.metrics[o.metric])}"
        for o in results.objectives
    )


def _cell_notes(owner: Space, drawn: NDArray[np.uint8]) -> tuple[str, str]:
    """Write the legend of a cell, and the number of edges that are not drawn."""
    space = cast("EdgeCellSpace", owner.origin)
    arch = owner.to_origin(drawn[None])[0]
    live = space.live(arch[None])[0]
    used = set(arch[live].tolist())
    entries = "".join(
        f'<li><svg viewBox="0 0 26 12" aria-hidden="true"><path d="M0 6H26" stroke="{color}" '
        f'stroke-width="3" stroke-dasharray="{op_dash(space, op)}"/></svg>'
        f"{escape(space.ops[op])}</li>"
        for op, color in sorted(op_colors(space).items())
        if op in used
    )
    left_out = int((~live).sum())
    note = f"{left_out} of {space.d} edges are none or lie on no path, and are left out. "
    return f'<ul class="legend">{entries}</ul>', note if left_out else ""


def _decisions(results: Results, best: Record) -> str:
    """List every decision and its option, folded away."""
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(str(option))}'
        f"{'' if name in best.config else ' <span class=muted>(has no effect here)</span>'}"
        "</td></tr>"
        for name, option in results.description.options(best.arch).items()
    )
    return (
        '<details><summary>All decisions</summary><div class="scroll"><table><thead><tr>'
        '<th scope="col">decision</th><th scope="col">option</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div></details>"
    )


def _width(svg: str) -> int:
    """Return the width of a picture in pixels."""
    found = re.search(r'viewBox="0 0 (\d+)', svg)
    return int(found[1]) if found else 0
