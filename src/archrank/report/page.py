"""HTML pages without external files, and figures with a legend."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from html import escape
from string import Template

from archrank.report.figures import Figure
from archrank.report.style import STYLE

_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="archrank">
<title>$title</title>
<style>$style</style>
</head>
<body>
<main>
<header>
<h1>$title</h1>
<p class="muted">$subtitle · <time datetime="$stamp">$date</time></p>
</header>
$body
</main>
</body>
</html>
""")

SYMBOLS = {  # legend swatches, 26 x 12
    "best": '<path class="best" d="M0 6H26"/>',
    "random": '<path class="random" d="M0 6H26"/>',
    "limit": '<path class="limit" d="M0 6H26"/>',
    "front": '<g class="front"><path class="front" d="M0 6H26"/>'
    '<circle cx="13" cy="6" r="3.6"/></g>',
    "point": '<g class="front"><circle cx="13" cy="6" r="3.6"/></g>',
    "dot": '<g class="dot"><circle cx="13" cy="6" r="3.6"/></g>',
    "ring": '<g class="ring"><circle cx="13" cy="6" r="4" fill="none"/></g>',
    "infeasible": '<g class="infeasible"><circle cx="13" cy="6" r="4" fill="none"/></g>',
    "failed": '<g class="failed"><path d="M9.500 2.500l7 7m0-7l-7 7"/></g>',
    "beyond": '<path class="beyond" d="M9 3h8l-4 7z"/>',
    "star": '<g class="best"><path d="M13 0l1.800 4h4.200l-3.300 2.600 1.300 4.400-4-2.700-4 2.700 '
    '1.300-4.400-3.300-2.600h4.200z"/></g>',
}


def page(title: str, subtitle: str, body: str, *, style: str = "") -> str:
    """Write a whole page around ``body``, which is HTML; ``style`` is added to the style sheet."""
    now = datetime.now(timezone.utc)
    return _PAGE.substitute(
        title=escape(title),
        style=STYLE + style,
        subtitle=escape(subtitle),
        stamp=now.isoformat(timespec="seconds"),
        date=now.strftime("%Y-%m-%d %H:%M UTC"),
        body=body,
    )


def draw_figure(figure: Figure, symbols: Mapping[str, str] = SYMBOLS) -> str:
    """Write a figure with heading, legend and caption; ``symbols`` are the legend's swatches."""
    entries = "".join(
        f'<li><svg viewBox="0 0 26 12" aria-hidden="true">{symbols[kind]}</svg>{escape(text)}</li>'
        for kind, text in figure.legend
    )
    return (
        f"<figure><h2>{escape(figure.title)}</h2>{figure.svg}"
        f'<ul class="legend">{entries}</ul>'
        f"<figcaption>{escape(figure.caption)}</figcaption></figure>"
    )
