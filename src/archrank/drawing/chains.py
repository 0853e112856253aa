"""Pictures of chains of blocks: a row per stage, from top to bottom, blocks from left to right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from archrank.drawing.canvas import (
    arrow,
    before,
    box,
    box_width,
    clean,
    frame,
    picture,
    straight,
    text_width,
    write,
)

SMALL = 13.0
TALL = 44.0  # of a block
GAP = 22.0  # between blocks
ROWS = 34.0  # between rows, for the line that leads on
PAD = 10.0  # of a stage's panel
MARGIN = 12.0
PER_ROW = 8  # blocks; longer stages continue in a row below
WIDEST = 190.0  # block
LABEL = 240.0  # widest description of a stage


@dataclass(frozen=True)
class Block:
    """Block with at most two lines of text and a colour; without a colour it is skipped."""

    lines: tuple[str, ...]
    color: str | None


@dataclass(frozen=True)
class Stage:
    """Stage of blocks, with a description of what they have in common."""

    title: str
    notes: tuple[str, ...]
    blocks: tuple[Block, ...]

    @property
    def rows(self) -> list[tuple[Block, ...]]:
        """Split the blocks into rows of at most :data:`PER_ROW`."""
        return [self.blocks[k : k + PER_ROW] for k in range(0, len(self.blocks), PER_ROW)]

    @property
    def height(self) -> float:
        """Height of the panel in pixels: that of its rows, or of its description if higher."""
        rows = len(self.rows)
        text = 18.0 * (1 + len(self.notes))
        return max(rows * TALL + (rows - 1) * ROWS, text) + 2 * PAD


def draw_chain(stages: Sequence[Stage], label: str) -> str:
    """Draw stages as an SVG document; ``label`` names the architecture."""
    words = [1.1 * text_width(clean(stage.title)) for stage in stages]
    words += [text_width(clean(note), SMALL) for stage in stages for note in stage.notes]
    described = min(max(words), LABEL)
    blocks = [block for stage in stages for block in stage.blocks]
    wide = min(max(box_width(block.lines, SMALL) for block in blocks), WIDEST)
    columns = max(min(len(stage.blocks), PER_ROW) for stage in stages)
    first = MARGIN + PAD + described + 2 * PAD
    width = first + columns * (wide + GAP) - GAP + PAD + MARGIN
    parts, places, y = [], [], MARGIN
    for stage in stages:
        parts.append(frame(MARGIN, y, width - 2 * MARGIN, stage.height))
        parts += _describe(stage, y, described)
        rows = stage.rows
        top = y + (stage.height - len(rows) * TALL - (len(rows) - 1) * ROWS) / 2
        for r, row in enumerate(rows):
            at = [(first + k * (wide + GAP), top + r * (TALL + ROWS)) for k in range(len(row))]
            places.append(at)
            parts += [
                box(*place, wide, TALL, block.lines, block.color, size=SMALL)
                for place, block in zip(at, row, strict=True)
            ]
        y += stage.height + ROWS - 2 * PAD
    parts += _lines(places, wide)
    return picture(width, y - ROWS + 2 * PAD + MARGIN, parts, label)


def _describe(stage: Stage, y: float, room: float) -> list[str]:
    x, first = MARGIN + PAD, y + stage.height / 2 + 5 - 9 * len(stage.notes)
    title = write(x, first, stage.title, anchor="start", bold=True, room=room)
    notes = [
        write(x, first + 18 * k, note, anchor="start", size=SMALL, room=room)
        for k, note in enumerate(stage.notes, 1)
    ]
    return [title, *notes]


def _lines(places: Sequence[Sequence[tuple[float, float]]], wide: float) -> list[str]:
    """Draw arrows along the rows, and from the end of each to the start of the next."""
    parts = []
    for row in places:
        for (x, y), (after, _) in pairwise(row):
            parts.append(straight((x + wide, y + TALL / 2), (after, y + TALL / 2)))
    for row, below in pairwise(places):
        (x, y), (start, next_y) = row[-1], below[0]
        x, tip = x + wide / 2, (start + wide / 2, next_y)
        end = before(tip, (0, 1))
        turn = "" if x == tip[0] else f"V{(y + TALL + next_y) / 2:g}H{tip[0]:g}"
        parts.append(arrow(f"M{x:g} {y + TALL:g}{turn}V{end[1]:g}", tip, (0, 1)))
    return parts
