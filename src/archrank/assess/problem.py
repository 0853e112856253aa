"""Data of an assessment: architectures, labels, truths, weak labels, costs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from archrank.assess.protocol import Protocol
from archrank.data import find_data
from archrank.errors import SettingsError, SpaceError, TableError
from archrank.metrics import Direction, Metric, split_direction
from archrank.runs.named import make_space
from archrank.runs.weak import weak_label
from archrank.spaces.base import Space
from archrank.tables.arrays import TableArrays, digest
from archrank.tables.base import BenchTable, load_table
from archrank.tables.files import read_raw
from archrank.tables.published import take
from archrank.types import Floats

USUAL_SPACE = "nasbench201"  # of tables that do not tell


@dataclass(frozen=True, eq=False)
class Problem(TableArrays):
    """Data that a cell of the grid needs, small enough to send to a worker process.

    Columns are those that are learnt or judged on; higher is better.

    Attributes:
        weak: ``(n,)`` per weak label, as in its file; NaN where it is not known.
        cost: ``(n,)`` MACs or FLOPs, or ``None``.
        cost_name: Source of the costs.
        directions: Direction of each column, by its name as the protocol has it.
    """

    weak: dict[str, Floats]
    cost: Floats | None
    cost_name: str
    directions: dict[str, Direction]

    @property
    def digest(self) -> str:
        """SHA-256 over the architectures, all columns and all weak labels."""
        weak = {f"weak {name}": values for name, values in self.weak.items()}
        return digest(self.archs, {**self.columns, **weak})


def open_table(
    table: str | Path | BenchTable,
    space: str | Space | None = None,
    *,
    data: str | Path | None = None,
    where: Mapping[str, str] | None = None,
    choices: Sequence[str] = (),
    average: bool = False,
) -> BenchTable:
    """Read a table of architectures, unless it is loaded already.

    Args:
        table: File, name of a built-in table, or a loaded table.
        space: Space of the architectures, or its name; ``None``: what a published file tells of
            itself, otherwise ``nasbench201``. Ignored for a loaded table.
        data: Folder of files that are named without a folder.
        where: ``{column: value}`` of the rows to take.
        choices: Columns with a choice each, in place of a column ``arch``.
        average: Whether rows of the same architecture are averaged.

    Raises:
        TableError: The file cannot be used.
        UnknownNameError: No space, or no column of ``where``, has that name.
        SettingsError: ``where`` for a loaded table.
    """
    if isinstance(table, BenchTable):
        if where or choices or average:
            raise SettingsError(
                "where, choices and average are about a file; of a loaded table, give them to "
                "load_table(path, space, where=...)"
            )
        return table
    path = find_data(str(table), data)
    if space is None and not choices:
        space = read_raw(path).space or USUAL_SPACE
    made = make_space(space) if isinstance(space, str) else space
    return load_table(path, made, where=where, choices=choices, average=average)


def measured(table: BenchTable, protocol: Protocol) -> BenchTable:
    """Return the rows that have all that ``protocol`` learns and judges on: failed ones lack it."""
    names = (protocol.labels, *protocol.judged, *protocol.fine_tune_labels)
    columns = [table.column(split_direction(name, table.metrics)[0]) for name in names]
    known = np.flatnonzero(np.isfinite(columns).all(axis=0))
    if len(known) == len(table):
        return table
    return replace(table, archs=table.archs[known], raw=take(table.raw, known))


def load_problem(table: BenchTable, protocol: Protocol, data: Path | None = None) -> Problem:
    """Check every column that ``protocol`` names, and read weak labels.

    Raises:
        TableError: A file cannot be used, a column to learn or to judge on has NaN, or weak labels
            are of other architectures.
        UnknownNameError: No column has that name.
        ObjectiveError: A column's direction is neither stated nor told by its name.
    """
    names = dict.fromkeys((protocol.labels, *protocol.judged, *protocol.fine_tune_labels))
    columns, directions = {}, {}
    for name in names:
        column, direction = split_direction(name, table.metrics)
        values = table.objective(column)
        metric = Metric(column, direction or table.directions.get(column))
        directions[name] = metric.known_direction
        columns[name] = values if directions[name] == "maximize" else -values
    weak = {spec: weak_label(spec, table, data) for spec in protocol.weak}
    known = np.isfinite(np.stack([*weak.values()])).all(axis=0) if weak else np.ones(2)
    if known.sum() < 2:
        raise TableError(
            f"weak labels {' '.join(weak)}: fewer than two of the table's {len(table)} "
            "architectures have all of them; name files of the same architectures"
        )
    cost, cost_name = _cost(table)
    return Problem(table.space, table.archs, columns, weak, cost, cost_name, directions)


def _cost(table: BenchTable) -> tuple[Floats | None, str]:
    """Find MACs or FLOPs of every architecture, if no network has to be built for them."""
    for name in table.metrics:
        if {"macs", "flops"} & set(re.split(r"[^a-z]+", name.lower())):
            values = table.column(name)
            if np.isfinite(values).all() and np.ptp(values) > 0:
                return values, name
    try:
        macs = table.space.cost(table.archs)["macs"]
    except SpaceError:  # costs depend on a task, which a table does not tell
        return None, ""
    return (macs, "macs") if np.ptp(macs) > 0 else (None, "")
