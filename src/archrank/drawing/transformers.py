"""Pictures of Transformers: a column per stack, first layer at the bottom (RankNAS, Figure 8).

The width of a box shows the width of its feed-forward network. Coloured lines lead from encoder
layers to the decoder layers that attend to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from archrank.drawing.canvas import (
    AMBER,
    BLUE,
    GREEN,
    PINK,
    RED,
    SKIP,
    SKY,
    arrow,
    before,
    box,
    frame,
    picture,
    straight,
    text_width,
    write,
)

SMALL = 13.0
BOX = 250.0  # widest box
PAD = 9.0  # of a layer's panel
GAP = 7.0  # between the boxes of a layer
APART = 20.0  # between layers
END = 28.0  # height of the input and the output
GUTTER = 130.0  # between columns, for attention
BADGE = 26.0  # beside a layer, for its number
MARGIN = 14.0
COLORS = {"attention": SKY, "cross": PINK, "network": AMBER, "other": SKIP}
SOURCES = (BLUE, RED, GREEN)  # the last encoder layer, the one before, ...

Kind = Literal["attention", "cross", "network", "other"]


@dataclass(frozen=True)
class Part:
    """Sublayer; its width is the ``share`` of that of the widest box."""

    kind: Kind
    lines: tuple[str, ...]
    share: float = 1.0

    @property
    def height(self) -> float:
        """Height of the box, in pixels."""
        return 10 + 17.0 * len(self.lines)


@dataclass(frozen=True)
class Layer:
    """Layer: sublayers in order, and the numbers from 0 of the encoder layers it attends to."""

    parts: tuple[Part, ...]
    sources: tuple[int, ...] = ()


@dataclass(frozen=True)
class Column:
    """Stack of layers with its input and output.

    With ``parallel``, sublayers are drawn side by side.
    """

    title: str
    notes: tuple[str, ...]
    before: str
    layers: tuple[Layer, ...]
    after: str
    parallel: bool = False

    @property
    def width(self) -> float:
        """Width of the panels, in pixels."""
        across = max(len(layer.parts) for layer in self.layers) if self.parallel else 1
        return across * BOX + (across - 1) * GAP + 2 * PAD

    def tall(self, layer: Layer) -> float:
        """Return the height of a layer's panel, in pixels."""
        heights = [part.height for part in layer.parts]
        if self.parallel:
            return max(heights) + 2 * PAD
        return sum(heights) + GAP * (len(heights) - 1) + 2 * PAD

    @property
    def height(self) -> float:
        """Height of the whole column in pixels, without the text below it."""
        layers = sum(APART + self.tall(layer) for layer in self.layers)
        return END + layers + (APART + END if self.after else 0)


def draw_stacks(columns: Sequence[Column], label: str) -> str:
    """Draw one stack, or encoder and decoder, as an SVG document; ``label`` names the network."""
    floor = MARGIN + max(column.height for column in columns)
    parts: list[str] = []
    outputs: list[tuple[float, float]] = []  # of encoder layers
    x = MARGIN
    for k, column in enumerate(columns):
        decoder = k == 1
        wide = max(column.width, *(text_width(note, SMALL) for note in column.notes), 1.0)
        shift = 0 if decoder else BADGE
        left = x + shift + (wide - column.width) / 2
        parts.append(write(left + column.width / 2, floor + 24, column.title, bold=True))
        parts += [
            write(left + column.width / 2, floor + 24 + 19 * i, note, size=SMALL)
            for i, note in enumerate(column.notes, 1)
        ]
        bases = _bases(column, floor)
        parts += _column(column, left, floor, bases, badge_right=decoder)
        if decoder:
            parts += _attention(column, left, bases, outputs)
        else:
            outputs = [
                (left + column.width, base - column.tall(layer))
                for layer, base in zip(column.layers, bases, strict=True)
            ]
        x += wide + BADGE + GUTTER
    bottom = floor + 24 + 19 * max(len(column.notes) for column in columns)
    return picture(x - GUTTER + MARGIN, bottom + MARGIN, parts, label)


def _bases(column: Column, floor: float) -> list[float]:
    """Compute the lower edge of every layer's panel."""
    bases, y = [], floor - END - APART
    for layer in column.layers:
        bases.append(y)
        y -= column.tall(layer) + APART
    return bases


def _column(
    column: Column, left: float, floor: float, bases: list[float], *, badge_right: bool
) -> list[str]:
    middle = left + column.width / 2
    ends = [base - column.tall(layer) for layer, base in zip(column.layers, bases, strict=True)]
    parts = [box(left, floor - END, column.width, END, [column.before], SKIP, size=SMALL)]
    starts, tips = [floor - END, *ends], list(bases)
    if column.after:
        tips.append(ends[-1] - APART)
        parts.append(box(left, tips[-1] - END, column.width, END, [column.after], SKIP, size=SMALL))
    parts += [straight((middle, a), (middle, b)) for a, b in zip(starts, tips, strict=False)]
    for i, (layer, base, end) in enumerate(zip(column.layers, bases, ends, strict=True), 1):
        parts.append(frame(left, end, column.width, base - end))
        badge, anchor = (left + column.width + 7, "start") if badge_right else (left - 7, "end")
        parts.append(write(badge, (base + end) / 2 + 5, str(i), anchor=anchor, bold=True))
        parts += [
            box(*place, part.lines, COLORS[part.kind], size=SMALL)
            for part, place in zip(layer.parts, _places(column, layer, left, base), strict=True)
        ]
    return parts


def _places(
    column: Column, layer: Layer, left: float, base: float
) -> list[tuple[float, float, float, float]]:
    """Compute x, y, width and height of the boxes of a layer."""
    places, y, x = [], base - PAD, left + PAD
    for part in layer.parts:
        width = BOX * part.share
        places.append((x + (BOX - width) / 2, y - part.height, width, part.height))
        if column.parallel:
            x += BOX + GAP
        else:
            y -= part.height + GAP
    return places


def _attention(
    column: Column, left: float, bases: list[float], outputs: list[tuple[float, float]]
) -> list[str]:
    """Draw lines from the outputs of encoder layers to the cross-attention that reads them."""
    wanted = [(source, i) for i, layer in enumerate(column.layers) for source in layer.sources]
    readers = {s: [i for t, i in wanted if t == s] for s, _ in wanted}
    parts = []
    for source, i in wanted:
        layer = column.layers[i]
        at = next(k for k, part in enumerate(layer.parts) if part.kind == "cross")
        x2, y2, _, height = _places(column, layer, left, bases[i])[at]
        place, lines = layer.sources.index(source), len(layer.sources)
        y2 += height * (lines - place) / (lines + 1)  # lines of later encoder layers enter higher
        x1, y1 = outputs[source]
        y1 += 8 + 5 * (len(readers[source]) - 1 - readers[source].index(i))
        tip = (x2, y2)
        end, bend = before(tip, (1, 0)), (x2 - x1) * 0.5
        path = f"M{x1:g} {y1:g}C{x1 + bend:g} {y1:g} {end[0] - bend:g} {y2:g} {end[0]:g} {y2:g}"
        color = SOURCES[(len(outputs) - 1 - source) % len(SOURCES)]
        parts.append(arrow(path, tip, (1, 0), color=color, width=1.8))
    return parts
