"""The floors and rooms of the source as a picture, drawn from the table on the page about them."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

PLACE = "<!-- diagram: the site draws the floors here -->"
ROW = re.compile(r"^\| (\d+) \| ((?:`\w+` ?)+)\|", re.M)
WIDTH, HEIGHT, CHAR, GAP = 720, 30, 8.4, 10


def floors(text: str) -> dict[int, list[str]]:
    """Return ``{floor: rooms}`` of a page's table, the highest floor first."""
    found: dict[int, list[str]] = {}
    for floor, rooms in ROW.findall(text):
        found.setdefault(int(floor), []).extend(re.findall(r"\w+", rooms))
    return dict(sorted(found.items(), reverse=True))


def drawn(rooms: dict[int, list[str]]) -> str:
    """Return the floors as SVG, in the colour of the text around it."""
    parts, y = [], GAP
    for floor, names in rooms.items():
        top, x = y, 50.0
        for name in names:
            wide = CHAR * len(name) + 2 * GAP
            if x + wide > WIDTH - GAP:
                x, y = 50.0, y + HEIGHT + GAP
            parts.append(
                f'<rect x="{x:.0f}" y="{y}" width="{wide:.0f}" height="{HEIGHT}" rx="5" '
                f'fill="none" stroke="currentColor" stroke-opacity=".5"/>'
                f'<text x="{x + wide / 2:.0f}" y="{y + 20}" text-anchor="middle">'
                f"{escape(name)}</text>"
            )
            x += wide + GAP
        parts.append(f'<text x="{GAP}" y="{top + 20}" font-weight="600">{floor}</text>')
        y += HEIGHT + GAP
        parts.append(f'<path d="M0 {y}H{WIDTH}" stroke="currentColor" stroke-opacity=".2"/>')
        y += GAP
    inner = "".join(parts)
    return (
        f'<div class="diagram"><svg viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" '
        f'role="img" aria-label="Floors and rooms; imports only go down" fill="currentColor" '
        f'font-family="ui-monospace, monospace" font-size="14">{inner}</svg></div>'
    )


def read(app: Sphinx, name: str, source: list[str]) -> None:
    """Put the picture on the page."""
    if name == "architecture":
        picture = f"```{{raw}} html\n{drawn(floors(source[0]))}\n```"
        source[0] = source[0].replace(PLACE, picture)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("source-read", read)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
