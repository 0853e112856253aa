"""Benchmark tables: measurements of architectures, checked once when a table is loaded."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from archrank.errors import ArchrankError, TableError
from archrank.metrics import Direction, infer_direction
from archrank.spaces.given import read_arch
from archrank.tables.arrays import RowFinder
from archrank.tables.columns import column_names, read_choices
from archrank.tables.files import numeric_column, read_raw
from archrank.tables.published import selected, take
from archrank.tables.raw import RawTable
from archrank.types import Archs, Floats, Ints

if TYPE_CHECKING:
    from pandas import DataFrame

    from archrank.spaces.base import Space

ACCURACIES = {"acc", "accuracy"}  # words in names of columns
CLASSES = "isomorphism classes"  # what a file says of itself that has one row for each


@dataclass(frozen=True, eq=False)
class BenchTable:
    r"""Measurements of architectures of a space; need not cover the whole space.

    Attributes:
        space: The space of the architectures.
        archs: ``(n, d)``, all different.
        raw: The columns as read from the file.
        directions: Better direction of the metrics of which it is known, ``"maximize"`` or
            ``"minimize"``.

    Example:
        >>> import pathlib, tempfile
        >>> from archrank.spaces import CustomSpace
        >>> space = CustomSpace({"depth": [1, 2]}, build=lambda config, task: None)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "table.csv")
        ...     _ = path.write_text("arch,accuracy,latency_ms\ndepth=2,0.9,3\n")
        ...     table = load_table(path, space)
        >>> table.directions
        {'accuracy': 'maximize', 'latency_ms': 'minimize'}
        >>> table.rows(space.enumerate()).tolist()
        [-1, 0]
    """

    space: Space
    archs: Archs
    raw: RawTable = field(repr=False)
    directions: dict[str, Direction]

    @property
    def path(self) -> str:
        """File that the table was read from."""
        return self.raw.path

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the numeric columns, in file order."""
        return tuple(self.raw.numbers)

    def __len__(self) -> int:
        return len(self.archs)

    def column(self, name: str) -> Floats:
        """Return the values of a metric, ``(n,)``, in the file's unit; NaN where a cell is empty.

        Raises:
            UnknownNameError: No column has that name.
            TableError: The column is not numeric; names the first cell that is not a number.
        """
        return numeric_column(self.raw, name)

    def objective(self, name: str) -> Floats:
        """Return the values of a metric to optimise or to rank by: ``(n,)``, all finite.

        Raises:
            UnknownNameError: No column has that name.
            TableError: The column is not numeric, has NaN or infinite values, or is constant.
        """
        values = self.column(name)
        bad = np.flatnonzero(~np.isfinite(values))
        if len(bad):
            what = "empty or NaN" if np.isnan(values[bad[0]]) else "infinite"
            raise TableError(
                f"{self.path}, column {name!r}: {self.raw.where(int(bad[0]))} is {what}, and "
                f"{len(bad)} of {len(self)} rows are; drop these rows or choose another metric"
            )
        if (values == values[0]).all():
            raise TableError(
                f"{self.path}, column {name!r}: all {len(self)} rows are {values[0]:g}; nothing "
                "can be ranked by it, choose another metric"
            )
        return values

    @property
    def by_class(self) -> bool:
        """True if a row is valid for all architectures that are isomorphic to its own."""
        return self.raw.about.get("rows") == CLASSES

    def rows(self, archs: Archs) -> Ints:
        """Find the row of each architecture, ``(k, d) -> (k,)``; -1 if it is not in the table."""
        return self._finder.find(archs)

    @cached_property
    def _finder(self) -> RowFinder:
        return RowFinder(self.space, self.archs, by_class=self.by_class)


def load_table(
    path: str | Path | DataFrame,
    space: Space | None = None,
    *,
    choices: Sequence[str] = (),
    directions: Mapping[str, Direction] | None = None,
    where: Mapping[str, object] | None = None,
    average: bool = False,
) -> BenchTable:
    """Read a table of measurements.

    Args:
        path: Name of a built-in table, or a CSV (also ``.csv.gz``) or Parquet file with a column
            ``arch`` of strings that ``space.parse`` reads, or of JSON or numbers of architectures;
            or the published table of HAT's latencies or of HW-GPT-Bench, as it is; or a data
            frame. Numeric columns are metrics, except identifiers
            (:data:`IDENTIFIERS`, and digits with leading zeros).
        space: The space of the architectures; ``None``: that of a published table, or the one that
            the columns of ``choices`` span (:func:`~archrank.tables.columns.read_choices`).
        choices: Columns with a choice each, in place of a column ``arch``.
        directions: ``{metric: "maximize" | "minimize"}`` of columns whose names do not tell (see
            :mod:`archrank.metrics`).
        where: ``{column: value}`` of the rows to take, as written in the file; all by default.
        average: Whether rows of the same architecture are averaged; refused otherwise. A metric
            that only some of them have is the mean of these.

    Raises:
        TableError: The file is missing, empty or damaged, has no ``arch`` column, has an
            architecture that is not of the space, or one twice; no row has the values of
            ``where``, or a published table has rows of several devices and none is chosen. The
            message names file, column and row.
        UnknownNameError: A direction or a value for a column that does not exist.
    """
    choices = column_names(choices)
    raw = selected(read_raw(path), where, choices)
    if choices:
        space, archs, raw = read_choices(raw, choices, space)
    else:
        space = space if space is not None else _published_space(raw)
        archs = _parse(raw, space)
    table = BenchTable(space, archs, raw, metric_directions(raw, directions))
    first = table.rows(archs)
    repeated = np.flatnonzero(first != np.arange(len(archs)))
    if len(repeated) and average:
        return _averaged(table, first)
    if len(repeated):
        a, b = sorted((int(repeated[0]), int(first[repeated[0]])))
        column = "" if choices else ", column 'arch'"
        written = space.format(archs[a : a + 1])[0] if choices else raw.text["arch"][a]
        raise TableError(
            f"{raw.path}{column}: {raw.where(a)} and {raw.where(b)} are the same architecture "
            f"{written!r}; keep one of them, or average them: --average (average=True in Python)"
        )
    return table


