"""Text that fits, ink that is read, documents that are XML."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archrank.drawing.canvas import (
    NARROWEST,
    NEUTRAL,
    PALETTE,
    SHRINKS,
    SKIP,
    box,
    clean,
    ink_on,
    inline,
    picture,
    shorten,
    text_width,
    write,
)


def luminance(color: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    parts = [int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("fill", [*PALETTE, SKIP])
def test_text_in_boxes_is_read(fill: str) -> None:
    assert contrast(fill, ink_on(fill)) >= 4.5  # WCAG AA


@pytest.mark.parametrize("paper", ["#ffffff", "#000000"])
def test_free_text_is_read_on_light_and_dark(paper: str) -> None:
    assert contrast(NEUTRAL, paper) >= 4.2


@given(st.text(), st.floats(20, 400))
def test_cut_text_fits(text: str, room: float) -> None:
    cut = shorten(text, room)
    assert text_width(cut) <= room
    assert cut == clean(text) or cut.endswith("…")


@given(st.text(st.characters(codec=None)))
def test_any_text_makes_a_document(text: str) -> None:
    svg = picture(100, 50, [write(50, 20, text, room=80), box(0, 30, 90, 20, [text], None)], text)
    root = ElementTree.fromstring(svg.encode("utf-8"))
    assert root.get("aria-label") == clean(text)
    assert "xmlns" not in inline(svg)


def test_whole_text_is_kept_as_a_tool_tip() -> None:
    cut = ElementTree.fromstring(write(0, 0, "a" * 100, room=50))
    assert cut[0].text == "a" * 100
    assert (cut[0].tail or "").endswith("…")


@pytest.mark.parametrize(("width", "narrowest"), [(300, 0), (SHRINKS, 0), (SHRINKS + 1, NARROWEST)])
def test_small_pictures_shrink_with_the_page(width: int, narrowest: int) -> None:
    assert f"min-width:{narrowest}px" in picture(width, 10, [], "nothing")
