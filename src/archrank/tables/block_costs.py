"""Costs of single blocks: what each option of a decision adds to the cost of a network.

A file has a row per decision and option, the columns ``decision`` and ``option``, and a numeric
column per cost, such as ``pixel3_latency_ms``. The cost of a network is the sum over the decisions
that exist in it, and over the rows of the decision ``(constant)``, which every network has. A
column ``space`` may say whose blocks they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from archrank.errors import TableError
from archrank.spaces.base import Choice, Space
from archrank.spaces.conditions import existing
from archrank.tables.files import numeric_column, read_raw
from archrank.tables.raw import RawTable
from archrank.tables.writing import write_columns
from archrank.types import Archs, Floats

CONSTANT = "(constant)"  # no identifier, so no decision is called so
KEYS = ("decision", "option")
SPACE = "space"


@dataclass(frozen=True, eq=False)
class BlockCostTable:
    """Costs of the options of a space.

    Attributes:
        space: whose decisions they are of.
        names: of the costs.
        constants: of what every network has, ``(m,)``.
        options: of each option, ``(m, d, o)``; 0 beyond the options of a decision.
    """

    space: Space
    names: tuple[str, ...]
    constants: Floats
    options: Floats

    def __call__(self, archs: Archs) -> Floats:
        """Add up the costs of ``archs: (n, d)``: ``(m, n)``."""
        columns = np.arange(self.space.d)
        there = existing(archs, self.space.conditions)  # (n, d)
        sums = [(table[columns, archs] * there).sum(axis=1) for table in self.options]
        total: Floats = self.constants[:, None] + np.array(sums)
        return total

    def weights(self, name: str) -> list[Floats]:
        """Return one cost of every option, a list per decision."""
        table = self.options[self.names.index(name)]
        return [table[j, : len(c.options)] for j, c in enumerate(self.space.choices)]


def cost_columns(raw: RawTable) -> tuple[str, ...]:
    """Return the names of the costs in a file.

    Raises:
        TableError: It lacks a column ``decision`` or ``option``, or numbers.
    """
    missing = [name for name in KEYS if name not in (*raw.text, *raw.numbers)]
    names = tuple(name for name in raw.numbers if name not in (*KEYS, SPACE))
    if missing or not names:
        lacking = missing[0] if missing else "of costs"
        raise TableError(
            f"{raw.path} has no column {lacking}, only {', '.join(raw.names)}; costs of blocks "
            "have the columns decision, option and a number per cost, such as latency_ms"
        )
    for name in raw.text:
        if name not in (*KEYS, SPACE):
            numeric_column(raw, name)  # names the row of what is no number
    return names


def read_block_costs(path: str | Path, space: Space) -> BlockCostTable:
    """Read the costs of the options of ``space`` from a CSV or Parquet file.

    Raises:
        TableError: The file cannot be read, is of another space, or has not exactly one finite
            number for each option; names the row or the option.
    """
    raw = read_raw(path)
    names = cost_columns(raw)
    _check_space(raw, space)
    numbers = np.array([raw.numbers[name] for name in names])  # (m, rows)
    lost = np.argwhere(~np.isfinite(numbers))
    if len(lost):
        column, row = map(int, lost[0])
        raise TableError(
            f"{raw.path}, column {names[column]!r}, {raw.where(row)}: there is no finite number"
        )
    places = _places(raw, space)
    constant = np.array([j < 0 for j, _ in places])
    longest = max(len(c.options) for c in space.origin.choices)
    whole = np.zeros((len(names), space.d, longest))
    for row, (j, k) in enumerate(places):
        if j >= 0:
            whole[:, j, k] = numbers[:, row]
    known = {place for place in places if place[0] >= 0}
    options = np.zeros((len(names), space.d, max(len(c.options) for c in space.choices)))
    for j, (choice, origin) in enumerate(zip(space.choices, space.origin.choices, strict=True)):
        for k, option in enumerate(choice.options):
            place = (j, origin.options.index(option))
            if place not in known:
                raise TableError(f"{raw.path}: no row of option {option!r} of {choice.name!r}")
            options[:, j, k] = whole[:, place[0], place[1]]
    return BlockCostTable(space, names, numbers[:, constant].sum(axis=1), options)


def write_block_costs(
    path: Path, space: str, rows: Sequence[tuple[str, str]], columns: Mapping[str, Floats]
) -> Path:
    """Write costs as Parquet, whole or not at all.

    Args:
        path: A ``.parquet`` file; replaced if it exists.
        space: Name of the space.
        rows: Decision and option of each row.
        columns: Numbers by name of the cost, one per row.

    Raises:
        StorageError: The file cannot be written.
    """
    text = {
        SPACE: [space] * len(rows),
        "decision": [decision for decision, _ in rows],
        "option": [option for _, option in rows],
    }
    return write_columns(path, text, columns)


def _check_space(raw: RawTable, space: Space) -> None:
    """Refuse costs of the blocks of another space, if the file says whose they are."""
    for row, name in enumerate(raw.text.get(SPACE, ())):
        if name is not None and name != space.origin.name:
            raise TableError(
                f"{raw.path}, {raw.where(row)}: these are costs of blocks of {name}, not of "
                f"{space.origin.name}; use --space {name}, or costs of {space.origin.name}"
            )


def _places(raw: RawTable, space: Space) -> list[tuple[int, int]]:
    """Return decision and option of each row as numbers; the decision is -1 for a constant.

    Raises:
        TableError: The space has no such decision or option, or a row is there twice.
    """
    decisions = _cells(raw, "decision")
    numbered = {c.name: (j, _labels(c)) for j, c in enumerate(space.origin.choices)}
    found: dict[tuple[int, int], int] = {}
    places = []
    for row, (decision, option) in enumerate(zip(decisions, _cells(raw, "option"), strict=True)):
        if decision == CONSTANT:
            places.append((-1, row))
            continue
        if decision not in numbered:
            raise TableError(
                f"{raw.path}, {raw.where(row)}: {space.origin.name} has no decision {decision!r}; "
                f"it has {', '.join(numbered)}, and {CONSTANT} for what every network has"
            )
        j, labels = numbered[decision]
        if option not in labels:
            known = ", ".join(map(str, space.origin.choices[j].options))
            raise TableError(
                f"{raw.path}, {raw.where(row)}: {decision} has no option {option!r}; it has {known}"
            )
        before = found.setdefault((j, labels[option]), row)
        if before != row:
            raise TableError(
                f"{raw.path}, {raw.where(row)}: {option!r} of {decision} is there already, in "
                f"{raw.where(before)}; remove one"
            )
        places.append((j, labels[option]))
    return places


def _cells(raw: RawTable, name: str) -> list[Any]:
    """Return a column of text, or of numbers where all cells are such."""
    return raw.text[name] if name in raw.text else raw.numbers[name].tolist()


def _labels(choice: Choice) -> dict[Any, int]:
    """Return the options as cells of text or of numbers have them, and their indices."""
    text: dict[Any, int] = {str(option): k for k, option in enumerate(choice.options)}
    numbers = {float(o): k for k, o in enumerate(choice.options) if isinstance(o, int | float)}
    return text | numbers
