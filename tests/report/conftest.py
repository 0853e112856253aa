"""Small studies of every kind that a report has to show."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from archrank.evaluators import Function, Table
from archrank.metrics import Metric
from archrank.rankers import RandomForest
from archrank.spaces import CustomSpace, EdgeCellSpace
from archrank.strategies import Random
from archrank.strategies.guided import Guided
from archrank.study import Study

METRICS = (
    Metric("accuracy", unit="fraction"),
    Metric("latency_ms", "minimize", "ms"),
    Metric("macs", "minimize"),
)


def measure(config: dict[str, int]) -> dict[str, float]:
    if config["depth"] == 4 and config["width"] == 64:
        raise MemoryError("out of <memory>")
    accuracy = 0.5 + 0.05 * config["depth"] + 0.001 * config["width"] - 0.01 * config["kernel"]
    latency = float(config["depth"] * config["width"])
    return {"accuracy": accuracy, "latency_ms": latency, "macs": 1e6 * latency}


@pytest.fixture(scope="session")
def custom() -> CustomSpace:
    choices = {"depth": [1, 2, 3, 4], "width": [8, 16, 32, 64], "kernel": [1, 3, 5]}
    return CustomSpace(choices, build=lambda config, task: None, name="own <space>")


@pytest.fixture(scope="session")
def cell_table(tmp_path_factory: pytest.TempPathFactory, cells: EdgeCellSpace) -> Path:
    """All 64 cells; more convolutions are better, and larger."""
    path = tmp_path_factory.mktemp("tables") / "cells.csv"
    archs = cells.enumerate()
    lines = [
        f"{text},{50 + 10 * (row == 2).sum() + i / 100},{(row == 2).sum()}"
        for i, (text, row) in enumerate(zip(cells.format(archs), archs, strict=True))
    ]
    path.write_text("\n".join(["arch,<script>,size_params", *lines]))
    return path


@pytest.fixture(scope="session")
def table_study(cells: EdgeCellSpace, cell_table: Path) -> Study:
    ranker = RandomForest(cells, trees=10)
    evaluator = Table(cell_table, "<script>", directions={"<script>": "maximize"})
    return Study(cells, evaluator, Guided(ranker, skip_isomorphic=False), seed=1).run(budget=30)


@pytest.fixture(scope="session")
def own_study(custom: CustomSpace) -> Callable[..., Study]:
    """Makes a study of the custom space; 3 of its 48 architectures fail."""

    def make(budget: int = 48, **options: object) -> Study:
        evaluator = Function(measure, METRICS)
        study = Study(custom, evaluator, Random(), **options)  # type: ignore[arg-type]
        return study.run(budget=budget) if budget else study

    return make
