"""Zero-cost scores of NAS-Bench-201 as CSV: one row per cell and data set.

Krishnakumar et al., "NAS-Bench-Suite-Zero: Accelerating Research on Zero Cost Proxies", NeurIPS
2022. The scores are published as JSON; a CSV file of them has the columns ``dataset``, ``arch``, a
column per score, ``NAME_s`` for the seconds it took, and ``val_accuracy`` of one training.
"""

from __future__ import annotations

from concurrent.futures import Executor
from pathlib import Path

import numpy as np

from archrank.errors import ArchitectureError, TableError
from archrank.spaces.edge_cells.nasbench201 import NASBench201
from archrank.tables.files import numeric_column, read_columns
from archrank.tables.importers.base import Imported, Importer, Optimum, Published
from archrank.tables.raw import RawTable
from archrank.types import Floats, ProgressCallback

DATASETS = {"cifar10": "c10", "cifar100": "c100", "ImageNet16-120": "in16"}
SCORES = (
    *("flops", "params", "synflow", "grasp", "fisher", "grad_norm", "l2_norm", "plain", "nwot"),
    *("epe_nas", "jacov", "snip", "zen"),
)
ACCURACY = "val_accuracy"
FAILED = -1e8  # what is stored where a score could not be computed
PUBLISHED = Published(
    15_625,
    optima=(
        Optimum(f"c10_{ACCURACY}", 91.57, 5e-3, "NASLib's validation accuracies"),
        Optimum(f"c100_{ACCURACY}", 73.26, 5e-3, "NASLib's validation accuracies"),
    ),
)


class ZeroCostImporter(Importer):
    """Importer of zero-cost scores of NAS-Bench-201 as CSV, with a column per data set."""

    expects = "a CSV file with columns dataset, arch, val_accuracy and scores such as synflow"

    def read(
        self,
        path: Path,
        *,
        partial: bool,
        progress: ProgressCallback,
        executor: Executor | None = None,
    ) -> Imported:
        """Read all scores; those that could not be computed are empty."""
        if path.is_dir():
            raise TableError(f"{path} is a folder; expected: {self.expects}")
        raw = read_columns(str(path))
        missing = [name for name in ("dataset", "arch", ACCURACY) if name not in raw.names]
        _check_texts(raw, self.expects)
        names = [n for score in SCORES for n in (score, f"{score}_s") if n in raw.names]
        if missing or not names:
            lacking = ", ".join(missing) or f"any of {', '.join(SCORES)}"
            raise TableError(f"{path} has no column {lacking}; expected: {self.expects}")
        values = {name: numeric_column(raw, name).copy() for name in (*names, ACCURACY)}
        _check_accuracy(raw, values[ACCURACY])
        rows = _places(raw)
        strings = list(dict.fromkeys(cell for _, cell in rows))
        PUBLISHED.check_count(len(strings), path, partial=partial)
        space = NASBench201()
        archs = space.parse(strings)
        remarks = []
        failed = {name: _clear(values[name]) for name in names}
        told = ", ".join(f"{name} {count}" for name, count in failed.items() if count)
        if told:
            remarks.append(f"scores that could not be computed are empty: {told}")
        number = {cell: i for i, cell in enumerate(strings)}
        columns = {}
        for data in dict.fromkeys(data for data, _ in rows):
            mine = np.array([i for i, (each, _) in enumerate(rows) if each == data])
            at = np.array([number[rows[i][1]] for i in mine])
            for name in (ACCURACY, *names):
                column = np.full(len(strings), np.nan)
                column[at] = values[name][mine]
                columns[f"{DATASETS[data]}_{name}"] = column
        progress(raw.n, raw.n)
        return Imported(space, archs, strings, columns, PUBLISHED, tuple(remarks))


def _check_texts(raw: RawTable, expects: str) -> None:
    """Refuse data sets and cells that are no text."""
    for name in ("dataset", "arch"):
        if name in raw.numbers or name in raw.others:
            found = "numbers" if name in raw.numbers else raw.others[name]
            raise TableError(
                f"{raw.path}, column {name!r} holds {found}, no names; expected: {expects}"
            )


def _check_accuracy(raw: RawTable, values: Floats) -> None:
    """Refuse an accuracy that is missing or no percentage."""
    wrong = np.flatnonzero(~((values >= 0) & (values <= 100)))
    if len(wrong):
        row = int(wrong[0])
        raise TableError(
            f"{raw.path}, column {ACCURACY!r}, {raw.where(row)}: {values[row]:g} is no accuracy in "
            "percent"
        )


def _places(raw: RawTable) -> list[tuple[str, str]]:
    """Return data set and cell of every row.

    Raises:
        TableError: A data set that is not known, a string that is no cell, or a row twice.
    """
    space, seen, rows = NASBench201(), dict[tuple[str, str], int](), []
    for row, (data, cell) in enumerate(zip(raw.text["dataset"], raw.text["arch"], strict=True)):
        where = f"{raw.path}, {raw.where(row)}"
        if data not in DATASETS:
            raise TableError(
                f"{where}, column 'dataset': {data!r} is none of {', '.join(DATASETS)}"
            )
        try:
            (string,) = space.format(space.parse([str(cell or "")]))
        except ArchitectureError as error:
            raise TableError(f"{where}, column 'arch': {error}") from None
        before = seen.setdefault((data, string), row)
        if before != row:
            raise TableError(
                f"{where}: {string} on {data} is there already, in {raw.where(before)}; remove one"
            )
        rows.append((data, string))
    return rows


def _clear(values: Floats) -> int:
    """Empty the scores that could not be computed, and count them."""
    lost = (values == FAILED) | np.isinf(values)
    values[lost] = np.nan
    return int(lost.sum())
