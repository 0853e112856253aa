"""Parts of a picture, read back from its SVG."""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.etree import ElementTree

import numpy as np

from archrank.spaces.base import Space

SVG = "{http://www.w3.org/2000/svg}"


@dataclass(frozen=True)
class Rectangle:
    """A box with its lines of text."""

    x: float
    y: float
    width: float
    height: float
    lines: tuple[str, ...]
    dashed: bool

    def overlaps(self, other: Rectangle) -> bool:
        return (
            self.x < other.x + other.width
            and other.x < self.x + self.width
            and self.y < other.y + other.height
            and other.y < self.y + self.height
        )


class Drawn:
    """A picture: its frame, boxes, and texts with where they reach."""

    def __init__(self, svg: str) -> None:
        self.root = ElementTree.fromstring(svg)
        self.width, self.height = map(float, self.root.get("viewBox", "").split()[2:])
        self.texts = list(map(_shown, self.root.iter(f"{SVG}text")))
        self.boxes = [_box(group) for group in self.root.iter(f"{SVG}g") if _is_box(group)]

    def labels(self) -> list[Rectangle]:
        """Boxes around texts; letters as wide as in DejaVu Sans, among the widest."""
        found = []
        for text in self.root.iter(f"{SVG}text"):
            shown = _shown(text)
            size = float(text.get("font-size", 14))
            width = sum(map(_dejavu, shown)) * size * (1.08 if text.get("font-weight") else 1)
            x, y = float(text.get("x", "nan")), float(text.get("y", "nan"))
            x -= {"start": 0.0, "middle": 0.5, "end": 1.0}[text.get("text-anchor", "")] * width
            found.append(Rectangle(x, y - 0.76 * size, width, size, (shown,), False))
        return found


def _dejavu(letter: str) -> float:
    """Advance widths of DejaVu Sans over the font size (from its metrics, common letters)."""
    known = {" ": 0.318, "i": 0.278, "j": 0.278, "l": 0.278, "f": 0.352, "r": 0.411, "t": 0.392,
             "m": 0.974, "w": 0.818, "_": 0.5, "-": 0.361, ",": 0.318, ".": 0.318, "s": 0.521,
             "c": 0.55, "k": 0.579, "v": 0.592, "x": 0.592, "y": 0.592, "z": 0.525, "+": 0.838,
             "×": 0.838, "±": 0.838, "…": 1.0, ":": 0.337, ";": 0.337, "L": 0.557, "U": 0.732,
             "R": 0.695, "e": 0.615, "a": 0.613}  # fmt: skip
    return known.get(letter, 0.636)


def _shown(text: ElementTree.Element) -> str:
    """Return the drawn text, without the tool tip that holds the whole of a cut text."""
    return text[0].tail or "" if len(text) else text.text or ""


def _is_box(group: ElementTree.Element) -> bool:
    return group.get("class") == "box"


def _box(group: ElementTree.Element) -> Rectangle:
    rect = group.find(f"{SVG}rect")
    assert rect is not None
    place = [float(rect.get(name, "nan")) for name in ("x", "y", "width", "height")]
    lines = tuple(map(_shown, group.iter(f"{SVG}text")))
    return Rectangle(*place, lines, rect.get("stroke-dasharray") is not None)


def check_picture(svg: str) -> Drawn:
    """A picture stands alone, says what it is, and nothing in it overlaps or leaves the frame."""
    drawn = Drawn(svg)
    assert drawn.root.tag == f"{SVG}svg"
    assert drawn.root.get("aria-label")
    assert drawn.root[0].tag == f"{SVG}title"
    assert drawn.root[0].text == drawn.root.get("aria-label")
    assert not re.search(r'\bid=|url\(|href|<script|\bon\w+="|nan|inf"', svg)
    labels = drawn.labels()
    for part in (*drawn.boxes, *labels):
        assert 0 <= part.x <= part.x + part.width <= drawn.width, part
        assert 0 <= part.y <= part.y + part.height <= drawn.height, part
    for parts in (drawn.boxes, labels):
        for i, a in enumerate(parts):
            for b in parts[:i]:
                assert not a.overlaps(b), (a, b)
    for box in drawn.boxes:  # its text, and no other, is inside
        for label in filter(box.overlaps, labels):
            assert label.lines[0] in box.lines, (box, label)
            assert box.x <= label.x <= label.x + label.width <= box.x + box.width, (box, label)
    return drawn


def draws(space: Space, n: int, seed: int = 0) -> np.ndarray:
    return space.sample(n, rng=np.random.default_rng(seed))
