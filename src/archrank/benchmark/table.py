"""A finished build as one table: means over seeds, every run, costs, proxies, latency."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from archrank import criteria
from archrank.benchmark.build import LATENCY, ONE_SHOT, PROXIES, Benchmark
from archrank.errors import EvaluationError, LabelError
from archrank.study.study import Study
from archrank.tables.arrays import RowFinder
from archrank.tables.base import CLASSES
from archrank.tables.writing import write_table
from archrank.types import Archs, Floats

MEASURES = ("valid", "test")


@dataclass(frozen=True, eq=False)
class Built:
    """Measurements of a finished benchmark.

    Attributes:
        archs: ``(n, d)``, in index order of the space.
        columns: ``{name: (n,)}`` in the order of the file.
        exact: names of columns that are fractions of a few thousand images; stored as float32.
        about: description of the table, in JSON values; kept in the file.
    """

    archs: Archs
    columns: dict[str, Floats]
    exact: tuple[str, ...]
    about: dict[str, Any] = field(repr=False)

    def write(self, path: Path, strings: list[str]) -> Path:
        """Write the Parquet file; ``strings`` are the architectures as text."""
        coarse = [name for name in self.columns if name not in self.exact]
        return write_table(
            path, strings, self.columns, about=self.about, coarse=coarse, single=self.exact
        )


def assemble(benchmark: Benchmark, name: str) -> Built:
    """Join the measurements of all stages into one table.

    Raises:
        EvaluationError: a stage has not been finished.
    """
    studies = {stage: benchmark.study(stage) for stage in benchmark.stages}
    for stage, study in studies.items():
        if len(study.records) < benchmark.archs:
            raise EvaluationError(
                f"{stage} has {len(study.records):,} of {benchmark.archs:,} architectures; run the "
                "build again to finish it"
            )
    archs = benchmark.strategy.listed(benchmark.space)[: benchmark.archs]
    archs = archs[np.argsort(benchmark.space.index(archs))]
    found = {stage: _columns(study, archs) for stage, study in studies.items()}
    runs = [values for stage, values in found.items() if stage.startswith("seed")]
    columns, exact = _trained(benchmark, runs)
    columns |= benchmark.networks.cost(archs)
    for stage in (PROXIES, ONE_SHOT, LATENCY):
        if stage in studies:
            columns |= {m.name: found[stage][m.name] for m in studies[stage].evaluator.metrics}
    about = {
        "name": name,
        "rows": CLASSES,
        "space": benchmark.networks.fingerprint(),
        "task": benchmark.task.identity(),
        "seeds": benchmark.settings.seeds,
        "epochs": [*benchmark.settings.checkpoints, benchmark.task.recipe.epochs],
        "classes": len(benchmark.strategy.listed(benchmark.space)),
        "agreement": agreement(runs, benchmark.task.metrics[0].name),
        "provenance": benchmark.provenance,
    }
    return Built(archs, columns, exact, about)


def _columns(study: Study, archs: Archs) -> dict[str, Floats]:
    """Return metrics and CPU seconds of a study for ``archs: (n, d)``: ``(n,)`` each."""
    rows = RowFinder(study.space, np.stack([r.arch for r in study.records])).find(archs)
    names = [m.name for m in study.evaluator.metrics]
    values = {n: np.array([r.values.get(n, np.nan) for r in study.records])[rows] for n in names}
    return values | {"cpu_seconds": np.array([r.cpu_seconds for r in study.records])[rows]}


def _trained(
    benchmark: Benchmark, runs: list[dict[str, Floats]]
) -> tuple[dict[str, Floats], tuple[str, ...]]:
    """Return means over seeds, then each run at each epoch; and the names of fractions."""
    metrics, last = benchmark.task.metrics, benchmark.task.recipe.epochs
    kinds = [f"{split}_{m}" for m in (*(m.name for m in metrics), "loss") for split in MEASURES]
    columns = {kind: np.mean([run[kind] for run in runs], axis=0) for kind in kinds}
    columns["cpu_seconds"] = np.mean([run["cpu_seconds"] for run in runs], axis=0)
    for seed, run in enumerate(runs):
        for epoch in benchmark.settings.checkpoints:
            columns |= {f"{kind}_ep{epoch}_seed{seed}": run[f"{kind}_ep{epoch}"] for kind in kinds}
        columns |= {f"{kind}_ep{last}_seed{seed}": run[kind] for kind in kinds}
    fractions = [f"_{m.name}" for m in metrics if m.unit == "fraction"]
    exact = tuple(name for name in columns if any(f in name for f in fractions))
    return columns, exact


def agreement(runs: list[dict[str, Floats]], metric: str) -> dict[str, float]:
    """Compute Kendall's tau between the first two seeds' validation metric.

    Over all architectures, and over the better half by the mean of both seeds, so that neither
    chooses its own favourites. Empty for a single seed, or for too few architectures.
    """
    if len(runs) < 2:
        return {}
    a, b = (run[f"valid_{metric}"] for run in runs[:2])
    order = np.argsort(-(a + b), kind="stable")
    upper = order[: len(order) // 2]
    try:
        return {
            "tau": float(criteria.kendall_tau(a, b)),
            "tau_upper_half": float(criteria.kendall_tau(a[upper], b[upper])),
        }
    except LabelError:
        return {}
