"""Figures as SVG files of their own, for papers and slides: light colours, legend inside."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape

from archrank.report.figures import Figure
from archrank.report.page import SYMBOLS
from archrank.report.style import CHARTS, PAGE

LINE = 22  # height of a line of the legend
_START = re.compile(r'<svg class="chart" viewBox="(\S+) 0 (\S+) (\S+)"[^>]*>')


def standalone(figure: Figure, symbols: Mapping[str, str] = SYMBOLS, *, style: str = "") -> str:
    """Write a figure as an SVG file that needs no style sheet and no variables of CSS.

    Args:
        figure: with a chart, and its legend.
        symbols: swatches of the legend.
        style: rules that are added to those of charts.
    """
    start = _START.match(figure.svg)
    assert start is not None
    left, width, height = map(float, start.groups())
    inside = figure.svg[start.end() :].removesuffix("</svg>")
    entries = "".join(
        f'<g transform="translate({left + 20:g} {height + LINE * i:g})"><g transform="translate(0 '
        f'-1)">{symbols[kind]}</g><text x="34" y="10">{escape(text)}</text></g>'
        for i, (kind, text) in enumerate(figure.legend)
    )
    total = height + LINE * len(figure.legend)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart legend" viewBox="{left:g} 0 '
        f'{width:g} {total:g}" width="{width:g}" height="{total:g}" '
        f'font-family="Helvetica, Arial, sans-serif"><title>{escape(figure.title)}</title>'
        f"<desc>{escape(figure.caption)}</desc><style>{_plain(CHARTS + style)}</style>"
        f'<rect x="{left:g}" width="{width:g}" height="{total:g}" fill="#ffffff"/>'
        f"{inside}{entries}</svg>\n"
    )


def _plain(style: str) -> str:
    """Put light colours in place of variables, which programs other than browsers do not know."""
    light = dict(re.findall(r"--(\w+): (#\w+)", PAGE.partition("@media")[0]))
    return re.sub(r"var\(--(\w+)\)", lambda match: light[match[1]], style)
