"""Tables with a column per choice: the space that such columns span, and rows as architectures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from archrank.checks import quoted
from archrank.errors import ArchrankError, SpaceError, TableError, UnknownNameError
from archrank.spaces.given import GRID, identifier, is_empty, read_frame
from archrank.tables.raw import RawTable

if TYPE_CHECKING:
    from torch import nn

    from archrank.spaces.base import Space
    from archrank.tasks.base import Task

WIDE = 1000  # largest number by smallest, from which on a grid is logarithmic


def from_columns(raw: RawTable, choices: Sequence[str], space: Space | None = None) -> RawTable:
    """Return the table with a column ``arch`` in the place of a column per choice.

    Args:
        raw: the table.
        choices: names of the columns.
        space: of the architectures, whose decisions the columns are called after; ``None``: the
            one that the columns span, :func:`space_of`.

    Raises:
        TableError: a cell that is no option, or a column that can be no choice.
        UnknownNameError: no column has that name.
    """
    cells = _cells(raw, choices)
    made = space_of(raw, choices) if space is None else space
    try:
        archs = read_frame(made, cells, raw.where)
    except ArchrankError as error:
        raise TableError(f"{raw.label}: {error}") from None
    numbers = {name: values for name, values in raw.numbers.items() if name not in choices}
    text = {name: values for name, values in raw.text.items() if name not in choices}
    return replace(raw, numbers=numbers, text={**text, "arch": made.format(archs)})


def space_of(raw: RawTable, choices: Sequence[str]) -> Space:
    """Return the space that the columns of a table span: every option that occurs, of each.

    Numbers are options in their order; of more than 256 different ones, 256 on a grid, even or,
    over three powers of ten, logarithmic. All else is categorical, in the order of the alphabet. A
    column that has empty cells just where another column has certain values is a choice that
    exists only under the other values.

    Raises:
        TableError: a column without values, with too many different texts, or with empty cells that
            no other column explains.
        UnknownNameError: no column has that name.
    """
    from archrank.spaces import from_choices

    cells = _cells(raw, choices)
    options = {name: _options(raw, name, column) for name, column in cells.items()}
    order, active_if = _conditions(raw, cells)
    names = {name: identifier(name) for name in order}
    try:
        return from_choices(
            [(names[name], options[name]) for name in order],
            no_networks,
            active_if={names[c]: (names[p], wanted) for c, (p, wanted) in active_if.items()},
            name=identifier(Path(raw.path).name.partition(".")[0]),
        )
    except SpaceError as error:
        raise TableError(f"{raw.label}: {error}") from None


def no_networks(config: dict[str, Any], task: Task) -> nn.Module:
    """Refuse to build the network of a row.

    Raises:
        SpaceError: always: a table does not tell what its networks are.
    """
    raise SpaceError(
        "a table does not tell what its networks are; declare your space with a function that "
        "builds them, and read the table with it: read_table(file, space=space)"
    )


def _cells(raw: RawTable, choices: Sequence[str]) -> dict[str, list[Any]]:
    """Return the cells of the columns; whole numbers as integers."""
    if isinstance(choices, str) or not choices:
        raise TableError(
            f"{raw.label}: choices are a list of columns, got {quoted(choices)}; the columns are "
            f"{', '.join(raw.names)}"
        )
    found: dict[str, list[Any]] = {}
    for name in choices:
        if name in found:
            raise TableError(f"{raw.label}: column {name!r} is named twice among the choices")
        if name in raw.taken:
            found[name] = [_number(cell) for cell in raw.taken[name]]
        elif name in raw.numbers:
            found[name] = [_whole(value) for value in raw.numbers[name].tolist()]
        elif name in raw.text:
            found[name] = raw.text[name]
        else:
            raise UnknownNameError("column", str(name), raw.names, f"Table: {raw.label}")
        found[name] = _as_numbers(found[name])
    return found


def _as_numbers(cells: list[Any]) -> list[Any]:
    """Return cells as numbers if all are; texts that only look like some stay texts."""
    filled = [cell for cell in cells if not is_empty(cell)]
    if all(isinstance(cell, int | float) for cell in filled):
        return cells
    numbers = [_number(cell) for cell in filled]
    plain = all(isinstance(n, int | float) for n in numbers)
    codes = [
        str(c).strip()[:1] == "0" and n >= 1 for c, n in zip(filled, numbers, strict=True) if plain
    ]
    if plain and not any(codes):  # 012 is no number
        return [None if is_empty(cell) else _number(cell) for cell in cells]
    return [None if is_empty(cell) else str(cell).strip().replace(",", ";") for cell in cells]


def _number(cell: Any) -> Any:
    try:
        return _whole(float(cell))
    except (TypeError, ValueError):
        return cell


def _whole(value: float) -> int | float:
    return int(value) if math.isfinite(value) and value == int(value) else value


def _options(raw: RawTable, name: str, cells: list[Any]) -> list[Any]:
    filled = {cell for cell in cells if not is_empty(cell)}
    if not filled:
        raise TableError(f"{raw.label}: column {name!r} is empty; leave it out of the choices")
    if any(isinstance(cell, float) and math.isinf(cell) for cell in filled):
        row = next(
            i for i, cell in enumerate(cells) if isinstance(cell, float) and math.isinf(cell)
        )
        raise TableError(f"{raw.label}, column {name!r}: {raw.where(row)} is infinite")
    if any(isinstance(cell, str) for cell in filled):
        if len(filled) > GRID:
            raise TableError(
                f"{raw.label}: column {name!r} has {len(filled)} different texts, a choice has at "
                f"most {GRID}; is it a name? Leave it out of the choices"
            )
        return sorted(filled)
    numbers = sorted(filled)
    if len(numbers) <= GRID:
        return numbers
    low, high = numbers[0], numbers[-1]
    wide = low > 0 and high / low >= WIDE
    grid = np.geomspace(low, high, GRID) if wide else np.linspace(low, high, GRID)
    return [float(f"{value:.9g}") for value in grid]


def _conditions(
    raw: RawTable, cells: Mapping[str, list[Any]]
) -> tuple[list[str], dict[str, tuple[str, list[Any]]]]:
    """Return the columns, parents first, and for those with empty cells when they have a value."""
    holes = {name: [is_empty(cell) for cell in column] for name, column in cells.items()}
    order = [name for name in cells if not any(holes[name])]
    found: dict[str, tuple[str, list[Any]]] = {}
    left = [name for name in cells if any(holes[name])]
    while left:
        for name in left:
            parent = next((p for p in order if _explains(cells[p], holes[name])), None)
            if parent is not None:
                break
        else:
            row = holes[left[0]].index(True)
            raise TableError(
                f"{raw.label}, column {left[0]!r}: {raw.where(row)} is empty, and no other choice "
                "tells when it is; fill it, or leave the row out"
            )
        filled = zip(cells[parent], holes[name], strict=True)
        found[name] = (parent, sorted({cell for cell, hole in filled if not hole}))
        order.append(name)
        left.remove(name)
    return order, found


def _explains(parent: list[Any], holes: list[bool]) -> bool:
    """Tell whether no value of a column goes with empty and with filled cells of another."""
    pairs = list(zip(parent, holes, strict=True))
    without = {None if is_empty(cell) else cell for cell, hole in pairs if hole}
    with_ = {None if is_empty(cell) else cell for cell, hole in pairs if not hole}
    return None not in with_ and without.isdisjoint(with_) and len({*map(repr, parent)}) <= GRID
