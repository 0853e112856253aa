"""Data of an assessment: architectures, labels, truths, weak labels, costs."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from archrank.assess.protocol import Protocol
from archrank.data import find_data
from archrank.errors import SpaceError, TableError
from archrank.runs.weak import weak_label
from archrank.spaces.base import Space
from archrank.tables.base import BenchTable, load_table
from archrank.types import Archs, Floats


@dataclass(frozen=True, eq=False)
class Problem:
    """Data that a cell of the grid needs, as arrays; small enough to send to a worker process.

    Attributes:
        space: The space of the architectures.
        archs: ``(n, d)``, all architectures of the table.
        columns: ``(n,)`` per column that is learnt or judged on, higher is better.
        weak: ``(n,)`` per weak label, as in its file; NaN where it is not known.
        cost: ``(n,)`` MACs or FLOPs, or ``None``.
        cost_name: Source of the costs.
        digest: Hash of all of these.
    """

    space: Space
    archs: Archs
    columns: dict[str, Floats]
    weak: dict[str, Floats]
    cost: Floats | None
    cost_name: str
    digest: str

    def __len__(self) -> int:
        return len(self.archs)


def load_problem(
    table: str | Path | BenchTable, space: Space, protocol: Protocol, data: Path | None = None
) -> Problem:
    """Read and check every column that ``protocol`` names.

    Raises:
        TableError: A file cannot be used, a column to learn or to judge on has NaN, or weak labels
            are of other architectures.
        UnknownNameError: No column has that name.
    """
    if not isinstance(table, BenchTable):
        table = load_table(find_data(str(table), data), space)
    names = dict.fromkeys((protocol.labels, *protocol.judged, *protocol.fine_tune_labels))
    columns = {}
    for name in names:
        sign = -1.0 if table.directions.get(name) == "minimize" else 1.0
        columns[name] = sign * table.objective(name)
    weak = {spec: weak_label(spec, table, data) for spec in protocol.weak}
    known = np.isfinite(np.stack([*weak.values()])).all(axis=0) if weak else np.ones(2)
    if known.sum() < 2:
        raise TableError(
            f"weak labels {' '.join(weak)}: fewer than two of the table's {len(table)} "
            "architectures have all of them; name files of the same architectures"
        )
    cost, cost_name = _cost(table)
    digest = _digest(table.archs, {**columns, **{f"weak {k}": v for k, v in weak.items()}})
    return Problem(table.space, table.archs, columns, weak, cost, cost_name, digest)


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


def _digest(archs: Archs, columns: Mapping[str, Floats]) -> str:
    """Compute the SHA-256 hash of architectures and measurements."""
    digest = hashlib.sha256(np.ascontiguousarray(archs).tobytes())
    for name, values in columns.items():
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()
