"""NAS-Bench-101: ``nasbench_only108.tfrecord`` and ``nasbench_full.tfrecord``.

Ying et al., "NAS-Bench-101: Towards Reproducible Neural Architecture Search", ICML 2019: 423,624
cells, each trained three times, for 108 epochs, in the full file also for 4, 12 and 36.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archrank.errors import ArchitectureError, TableError
from archrank.spaces.nasbench101.space import NASBench101
from archrank.tables.importers.base import Imported, Importer, Optimum, Published
from archrank.tables.importers.nasbench101_records import MEASURED, Run, cell_string, parse_run
from archrank.tables.importers.tfrecord import read_records
from archrank.types import Archs, Floats, ProgressCallback

SCHEDULES = (108, 36, 12, 4)  # epochs
REPEATS = 3
HASHES_CHECKED = 1000
PUBLISHED = Published(
    423_624,
    what="cells",
    # the paper prints 94.32 %, later ones up to 94.34 %
    optima=(Optimum("test_e108", 0.9432, 0.0003, "Ying et al. 2019, section 3"),),
)


class NASBench101Importer(Importer):
    """Importer of the TFRecord files; accuracies remain fractions."""

    expects = "nasbench_only108.tfrecord or nasbench_full.tfrecord"

    def read(
        self,
        path: Path,
        *,
        partial: bool,
        progress: ProgressCallback,
        executor: Executor | None = None,
    ) -> Imported:
        """Read all records; each is one run, and the runs of a cell may be anywhere in the file."""
        if path.is_dir():
            raise TableError(f"{path} is a folder; expected: {self.expects}")
        cells = _Cells()
        for number, run in _runs(path, progress):
            try:
                cells.add(run)
            except ValueError as error:  # noqa: PERF203  # names the record
                raise TableError(f"{path}, record {number} {error}") from None
        PUBLISHED.check_count(len(cells.strings), path, partial=partial)
        columns = cells.columns()
        remarks = cells.check_repeats(path, partial=partial)
        space = NASBench101()
        try:
            archs = space.parse(cells.strings)
        except ArchitectureError as error:
            raise TableError(f"{path}: {error}") from None
        remarks += _inconsistent(space, archs, cells, columns["params"])
        return Imported(space, archs, cells.strings, columns, PUBLISHED, tuple(remarks))


def _runs(path: Path, progress: ProgressCallback) -> Iterator[tuple[int, Run]]:
    number = 0
    for payloads in read_records(path, progress=progress):
        for payload in payloads:
            try:
                yield number, parse_run(payload)
            except ValueError as error:
                raise TableError(
                    f"{path}, record {number} {error}; is it a file of NAS-Bench-101?"
                ) from None
            number += 1


class _Cells:
    """Runs grouped by cell, in the order in which cells first appear."""

    def __init__(self) -> None:
        self._rows: dict[bytes, int] = {}  # hash -> row
        self._values: dict[int, Floats] = {}  # epochs -> (capacity, repeats, measured)
        self._counts: dict[int, NDArray[np.uint8]] = {}  # epochs -> (capacity,)
        self._params: list[int] = []
        self._graphs: list[str] = []  # of the first run of each cell
        self.strings: list[str] = []

    @property
    def hashes(self) -> list[str]:
        return [key.hex() for key in self._rows]

    def add(self, run: Run) -> None:
        """Add one run.

        Raises:
            ValueError: Unknown number of epochs, a fourth repeat, or not a cell.
        """
        if run.epochs not in SCHEDULES:
            raise ValueError(f"has {run.epochs} epochs, expected one of {SCHEDULES}")
        key = bytes.fromhex(run.cell)
        graph = run.adjacency + run.operations
        row = self._rows.get(key)
        if row is None:
            row = len(self.strings)
            self.strings.append(cell_string(run.adjacency, run.operations))
            self._params.append(run.params)
            self._graphs.append(graph)
            self._rows[key] = row
        elif graph != self._graphs[row]:
            raise ValueError(f"is of cell {run.cell}, but has another graph than it had before")
        values, counts = self._room(run.epochs, row)
        repeat = counts[row]
        if repeat == REPEATS:
            raise ValueError(
                f"is run {REPEATS + 1} of cell {run.cell} with {run.epochs} epochs, expected "
                f"{REPEATS}"
            )
        values[row, repeat] = run.values
        counts[row] += 1

    def _room(self, epochs: int, row: int) -> tuple[Floats, NDArray[np.uint8]]:
        """Return the arrays of a schedule, enlarged if necessary to hold ``row``."""
        if epochs not in self._values:
            self._values[epochs] = np.empty((0, REPEATS, len(MEASURED)))
            self._counts[epochs] = np.empty(0, dtype=np.uint8)
        values, counts = self._values[epochs], self._counts[epochs]
        if row >= len(counts):
            more = max(1024, row + 1 - len(counts), len(counts) // 2)
            room = np.full((more, *values.shape[1:]), np.nan)
            values = self._values[epochs] = np.concatenate([values, room])
            counts = np.concatenate([counts, np.zeros(more, dtype=np.uint8)])
            self._counts[epochs] = counts
        return values, counts

    def columns(self) -> dict[str, Floats]:
        """Make columns ``(n,)``: means over runs, single runs of 108 epochs, parameters."""
        n = len(self.strings)
        columns: dict[str, Floats] = {}
        for epochs in SCHEDULES:
            if epochs not in self._values:
                continue
            self._room(epochs, n - 1)  # the cells after these lack this schedule
            values = self._values[epochs][:n]  # (n, repeats, measured)
            runs = np.isfinite(values[..., 0]).sum(axis=1)
            with np.errstate(invalid="ignore"):
                means = np.nansum(values, axis=1) / np.where(runs, runs, np.nan)[:, None]
            for k, name in enumerate(MEASURED):
                columns[_name(name, epochs)] = means[:, k]
                if epochs == SCHEDULES[0]:
                    for repeat in range(REPEATS):
                        columns[f"{_name(name, epochs)}_r{repeat + 1}"] = values[:, repeat, k]
        columns["params"] = np.array(self._params, dtype=np.float64)
        return columns

    def check_repeats(self, path: Path, *, partial: bool) -> list[str]:
        """Check that all cells have been trained three times; with ``partial``, return a remark.

        Raises:
            TableError: Some have not, and ``partial`` is False.
        """
        n, hashes, remarks = len(self.strings), self.hashes, []
        for epochs in self._counts:
            self._room(epochs, n - 1)
            lacking = np.flatnonzero(self._counts[epochs][:n] < REPEATS)
            if len(lacking):
                has = int(self._counts[epochs][lacking[0]])
                text = (
                    f"{len(lacking):,} cells have fewer than {REPEATS} runs of {epochs} epochs, "
                    f"first {hashes[lacking[0]]} with {has}"
                )
                if not partial:
                    raise TableError(f"{path}: {text}; --partial imports what is there")
                remarks.append(text)
        return remarks


def _name(measured: str, epochs: int) -> str:
    if measured == "train_time_s":  # the plain name is the full schedule's
        return measured if epochs == SCHEDULES[0] else f"train_time_e{epochs}_s"
    return f"{measured}_e{epochs}"


def _inconsistent(space: NASBench101, archs: Archs, cells: _Cells, params: Floats) -> list[str]:
    """Describe inconsistencies: parameters of all cells, published hashes of some."""
    remarks = []
    differs = np.flatnonzero(space.cost(archs)["params"] != params)
    if len(differs):
        row = int(differs[0])
        remarks.append(
            f"{len(differs):,} cells have another number of parameters than their networks, first "
            f"{cells.strings[row]} with {params[row]:.0f}"
        )
    some = np.linspace(0, len(archs) - 1, min(len(archs), HASHES_CHECKED)).astype(np.int64)
    hashes = cells.hashes
    wrong = [
        k for k, h in zip(some.tolist(), space.hash(archs[some]), strict=True) if hashes[k] != h
    ]
    if wrong:
        remarks.append(
            f"{len(wrong)} of {len(some)} checked cells have another hash than published, first "
            f"{cells.strings[wrong[0]]}"
        )
    return remarks
