"""Rankers on published measurements: fits, judged on the rows that were not learnt."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from archrank.criteria import kendall_tau, spearman
from archrank.rankers import (
    CalibratedLatency,
    DecoderLayers,
    GaussianProcess,
    HATLatency,
    Linear,
    RandomForest,
    RankNAS,
)
from archrank.rankers.base import Ranker
from archrank.reproduce.base import Found, Plan, Row, summary
from archrank.spaces.base import Space
from archrank.tables.base import BenchTable
from archrank.types import Floats

DEFAULT, RANKNAS, REGRESSION = "default", "RankNAS", "RankNAS, regression"
PERCEPTRON, FOREST, LINEAR, LAYERS = "HAT's perceptron", "forest", "linear", "decoder layers"
MAKERS: Mapping[str, Callable[[Space, int], Ranker]] = {
    DEFAULT: lambda space, seed: GaussianProcess(space, seed=seed),
    RANKNAS: lambda space, seed: RankNAS(space, seed=seed),
    REGRESSION: lambda space, seed: RankNAS(space, loss="regression", seed=seed),
    PERCEPTRON: lambda space, seed: HATLatency(space, seed=seed),
    FOREST: lambda space, seed: RandomForest(space, seed=seed),
    LINEAR: lambda space, seed: Linear(space, seed=seed),
    LAYERS: lambda space, seed: DecoderLayers(space, seed=seed),
}
IN_UNITS = (REGRESSION, PERCEPTRON, FOREST, LINEAR)  # predictions are in the unit of the labels


@dataclass(frozen=True, eq=False)
class Job:
    """Labels of one column of a table, drawn by a seed, and the rankers that learn them.

    Attributes:
        table: The measurements.
        column: Learnt and judged on; lower is better.
        n: Number of labels.
        seed: Draws them; the labels of a smaller ``n`` are the first of those of a larger one.
        rankers: Names in :data:`MAKERS`.
        epochs: Of every training, for tests; ``None``: the ranker's own.
        calibrated: Labels are milliseconds: tell the errors of rankers that only order by
            :class:`~archrank.rankers.CalibratedLatency`.
    """

    table: BenchTable
    column: str
    n: int
    seed: int
    rankers: tuple[str, ...]
    epochs: int | None = None
    calibrated: bool = False


def run_job(job: Job) -> Found:
    """Fit every ranker; return tau, rho, mean error and CPU seconds of the fit by its name."""
    values = job.table.column(job.column)
    order = np.random.default_rng([job.seed, 0]).permutation(len(values))
    learnt, rest = np.split(order, [job.n])
    found: Found = {"seconds": 0.0}
    for name in job.rankers:
        ranker = Plan(epochs=job.epochs).shortened(MAKERS[name](job.table.space, job.seed))
        start = time.process_time()
        ranker.fit(job.table.archs[learnt], -values[learnt])
        seconds = time.process_time() - start
        scores = ranker.predict(job.table.archs[rest])
        predicted = -scores if name in IN_UNITS else None
        if job.calibrated and predicted is None:
            latency = CalibratedLatency(ranker).fit(job.table.archs[learnt], values[learnt])
            predicted = latency.predict_ms(job.table.archs[rest])
        found[name] = _judged(scores, predicted, values[rest]) | {"seconds": seconds}
        found["seconds"] += seconds
    return found


def _judged(scores: Floats, predicted: Floats | None, values: Floats) -> Found:
    error = math.nan if predicted is None else float(np.abs(predicted - values).mean())
    if np.ptp(scores) == 0:  # nothing was learnt
        return {"tau": 0.0, "rho": 0.0, "error": error}
    tau, rho = kendall_tau(scores, -values), spearman(scores, -values)
    return {"tau": tau, "rho": rho, "error": error}


def rows_of(what: str, found: list[Found], names: tuple[str, ...], key: str) -> dict[str, Row]:
    """Return a row per ranker: the mean of ``key`` over runs."""
    decimals = {"tau": 4, "rho": 4, "error": 2, "seconds": 3}[key]
    words = {"tau": "tau", "rho": "rho", "error": "mean error", "seconds": "CPU seconds of a fit"}
    return {
        name: summary(
            f"{what}, {name}: {words[key]}", [run[name] for run in found], key, decimals=decimals
        )
        for name in names
    }
