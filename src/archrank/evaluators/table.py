"""Look-up in a table of measurements, as benchmark studies do."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from archrank.errors import EvaluationError, SpaceError
from archrank.evaluators.base import Evaluations, Evaluator
from archrank.metrics import Direction, Metric
from archrank.tables.base import BenchTable, infer_unit, load_table, metric_directions
from archrank.tables.files import numeric_column, read_raw
from archrank.tables.raw import RawTable
from archrank.types import Archs, Bools

if TYPE_CHECKING:
    from typing_extensions import Self

    from archrank.spaces.base import Space
    from archrank.tasks.base import Task

_SEED = re.compile(r"(.*_seed)(\d{1,4})")  # columns of one training each
_LOADED: dict[tuple[object, ...], BenchTable] = {}  # a worker unpickles one evaluator per task


class Table(Evaluator):
    r"""Looks architectures up in a table.

    Every numeric column is a metric. An architecture that is not in the table, or whose cell is
    empty, gets NaN with a reason.

    Args:
        table: path of a CSV or Parquet file with a column ``arch``, or a loaded table.
        metric: the column to optimise; comes first among the metrics and must be usable in every
            row. ``None`` keeps the file's order and checks no column.
        directions: ``{column: "maximize" | "minimize"}`` where the column's name does not tell
            (see :mod:`archrank.metrics`).
        complete: whether ``metric`` must be there in every row; otherwise rows without it have
            failed.

    Raises:
        TableError: the file cannot be read, or ``metric`` is not numeric.
        UnknownNameError: no such column.

    Example:
        >>> import pathlib, tempfile
        >>> from archrank.spaces import CustomSpace
        >>> space = CustomSpace({"depth": [1, 2]}, build=lambda config, task: None)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "table.csv")
        ...     _ = path.write_text("arch,accuracy\ndepth=2,0.9\n")
        ...     result = Table(path).bind(space).evaluate(space.enumerate())
        >>> result["accuracy"].tolist(), result.reasons
        ([nan, 0.9], ['not in the table', None])
    """

    stage = 1
    _columns: Mapping[str, str] = {}  # of metrics that are looked up under another name

    def __init__(
        self,
        table: str | Path | BenchTable,
        metric: str | None = None,
        *,
        directions: Mapping[str, Direction] | None = None,
        complete: bool = True,
    ) -> None:
        self.metric = metric
        self.complete = complete
        self._bench = table if isinstance(table, BenchTable) else None
        self._path = None if isinstance(table, BenchTable) else str(table)
        raw = table.raw if isinstance(table, BenchTable) else read_raw(cast(str, self._path))
        given = dict(table.directions) if isinstance(table, BenchTable) else {}
        self._directions = given | dict(directions or {})
        ways = metric_directions(raw, self._directions)
        names = list(raw.numbers)
        if metric is not None:
            numeric_column(raw, metric)
            names = [metric, *(name for name in names if name != metric)]
        self.metrics = tuple(Metric(name, ways.get(name), infer_unit(raw, name)) for name in names)
        self._contents = _contents(raw)
        self._digest = hashlib.sha256(repr(self._contents).encode()).hexdigest()

    @property
    def table(self) -> BenchTable:
        """The table, with its rows as architectures of the space; loaded once per process.

        Raises:
            EvaluationError: not bound to a space yet.
            TableError: rows that are not architectures of the space.
        """
        if self._bench is None:
            raw = read_raw(cast(str, self._path))
            key = (self._digest, self.space.fingerprint(), tuple(self._directions.items()))
            if key not in _LOADED or _LOADED[key].raw is not raw:  # another file of this content
                _LOADED[key] = load_table(raw.path, self.space, directions=self._directions)
            self._bench = _LOADED[key]
        return self._bench

    def bind(self, space: Space, *, task: Task | None = None, seed: int = 0) -> Self:
        """Return a copy that looks up architectures of ``space``, its table loaded and checked.

        Raises:
            SpaceError: a loaded table of another space.
            TableError: rows that are not architectures of ``space``; an unusable ``metric``.
        """
        bound = super().bind(space, task=task, seed=seed)
        if self._path is not None:
            bound._bench = None
        elif bound.table.space.choices != space.choices:
            raise SpaceError(
                f"the table holds architectures of {bound.table.space.name}, not of {space.name}; "
                "load it again with load_table(path, space)"
            )
        if self.metric is not None and self.complete:
            bound.table.objective(self.metric)
        return bound

    def evaluate(self, archs: Archs) -> Evaluations:
        """Look up ``archs: (n, d)``; return ``(n,)`` values of every metric."""
        table = self.table
        rows = table.rows(self.space.validate(archs))
        missing = rows < 0
        reasons: list[str | None] = ["not in the table" if m else None for m in missing]
        values = {}
        for metric in self.metrics:
            column = table.column(self._columns.get(metric.name, metric.name))
            found = np.where(missing, np.nan, column[rows])
            found[np.isinf(found)] = np.nan
            values[metric.name] = found
            for i in np.flatnonzero(np.isnan(found) & ~missing):
                lacking = reasons[i]
                reasons[i] = (
                    f"no value of {metric.name} in the table"
                    if lacking is None
                    else f"{lacking}, {metric.name}"
                )
        return Evaluations(values, reasons)

    def available(self, archs: Archs) -> Bools:
        """Tell which of ``archs: (n, d)`` are in the table: ``(n,)``."""
        return self.table.rows(archs) >= 0

    def listed(self) -> Archs:
        """List the table's architectures: ``(k, d)``."""
        return self.table.archs

    def again(self, repetition: int) -> Table | None:
        """Return a copy that looks up another training, where there is a column per seed.

        A column ``NAME_seed0`` is measured again by ``NAME_seed1``. ``None`` where there is none.
        """
        names = {metric.name for metric in self.metrics}
        columns = {
            metric.name: f"{found[1]}{int(found[2]) + repetition}"
            for metric in self.metrics
            if (found := _SEED.fullmatch(metric.name))
        }
        there = {name: column for name, column in columns.items() if column in names}
        if not there:
            return None
        other = copy(self)
        other._columns = there
        other.metrics = tuple(m for m in self.metrics if m.name in there)
        return other

    @property
    def capacity(self) -> int:
        """Number of rows of the table."""
        return len(self.table)

    def describe(self) -> dict[str, Any]:
        """Return the metric that comes first; what the file holds is told by :meth:`contents`."""
        return {"evaluator": "table", "metric": self.metric}

    def contents(self) -> dict[str, str]:
        """Return the digests of the rows and of every column; not the path: a file may move."""
        return self._contents

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        if self._path is not None:
            state["_bench"] = None  # workers read the file themselves, once per process
        return state

    def __repr__(self) -> str:
        name = self._path if self._path is not None else "<loaded table>"
        return f"Table({name!r}, metric={self.metric!r})"


def _contents(raw: RawTable) -> dict[str, str]:
    """Return digests of the architectures and of every column of numbers."""
    if not raw.n:
        raise EvaluationError(f"{raw.path}: the table has no rows")
    rows = "\n".join(map(str, raw.text.get("arch", []))).encode()
    columns = {f"table column {name}": column.tobytes() for name, column in raw.numbers.items()}
    data = {"table rows": rows, **columns}
    return {name: hashlib.sha256(content).hexdigest()[:16] for name, content in data.items()}
