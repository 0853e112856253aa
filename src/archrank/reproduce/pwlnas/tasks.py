"""Tasks of the study that published tables hold: of NAS-Bench-201, -101 and TransNAS-Bench-101."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from archrank.reproduce.bench import NB201, find_table
from archrank.spaces.base import Space
from archrank.spaces.edge_cells.nasbench201 import NASBench201
from archrank.spaces.edge_cells.transnas101 import TransNAS101Micro
from archrank.spaces.nasbench101.space import NASBench101
from archrank.tables.base import load_table
from archrank.types import Archs, Floats

NB101, TRANSNAS = "nb101_subset.csv.gz", "transnas101_micro.csv.gz"
FILES = (NB201, NB101, TRANSNAS)


@dataclass(frozen=True, eq=False)
class Task:
    """Architectures ``(n, d)``, what is learnt and what judges, higher is better: ``(n,)``."""

    name: str
    space: Space
    archs: Archs
    labels: Floats
    truth: Floats


def load_tasks(data: Path | None) -> list[Task]:
    """Read all six tasks.

    Raises:
        DataError: A file is missing; the message describes it.
        TableError: A file cannot be used.
    """
    import pandas as pd

    cells = load_table(find_table(NB201, data), NASBench201())
    tasks = [
        Task(
            name,
            cells.space,
            cells.archs,
            cells.column(f"{name}_val"),
            cells.column(f"{name}_test"),
        )
        for name in ("c10", "c100")
    ]
    frame = pd.read_csv(find_table(NB101, data), dtype={"adj_upper": str, "ops": str})
    space = NASBench101()
    trained = frame["val_e108"].to_numpy(float)
    graphs = space.from_columns(frame["adj_upper"], frame["ops"])
    tasks.append(Task("nb101", space, graphs, trained, trained))
    transnas = load_table(find_table(TRANSNAS, data), TransNAS101Micro())
    for name in ("class_scene", "jigsaw", "autoencoder"):
        column = transnas.column(name)
        tasks.append(Task(name, transnas.space, transnas.archs, column, column))
    return tasks
