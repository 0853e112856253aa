"""Bar charts of the importance of decisions, one per device or metric (RankNAS, Fig. 5)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape

from archrank.importance.permutation import Importance
from archrank.report.figures import Figure
from archrank.report.page import draw_figure, page

LEFT, RIGHT, TOP, ROW, WIDTH = 150, 70, 8, 24, 520
TICKS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
STYLE = """
.bars rect { fill: var(--grey); } .bars .kept rect { fill: var(--blue); }
.bars text { fill: var(--text); font-size: 13px; }
.bars .whisker { stroke: var(--text); stroke-width: 1.5; fill: none; }
"""
SWATCHES = {
    "kept": '<g class="bars"><g class="kept"><rect width="26" height="12"/></g></g>',
    "frozen": '<g class="bars"><rect width="26" height="12"/></g>',
    "limit": '<path class="limit" d="M0 6H26"/>',
}


def bars(found: Importance, threshold: float, label: str) -> str:
    """Draw one bar per group of decisions, on a logarithmic scale from 1, as an SVG element.

    Args:
        found: Importance.
        threshold: Importance below which a group would be frozen; a line, and the bars' colours.
        label: Description for screen readers.
    """
    means, widths = found.mean.tolist(), found.half_width.tolist()
    most = max([*means, threshold, 2.0]) * 1.05
    room = WIDTH - LEFT - RIGHT

    def place(value: float) -> float:
        return LEFT + room * math.log(min(max(value, 1.0), most)) / math.log(most)

    floor = TOP + ROW * len(found)
    parts = ['<g class="axes">']
    for tick in (t for t in TICKS if t <= most):
        parts.append(f'<path class="grid" d="M{place(tick):.1f} {TOP}V{floor}"/>')
        parts.append(f'<text x="{place(tick):.1f}" y="{floor + 18}" class="mid">{tick}</text>')
    parts.append("</g>")
    for k, (name, mean, width) in enumerate(zip(found.names, means, widths, strict=True)):
        y = TOP + ROW * k
        kept = mean >= threshold
        low, high = (place(mean + side * (0 if math.isnan(width) else width)) for side in (-1, 1))
        parts.append(
            f'<g class="{"kept" if kept else "frozen"}"><title>{escape(name)}: {mean:.3f}</title>'
            f'<text x="{LEFT - 8}" y="{y + 16}" text-anchor="end">{escape(name)}</text>'
            f'<rect x="{LEFT}" y="{y + 4}" width="{place(mean) - LEFT:.1f}" height="{ROW - 8}"/>'
            f'<path class="whisker" d="M{low:.1f} {y + ROW / 2}H{high:.1f}"/>'
            f'<text x="{high + 6:.1f}" y="{y + 16}">{mean:.2f}</text></g>'
        )
    parts.append(f'<path class="limit" d="M{place(threshold):.1f} {TOP}V{floor}"/>')
    return (
        f'<svg class="chart bars" viewBox="0 0 {WIDTH} {floor + 28}" role="img" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )


def figure(title: str, found: Importance, threshold: float, over: str = "permutations") -> Figure:
    """Make the figure of one device or metric; ``over`` tells what its values differ in."""
    legend = [("kept", "searched"), ("frozen", "frozen"), ("limit", f"threshold {threshold:g}")]
    words = "share of pairs in wrong order" if found.measure == "order" else "loss of pairs"
    return Figure(
        title,
        bars(found, threshold, f"importance of decisions, {title}"),
        f"Ranker's {words} after permuting a decision among {found.n:,} architectures, over that "
        f"before ({found.loss:.3g}); lines are 95 % intervals over {over}.",
        tuple(legend),
    )


def render(title: str, found: Mapping[str, Importance], threshold: float) -> str:
    """Write a page with one chart per entry of ``found``, as HTML text."""
    drawn = "".join(
        draw_figure(figure(name, one, threshold), SWATCHES) for name, one in found.items()
    )
    return page(title, "importance of decisions", f'<div class="pair">{drawn}</div>', style=STYLE)
