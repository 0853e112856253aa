"""Elements of pictures: colours, text that fits, boxes, arrows, the SVG document.

A picture can be a file of its own or part of a page. It has no background: free text and lines are
grey, readable on white and on black (a page may set a stronger ``color``), and text in filled boxes
has a colour that suits the box. No element has an id, so a page can contain several pictures.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from html import escape

XMLNS = ' xmlns="http://www.w3.org/2000/svg"'
# Okabe & Ito's colours, without yellow and black: told apart by colour-blind readers, and visible
# on light and on dark
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
BLUE, RED, GREEN, PINK, AMBER, SKY = PALETTE
SKIP = "#8b929c"
NEUTRAL = "#757b85"  # 4.2 : 1 or more on white and on black
DARK_INK, LIGHT_INK = "#111111", "#ffffff"
SIZE = 14  # of text
SHRINKS = 640  # pixels; a picture up to this wide shrinks with its page, whole
NARROWEST = 520  # wider ones scroll rather than shrink further

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # in XML 1.0
_SPACES = re.compile(r"\s+")


def picture(width: float, height: float, parts: Iterable[str], label: str) -> str:
    """Make an SVG document of ``width`` x ``height`` pixels; ``label`` is for screen readers."""
    w, h, said = math.ceil(width), math.ceil(height), escape(clean(label))
    narrowest = NARROWEST if w > SHRINKS else 0
    return (
        f'<svg{XMLNS} class="drawing" viewBox="0 0 {w} {h}" width="{w}" height="{h}" '
        f'style="max-width:{w}px;min-width:{narrowest}px" role="img" color="{NEUTRAL}" '
        f'font-family="system-ui,sans-serif" font-size="{SIZE}" aria-label="{said}">'
        f"<title>{said}</title>{''.join(parts)}</svg>"
    )


def inline(svg: str) -> str:
    """Turn a picture into an element of an HTML page, which needs no namespace."""
    return svg.replace(XMLNS, "", 1)


# ---- text --------------------------------------------------------------------------------------


def clean(text: str) -> str:
    """Put ``text`` on one line, with a mark for every character that XML does not allow."""
    return _SPACES.sub(" ", _ILLEGAL.sub("\ufffd", text)).strip()


def text_width(text: str, size: float = SIZE) -> float:
    """Compute an upper bound of the width of ``text`` in usual sans-serif fonts, in pixels."""
    return size * sum(map(_advance, text))


def _advance(letter: str) -> float:
    """Width of a letter over the font size: the wide DejaVu Sans, rounded up."""
    if letter in "ijlI.,:;|!'` ":
        return 0.36
    if letter in 'frt()[]{}-/"':
        return 0.46
    if letter in "mwMW@%":
        return 1.0
    if unicodedata.east_asian_width(letter) in "WF":
        return 1.2
    if letter.isdigit() or (letter.isascii() and (letter.islower() or letter == "_")):
        return 0.64
    return 0.85


def shorten(text: str, room: float, size: float = SIZE) -> str:
    """Cut ``text`` to ``room`` pixels, with an ellipsis if something is missing."""
    text = clean(text)
    if text_width(text, size) <= room:
        return text
    while text and text_width(text + "…", size) > room:
        text = text[:-1]
    return text.rstrip() + "…"


def write(
    x: float,
    y: float,
    text: str,
    *,
    anchor: str = "middle",
    size: float = SIZE,
    ink: str | None = None,
    bold: bool = False,
    faint: bool = False,
    room: float = math.inf,
) -> str:
    """Write one line of text with its base line at ``y``, cut to ``room`` pixels.

    ``ink`` is the colour on a filled box; without it, the text has the picture's colour.
    """
    shown = shorten(text, room / (1.1 if bold else 1), size)
    whole = "" if shown == clean(text) else f"<title>{escape(clean(text))}</title>"
    look = "" if size == SIZE else f' font-size="{size:g}"'
    look += ' font-weight="600"' if bold else ""
    look += ' opacity="0.8"' if faint else ""
    # a style, because a page's rule for the colour of texts overrides attributes
    look += ' fill="currentColor"' if ink is None else f' style="fill:{ink}"'
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}"{look}>{whole}{escape(shown)}</text>'


# ---- boxes -------------------------------------------------------------------------------------


def ink_on(fill: str) -> str:
    """Choose a text colour that is readable on a colour of the palette."""
    return LIGHT_INK if fill == BLUE else DARK_INK


def box(
    x: float,
    y: float,
    width: float,
    height: float,
    lines: Sequence[str],
    fill: str | None,
    *,
    size: float = SIZE,
) -> str:
    """Draw a box with lines of text in its middle; without ``fill``, dashed: not active."""
    look = (
        'fill="none" stroke="currentColor" stroke-opacity="0.7" stroke-dasharray="4 4"'
        if fill is None
        else f'fill="{fill}"'
    )
    ink, step = None if fill is None else ink_on(fill), size * 1.25
    first = y + height / 2 + 0.36 * size - step * (len(lines) - 1) / 2
    words = "".join(
        write(x + width / 2, first + step * i, line, size=size, ink=ink, room=width - 8)
        for i, line in enumerate(lines)
    )
    return (
        f'<g class="box"><rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="6" '
        f"{look}/>{words}</g>"
    )


def box_width(lines: Iterable[str], size: float = SIZE) -> float:
    """Compute the width in pixels that a box needs for its longest line."""
    return max(text_width(clean(line), size) for line in lines) + 16


def frame(x: float, y: float, width: float, height: float) -> str:
    """Draw a faint panel behind boxes that belong together."""
    return (
        f'<rect class="frame" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="9" '
        'fill="currentColor" fill-opacity="0.07" stroke="currentColor" stroke-opacity="0.35"/>'
    )


# ---- lines -------------------------------------------------------------------------------------


def arrow(
    path: str,
    tip: tuple[float, float],
    towards: tuple[float, float],
    *,
    color: str = "currentColor",
    width: float = 1.6,
) -> str:
    """Draw a line along ``path`` with a head at ``tip`` that points ``towards`` (a unit vector).

    The path should end a little before the tip; see :func:`before`.
    """
    (x, y), (dx, dy) = tip, towards
    left, right = (x - 8 * dx + 4 * dy, y - 8 * dy - 4 * dx), (x - 8 * dx - 4 * dy,
                                                              y - 8 * dy + 4 * dx)  # fmt: skip
    head = "L".join(f"{a:g} {b:g}" for a, b in ((x, y), left, right))
    return (
        f'<g><path d="{path}" fill="none" stroke="{color}" stroke-width="{width:g}" '
        f'stroke-linejoin="round"/><path d="M{head}Z" fill="{color}"/></g>'
    )


def before(tip: tuple[float, float], towards: tuple[float, float]) -> tuple[float, float]:
    """Compute the end of an arrow's line, which lies inside its head."""
    return tip[0] - 6 * towards[0], tip[1] - 6 * towards[1]


def straight(start: tuple[float, float], tip: tuple[float, float]) -> str:
    """Draw a straight arrow."""
    length = math.dist(start, tip) or 1.0
    towards = ((tip[0] - start[0]) / length, (tip[1] - start[1]) / length)
    end = before(tip, towards)
    return arrow(f"M{start[0]:g} {start[1]:g}L{end[0]:g} {end[1]:g}", tip, towards)
