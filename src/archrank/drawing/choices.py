"""Pictures of named choices: a row per decision, its options as chips, the chosen one filled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archrank.drawing.canvas import (
    BLUE,
    SKIP,
    box,
    box_width,
    clean,
    picture,
    text_width,
    write,
)
from archrank.spaces.base import Choice, Space

LINE = 34.0  # height of a row
CHIP = 26.0
GAP = 8.0
MARGIN = 14.0
NAME = 260.0  # widest name of a decision
OPTIONS = 520.0  # width for all options; if they need more, only the chosen one is shown
PER_COLUMN = 26  # rows
APART = 40.0  # between columns
WIDEST = 220.0  # chip


@dataclass(frozen=True)
class Chip:
    """Chip that shows an option."""

    text: str
    chosen: bool

    @property
    def width(self) -> float:
        """Width in pixels."""
        return min(box_width([self.text]), WIDEST)


def draw_choices(space: Space, arch: NDArray[np.uint8]) -> str:
    """Draw the choices of ``arch: (d,)`` as an SVG document; those without effect are faint.

    Raises:
        ArchitectureError: not an architecture of ``space``.

    Example:
        >>> from archrank.spaces import CustomSpace
        >>> space = CustomSpace({"depth": [1, 2, 3]}, build=lambda config, task: None)
        >>> draw_choices(space, space.parse(["depth=2"])[0]).count('fill="#0072B2"')
        1
    """
    row = space.validate(arch[None])
    active = space.active(row)[0].tolist()
    rows = list(zip(space.choices, row[0].tolist(), active, strict=True))
    full = len(rows) <= PER_COLUMN and all(_room(_all(c, k)) <= OPTIONS for c, k, _ in rows)
    chips = [_all(c, k) if full else _one(c, k) for c, k, _ in rows]
    names = min(max(text_width(clean(choice.name)) for choice, *_ in rows), NAME)
    step = names + 2 * GAP + max(map(_room, chips)) + APART
    parts = []
    for i, ((choice, _, matters), shown) in enumerate(zip(rows, chips, strict=True)):
        column, line = divmod(i, PER_COLUMN)
        x, y = MARGIN + column * step, MARGIN + line * LINE
        drawn = write(x + names, y + 18, choice.name, anchor="end", room=names)
        drawn += _row(shown, x + names + 2 * GAP, y, BLUE if matters else SKIP)
        parts.append(drawn if matters else f'<g class="off" opacity="0.5">{drawn}</g>')
    columns = -(-len(rows) // PER_COLUMN)
    height = min(len(rows), PER_COLUMN) * LINE - (LINE - CHIP)
    label = f"{space.name} {space.format(row)[0]}"
    return picture(columns * step - APART + 2 * MARGIN, height + 2 * MARGIN, parts, label)


def _all(choice: Choice, chosen: int) -> list[Chip]:
    return [Chip(str(option), k == chosen) for k, option in enumerate(choice.options)]


def _one(choice: Choice, chosen: int) -> list[Chip]:
    return [Chip(str(choice.options[chosen]), True)]


def _room(chips: Sequence[Chip]) -> float:
    return sum(chip.width + GAP for chip in chips) - GAP


def _row(chips: Sequence[Chip], x: float, y: float, fill: str) -> str:
    parts = []
    for chip in chips:
        if chip.chosen:
            parts.append(box(x, y, chip.width, CHIP, [chip.text], fill))
        else:
            parts.append(
                write(x + chip.width / 2, y + 18, chip.text, room=chip.width - 8, faint=True)
            )
        x += chip.width + GAP
    return "".join(parts)
