"""Pictures of named choices: a row per decision or set, options as chips, what is chosen filled."""

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
from archrank.spaces.numbers import is_ordered
from archrank.spaces.subsets import Members
from archrank.types import Bools

LINE = 34.0  # height of a row
CHIP = 26.0
GAP = 8.0
MARGIN = 14.0
NAME = 260.0  # widest name of a decision
OPTIONS = 520.0  # width for all options; if they need more, the chosen one and the ends are shown
SET = 460.0  # width of a line of members
TIGHT = 2.0  # between members
PER_COLUMN = 26  # rows
APART = 40.0  # between columns
WIDEST = 220.0  # chip


@dataclass(frozen=True)
class Chip:
    """Chip that shows an option; ``least`` is its smallest width in pixels."""

    text: str
    chosen: bool
    least: float = 0.0

    @property
    def width(self) -> float:
        """Width in pixels."""
        return min(max(box_width([self.text]), self.least), WIDEST)


@dataclass(frozen=True)
class Row:
    """Row of the picture: a decision or a set, in one line or several.

    Attributes:
        name: of the decision or set.
        lines: chips.
        matters: whether it has an effect in this architecture.
        gap: between chips.
    """

    name: str
    lines: tuple[tuple[Chip, ...], ...]
    matters: bool
    gap: float = GAP

    @property
    def width(self) -> float:
        """Width of the chips in pixels."""
        return max(_room(line, self.gap) for line in self.lines)


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
    rows = _rows(space, row[0], space.active(row)[0])
    names = min(max(text_width(clean(row.name)) for row in rows), NAME)
    step = names + 2 * GAP + max(row.width for row in rows) + APART
    parts, columns, tallest = [], _columns(rows), 0
    for c, column in enumerate(columns):
        line = 0
        for shown in column:
            parts.append(_draw(shown, MARGIN + c * step, MARGIN + line * LINE, names))
            line += len(shown.lines)
        tallest = max(tallest, line)
    height = tallest * LINE - (LINE - CHIP)
    label = f"{space.name} {space.format(row)[0]}"
    return picture(len(columns) * step - APART + 2 * MARGIN, height + 2 * MARGIN, parts, label)


def _rows(space: Space, row: NDArray[np.uint8], active: Bools) -> list[Row]:
    """Return the rows of the picture, in column order."""
    sets = {one.columns[0]: one for one in space.subsets}
    members = {j for one in space.subsets for j in one.columns}
    alone = [j for j in range(space.d) if j not in members]
    full = len(alone) + len(sets) <= PER_COLUMN
    found = []
    for j, choice in enumerate(space.choices):
        if j in sets:
            lines = _members(sets[j], sets[j].inside(row[None])[0])
            found.append(Row(sets[j].name, lines, bool(active[j]), TIGHT))
        elif j not in members:
            chips = _all(choice, row[j])
            if not full or _room(chips, GAP) > OPTIONS:
                chips = _few(choice, row[j], full)
            found.append(Row(choice.name, (chips,), bool(active[j])))
    return found


def _columns(rows: Sequence[Row]) -> list[list[Row]]:
    """Divide rows into columns of at most :data:`PER_COLUMN` lines."""
    found: list[list[Row]] = [[]]
    for row in rows:
        if found[-1] and sum(len(r.lines) for r in [*found[-1], row]) > PER_COLUMN:
            found.append([])
        found[-1].append(row)
    return found


def _all(choice: Choice, chosen: int) -> tuple[Chip, ...]:
    return tuple(Chip(str(option), k == chosen) for k, option in enumerate(choice.options))


def _few(choice: Choice, chosen: int, ends: bool) -> tuple[Chip, ...]:
    """Return the chosen option; with ``ends``, of an ordered choice also the first and last."""
    last = len(choice.options) - 1
    at = sorted({0, int(chosen), last}) if ends and is_ordered(choice) else [int(chosen)]
    return tuple(Chip(str(choice.options[k]), k == chosen) for k in at)


def _members(members: Members, inside: Bools) -> tuple[tuple[Chip, ...], ...]:
    """Return the members of a set as lines of chips, one below the other."""
    lines: list[list[Chip]] = [[]]
    widest = max(box_width([str(label)]) for label in members.labels)
    for label, chosen in zip(members.labels, inside.tolist(), strict=True):
        chip = Chip(str(label), chosen, widest)
        if lines[-1] and _room([*lines[-1], chip], TIGHT) > SET:
            lines.append([])
        lines[-1].append(chip)
    return tuple(map(tuple, lines))


def _room(chips: Sequence[Chip], gap: float) -> float:
    return sum(chip.width + gap for chip in chips) - gap


def _draw(row: Row, x: float, y: float, names: float) -> str:
    """Draw a row at ``x``, ``y``, its name within ``names`` pixels."""
    drawn = write(x + names, y + 18, row.name, anchor="end", room=names)
    for k, line in enumerate(row.lines):
        fill = BLUE if row.matters else SKIP
        drawn += _line(line, x + names + 2 * GAP, y + k * LINE, fill, row.gap)
    return drawn if row.matters else f'<g class="off" opacity="0.5">{drawn}</g>'


def _line(chips: Sequence[Chip], x: float, y: float, fill: str, gap: float) -> str:
    parts = []
    for chip in chips:
        if chip.chosen:
            parts.append(box(x, y, chip.width, CHIP, [chip.text], fill))
        else:
            parts.append(
                write(x + chip.width / 2, y + 18, chip.text, room=chip.width - 8, faint=True)
            )
        x += chip.width + gap
    return "".join(parts)
