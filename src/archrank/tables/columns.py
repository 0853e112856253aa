"""Tables with a column per choice: the space that such columns span, and rows as architectures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from archrank.checks import quoted
from archrank.errors import ArchrankError, SpaceError, TableError, UnknownNameError
from archrank.spaces.given import GRID, identifier, is_empty, read_frame
from archrank.tables.raw import RawTable
from archrank.types import Archs, Bools, Ints

if TYPE_CHECKING:
    from torch import nn

    from archrank.spaces.base import Space
    from archrank.tasks.base import Task

WIDE = 1000  # largest number by smallest, from which on a grid is logarithmic
EMPTY = -1  # code of an empty cell


def column_names(choices: object) -> tuple[str, ...]:
    """Return the names of the columns that are choices, as the table has them.

    Raises:
        TableError: it is no list of names.
    """
    if isinstance(choices, str | bytes | Mapping) or not isinstance(choices, Iterable):
        raise TableError(
            f"choices are a list of columns, such as ['depth', 'width'], got {quoted(choices)}"
        )
    return tuple(map(str, choices))


def read_choices(
    raw: RawTable, choices: Sequence[str], space: Space | None = None
) -> tuple[Space, Archs, RawTable]:
    """Read a table with a column per choice: the space, ``archs: (n, d)``, and the other columns.

    Without a space, it is the one that the columns span: every option that occurs, of each. Numbers
    are options in their order; of more than 256 different ones, 256 on a grid, even or, over three
    powers of ten, logarithmic. All else is categorical, in the order of the alphabet. A column that
    has empty cells just where another column has certain values is a choice that exists only under
    the other values.

    Args:
        raw: the table.
        choices: names of the columns.
        space: of the architectures, whose decisions the columns are called after.

    Raises:
        TableError: a column without values, with too many different texts, or with empty cells that
            no other column explains; or, of a given space, a cell that is no option.
        UnknownNameError: no column has that name.
    """
    columns = _columns(raw, choices)
    made = _spanned(raw, columns) if space is None else space
    cells = {name: column.cells for name, column in columns.items()}
    try:
        archs = read_frame(made, cells, raw.where)
    except ArchrankError as error:
        raise TableError(f"{raw.label}: {error}") from None
    numbers = {name: values for name, values in raw.numbers.items() if name not in columns}
    text = {name: values for name, values in raw.text.items() if name not in columns}
    return made, archs, replace(raw, numbers=numbers, text=text)


def no_networks(config: dict[str, Any], task: Task) -> nn.Module:
    """Refuse to build the network of a row.

    Raises:
        SpaceError: always: a table does not tell what its networks are.
    """
    raise SpaceError(
        "a table does not tell what its networks are; declare your space with a function that "
        "builds them, and read the table with it: read_table(file, space=space)"
    )


class _Column(NamedTuple):
    """Cells of a column, each different value once.

    Attributes:
        values: all numbers or all texts, all different, none empty.
        codes: which of them a cell holds, or ``EMPTY``: ``(n,)``.
    """

    values: list[Any]
    codes: Ints

    @property
    def cells(self) -> list[Any]:
        """One value per row, ``None`` where a cell is empty."""
        return [None if code == EMPTY else self.values[code] for code in self.codes.tolist()]

    @property
    def holes(self) -> Bools:
        """Mark the empty cells: ``(n,)``."""
        return np.asarray(self.codes == EMPTY)

    def first(self, value: Any) -> int:
        """Return the first row that holds a value."""
        return int(np.argmax(self.codes == self.values.index(value)))


def _columns(raw: RawTable, choices: Sequence[str]) -> dict[str, _Column]:
    """Return the columns of the choices, in their order."""
    found: dict[str, _Column] = {}
    for name in choices:
        if name in found:
            raise TableError(f"{raw.label}: column {name!r} is named twice among the choices")
        if name in raw.taken:
            found[name] = _column(raw.taken[name])
        elif name in raw.numbers:
            found[name] = _column(raw.numbers[name].tolist())
        elif name in raw.text:
            found[name] = _column(raw.text[name])
        elif name in raw.others:
            raise TableError(
                f"{raw.label}, column {name!r} holds {raw.others[name]}; a choice holds numbers or "
                "texts"
            )
        else:
            raise UnknownNameError("column", name, raw.names, f"Table: {raw.label}")
    return found


def _column(cells: Sequence[Any]) -> _Column:
    """Number the values of a column; numbers are such if all are, and whole where they are."""
    different = [cell for cell in dict.fromkeys(cells) if not is_empty(cell)]
    meant = dict(zip(different, _meanings(different), strict=True))
    place = {value: code for code, value in enumerate(dict.fromkeys(meant.values()))}
    code_of = {cell: place[value] for cell, value in meant.items()}
    codes = np.array([code_of.get(cell, EMPTY) for cell in cells], dtype=np.int64)
    return _Column(list(place), codes)


def _meanings(values: list[Any]) -> list[Any]:
    """Return values as numbers if all are; texts that only look like some stay texts."""
    numbers = [_number(value) for value in values]
    codes = any(  # 012 is no number
        isinstance(value, str) and value.strip()[:1] == "0" and number is not None and number >= 1
        for value, number in zip(values, numbers, strict=True)
    )
    if None in numbers or codes:
        return [str(value).strip().replace(",", ";") for value in values]
    return numbers


def _number(cell: Any) -> int | float | None:
    try:
        value = float(cell)
    except (TypeError, ValueError):
        return None
    if math.isnan(value):
        return None
    return int(value) if math.isfinite(value) and value == int(value) else value


def _spanned(raw: RawTable, columns: Mapping[str, _Column]) -> Space:
    """Return the space of all options that occur.

    Raises:
        TableError: a column can be no choice; says which.
    """
    from archrank.spaces import from_choices

    options = {name: _options(raw, name, column) for name, column in columns.items()}
    order, active_if = _conditions(raw, columns)
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


def _options(raw: RawTable, name: str, column: _Column) -> list[Any]:
    """Return the options of a column: its values, or a grid in place of many numbers."""
    if not column.values:
        raise TableError(f"{raw.label}: column {name!r} is empty; leave it out of the choices")
    values = sorted(column.values)
    if len(values) <= GRID and not _infinite(values):
        return values
    if isinstance(values[0], str):
        known = f". Without choices the table is read as one of {raw.space}" if raw.space else ""
        raise TableError(
            f"{raw.label}: column {name!r} has {len(values):,} different texts, such as "
            f"{quoted(values[0])}; a choice has at most {GRID}. Is it a name? Leave it out of the "
            f"choices. Is it a list? Give each of its parts a column{known}"
        )
    if wrong := _infinite(values):
        where = raw.where(column.first(wrong[0]))
        raise TableError(f"{raw.label}, column {name!r}: {where} is infinite")
    return _grid(values[0], values[-1])


def _infinite(values: list[Any]) -> list[float]:
    return [value for value in values if isinstance(value, float) and math.isinf(value)]


def _grid(low: float, high: float) -> list[float]:
    """Return 256 numbers from ``low`` to ``high``, of nine digits where these tell them apart."""
    wide = low > 0 and high / low >= WIDE
    exact = (np.geomspace if wide else np.linspace)(low, high, GRID)[1:-1].tolist()
    short = [float(f"{value:.9g}") for value in exact]
    rises = all(a < b for a, b in zip([low, *short], [*short, high], strict=True))
    return [low, *(short if rises else exact), high]


def _conditions(
    raw: RawTable, columns: Mapping[str, _Column]
) -> tuple[list[str], dict[str, tuple[str, list[Any]]]]:
    """Return the columns, parents first, and for those with empty cells when they have a value."""
    order = [name for name, column in columns.items() if not column.holes.any()]
    found: dict[str, tuple[str, list[Any]]] = {}
    left = [name for name in columns if name not in order]
    while left:
        for name in left:
            holes = columns[name].holes
            parent = next((p for p in order if _explains(columns[p], holes)), None)
            if parent is not None:
                break
        else:
            row = int(np.argmax(columns[left[0]].holes))
            raise TableError(
                f"{raw.label}, column {left[0]!r}: {raw.where(row)} is empty, and no other choice "
                "tells when it is; fill it, or leave the row out"
            )
        wanted = np.unique(columns[parent].codes[~holes])
        found[name] = (parent, sorted(columns[parent].values[code] for code in wanted.tolist()))
        order.append(name)
        left.remove(name)
    return order, found


def _explains(parent: _Column, holes: Bools) -> bool:
    """Tell whether no value of a column goes with empty and with filled cells of another."""
    if len(parent.values) > GRID:
        return False
    places = parent.codes - EMPTY  # an empty cell of the parent is 0
    without = np.bincount(places[holes], minlength=len(parent.values) + 1) > 0
    with_ = np.bincount(places[~holes], minlength=len(parent.values) + 1) > 0
    return not (with_[0] or (without & with_).any())
