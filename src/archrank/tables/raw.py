"""Columns of a table file, before its architectures are parsed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from archrank.tables.builtin import builtin_table
from archrank.types import Floats


@dataclass(frozen=True, eq=False)
class RawTable:
    """Columns of a file, before its architectures are parsed."""

    path: str
    names: tuple[str, ...]  # every column, in file order
    numbers: dict[str, Floats]  # measurements; empty cells are NaN
    text: dict[str, list[Any]]  # all other columns, as written
    n: int
    about: dict[str, Any] = field(default_factory=dict)  # metadata of the file
    others: dict[str, str] = field(default_factory=dict)  # types of columns that are not read
    space: str = ""  # name of the space, of published tables that are recognised
    conditions: tuple[str, ...] = ()  # columns that say what was measured, and where
    summaries: bool = False  # whether a row describes several architectures, and may repeat
    taken: dict[str, list[Any]] = field(default_factory=dict)  # columns that became ``arch``
    places: tuple[int, ...] = ()  # of the rows in the file, where some were left out

    @property
    def label(self) -> str:
        """Name of the table in messages: its path, or only its name if it is built in."""
        path = Path(self.path)
        return path.stem if builtin_table(path.stem) == path else self.path

    @property
    def task(self) -> str:
        """Name of the class of the task that was measured, such as ``Digits``; empty if unknown."""
        said = self.about.get("task")
        if isinstance(said, dict):  # the task's identity
            return str(said.get("class", ""))
        return str(said or "").partition("(")[0]  # its repr, in tables of 2026

    def where(self, row: int) -> str:
        """Describe a row in messages: its number from 0, and its line in a text file."""
        row = self.place(row)
        if self.path.endswith((".parquet", ".pq")) or self.path == "the data frame":
            return f"row {row}"
        return f"row {row} (line {row + 2})"

    def place(self, row: int) -> int:
        """Return the number of a row in the file."""
        return self.places[row] if self.places else row
