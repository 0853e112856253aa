"""Loading of the published measurements that reproductions read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from archrank.assess.fitting import Measured
from archrank.data import need_folder
from archrank.errors import DataError
from archrank.spaces.edge_cells.nasbench201 import NASBench201
from archrank.tables.arrays import RowFinder
from archrank.tables.base import BenchTable, load_table
from archrank.types import Archs, Floats, Ints

NB201 = "nb201.csv.gz"
SUPERNET = "nb201_supernet.csv.gz"
GOAL = 94.0  # percent
CONTENTS = {
    NB201: "NAS-Bench-201: 15,625 cells, a column arch and accuracies in percent (c10_val, ...)",
    SUPERNET: "weight-sharing accuracies of NAS-Bench-201 cells: arch, oneshot_acc, ...",
    "nb101_subset.csv.gz": "NAS-Bench-101: adj_upper, ops, accuracies after 108 epochs (val_e108)",
    "transnas101_micro.csv.gz": "TransNAS-Bench-101 micro: arch, class_scene, jigsaw, autoencoder",
    "hat_latency.csv.gz": "HAT's latencies: task, hardware, ten averages, two latencies in ms",
    "hwgpt_s.csv.gz": "HW-GPT-Bench, GPT-S: embed_dim, n_layer, ..., perplexity, gpulat_a100, ...",
}


@dataclass(frozen=True, eq=False)
class Bench(Measured):
    """A published table as arrays; columns are as in its files.

    Attributes:
        params: ``(n,)``.
        goal: Test accuracy on CIFAR-10, in percent, that the blog's searches try to reach.
    """

    params: Floats
    goal: float = GOAL

    def rows_of(self, archs: Archs) -> Ints:
        """Find the rows of architectures ``(k, d)`` of this table: ``(k,)``."""
        return RowFinder(self.space, self.archs).find(archs)


def load_bench(
    files: Sequence[str],
    columns: Sequence[str],
    data: Path | None = None,
    *,
    more: Sequence[str] = (),
) -> Bench:
    """Read ``columns`` of the first file, ``more`` if it has all, and every column of the others.

    Raises:
        DataError: A file is missing; the message describes it and lists the searched folders.
        TableError: A file cannot be used, or a column has NaN.
        UnknownNameError: A column is missing.
    """
    folder = need_folder("published tables", data)
    tables = [load_table(_find(folder, name), NASBench201()) for name in files]
    first = tables[0]
    wanted = (*columns, *more) if set(more) <= set(first.metrics) else columns
    found = {name: first.objective(name) for name in wanted}
    for other in tables[1:]:
        found |= _joined(first, other)
    cost = first.space.cost(first.archs)
    macs, params = (np.asarray(cost[k], dtype=np.float64) for k in ("macs", "params"))
    return Bench(first.space, first.archs, found, macs, params)


def _joined(first: BenchTable, other: BenchTable) -> dict[str, Floats]:
    """Return the columns of ``other`` in the row order of ``first``: ``(n,)`` each."""
    rows = other.rows(first.archs)
    if (rows < 0).any():
        lacking = first.space.format(first.archs[rows < 0][:1])[0]
        raise DataError(
            f"{other.path} lacks {int((rows < 0).sum())} of the {len(first)} architectures of "
            f"{first.path}, the first is {lacking}; take the complete file"
        )
    return {
        name: other.objective(name)[rows] for name in other.metrics if name not in first.metrics
    }


def find_table(name: str, data: Path | None = None) -> Path:
    """Find a published table in the data folder.

    Raises:
        DataError: There is none; the message describes it.
    """
    return _find(need_folder("published tables", data), name)


def _find(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.is_file():
        raise DataError(f"there is no {name} in {folder}; it is a table of {CONTENTS[name]}")
    return path