def _published_space(raw: RawTable) -> Space:
    """Return the space of a published table.

    Raises:
        TableError: It is none.
    """
    from archrank.spaces import SPACES

    if not raw.space:
        raise TableError(
            f"{raw.path}: name its space, or the columns that are choices: choices=[...]; the "
            f"columns are {', '.join(raw.names)}"
        )
    found: Space = SPACES.get(raw.space)()
    return found


def _averaged(table: BenchTable, group: Ints) -> BenchTable:
    """Return one row per architecture, with mean measurements; equals share a ``group: (n,)``."""
    keys, first, number = np.unique(group, return_index=True, return_inverse=True)
    order = np.argsort(first)
    raw = take(table.raw, first[order])

    def mean(values: Floats) -> Floats:
        known = np.isfinite(values)
        counts = np.bincount(number, known, len(keys))
        total = np.bincount(number, np.where(known, values, 0.0), len(keys))
        found: Floats = np.where(counts > 0, total / np.maximum(counts, 1), np.nan)[order]
        return found

    numbers = {name: mean(values) for name, values in table.raw.numbers.items()}
    return replace(table, archs=table.archs[first[order]], raw=replace(raw, numbers=numbers))


def _parse(raw: RawTable, space: Space) -> Archs:
    """Parse the ``arch`` column: ``(n, d)``."""
    if "arch" not in raw.text:
        raise _no_archs(raw, space)
    strings: list[Any] = [None if cell is None else str(cell) for cell in raw.text["arch"]]
    for row, text in enumerate(strings):
        if not isinstance(text, str):
            found = "empty" if text is None else repr(text)
            raise TableError(
                f"{raw.path}, column 'arch': {raw.where(row)} is {found}, expected an architecture "
                f"string of {space.name}"
            )
    try:
        return space.parse(strings)
    except ArchrankError:
        archs, unreadable = _read_each(strings, space)
        if unreadable is None:
            return archs
        row, reason = unreadable
        raise TableError(
            f"{raw.path}, column 'arch': {raw.where(row)}: {reason}; is this a table of "
            f"{space.name}?"
        ) from None


def _no_archs(raw: RawTable, space: Space) -> TableError:
    """Return what is wrong with a table that has no architecture strings."""
    close = difflib.get_close_matches("arch", raw.names, n=2, cutoff=0.7)
    named = "arch" in raw.names
    meant = f"; is it {' or '.join(map(repr, close))}? Rename it" if close and not named else ""
    held = "holds numbers" if named else "is missing"
    held = f"holds {raw.others['arch']}" if "arch" in raw.others else held
    own = "or name the columns that are choices: --choices A,B (in Python choices=['A', 'B'])"
    more = "" if named or close else f"; {own}"
    return TableError(
        f"{raw.path}: column 'arch' {held}; it must hold architecture strings of "
        f"{space.name}{meant}{more}. Columns: {', '.join(raw.names)}"
    )


def _read_each(strings: Sequence[Any], space: Space) -> tuple[Archs, tuple[int, str] | None]:
    """Read architectures in any form: ``(n, d)``; and the first that cannot be, with the reason."""
    archs = np.zeros((len(strings), space.d), dtype=np.uint8)
    for row, text in enumerate(strings):
        try:
            archs[row] = read_arch(space, text)
        except ArchrankError as error:  # noqa: PERF203  # the boundary of data
            return archs, (row, _reason(text, space, error))
    return archs, None


def _reason(text: Any, space: Space, error: ArchrankError) -> str:
    """Say why a text is no architecture, in the words of the space unless it is a number."""
    try:
        if not str(text).isdigit():
            space.parse([text])
    except ArchrankError as own:
        error = own
    return re.sub(r"^architecture 0: ", "", str(error).removeprefix(f"{space.name}: "))


def metric_directions(
    raw: RawTable, given: Mapping[str, Direction] | None = None
) -> dict[str, Direction]:
    """Return the directions of metrics: as given, otherwise as their names tell, if they do.

    Raises:
        UnknownNameError: A direction for a name that is not a metric of the table.
        TableError: A direction that is neither ``maximize`` nor ``minimize``.
    """
    for name, direction in (given or {}).items():
        numeric_column(raw, name)
        if direction not in ("maximize", "minimize"):
            raise TableError(
                f"{raw.path}: direction of {name!r} is {direction!r}; use 'maximize' or 'minimize'"
            )
    told = {name: way for name in raw.numbers if (way := infer_direction(name)) is not None}
    return told | dict(given or {})


def infer_unit(raw: RawTable, name: str) -> str:
    """Return ``fraction`` for a column called an accuracy whose numbers are from 0 to 1, else "".

    It is printed in percent then; values, constraints and files keep the unit of the table.
    """
    values = raw.numbers[name]
    known = values[np.isfinite(values)]
    words = re.split(r"[^a-z0-9]+", name.lower())
    inside = len(known) > 0 and known.min() >= 0 and known.max() <= 1
    return "fraction" if inside and not ACCURACIES.isdisjoint(words) else ""
