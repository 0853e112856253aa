"""Fitting of rankers to labels of a table, in one or several stages, and their criteria."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from archrank import criteria
from archrank.assess.grid import Cell
from archrank.assess.training import best_new
from archrank.rankers.base import Ranker
from archrank.tables.arrays import TableArrays
from archrank.types import Floats, Ints

GROUPS = 10  # of equal size, by rising FLOPs; the paper does not say how many per group


@dataclass(frozen=True, eq=False)
class Measured(TableArrays):
    """Measured architectures with their costs; columns are as in their files.

    Attributes:
        macs: ``(n,)``.
    """

    macs: Floats

    def __getitem__(self, column: str) -> Floats:
        return self.columns[column]

    def share(self, fraction: float) -> int:
        """Return a fraction of the number of architectures, rounded down, but at least 1."""
        return max(1, int(fraction * len(self)))


@dataclass(frozen=True, eq=False)
class Fit:
    """Settings of one run: ranker, labels to learn, and truth to be judged on."""

    cell: Cell
    ranker: Ranker
    bench: Measured
    labels: str
    truth: str
    scale: float = 1.0  # factor by which labels are multiplied
    stages: int = 1


@dataclass(frozen=True, eq=False)
class Stage:
    """Result of a stage: rows that it added, and scores of all architectures ``(n,)``."""

    added: Ints
    scores: Floats
    seconds: float


def fit_stages(fit: Fit) -> list[Stage]:
    """Train on random rows; each further stage adds as many best-predicted rows (Fig. A1)."""
    labels = fit.scale * fit.bench[fit.labels]
    trained = added = fit.cell.training_rows(len(fit.bench))
    stages: list[Stage] = []
    for _ in range(fit.stages):
        if stages:
            added = best_new(stages[-1].scores, trained, fit.cell.train_size, fit.cell)
            trained = np.concatenate([trained, added])
        start = time.perf_counter()
        ranker = fit.cell.seeded(fit.ranker).fit(fit.bench.archs[trained], labels[trained])
        scores = ranker.predict(fit.bench.archs)
        stages.append(Stage(added, scores, time.perf_counter() - start))
    return stages


def measures(scores: Floats, truth: Floats, bench: Measured) -> dict[str, Any]:
    """Compute the criteria of section 3; equal scores, of a collapsed network, count as random."""
    if np.ptp(scores) == 0:
        nothing = [math.nan] * GROUPS
        return {"tau": 0.0, "p5": 0.05, "br1": math.nan, "p01": 0.001, "collapsed": 1.0} | {
            "group_tau": nothing,
            "group_difference": nothing,
        }
    group_tau = criteria.group_tau(scores, truth, bench.macs, groups=GROUPS)
    difference = criteria.group_rank_difference(scores, truth, bench.macs, groups=GROUPS)
    return {
        "tau": criteria.kendall_tau(scores, truth),
        "p5": criteria.precision_at(scores, truth, bench.share(0.05)),
        "p01": criteria.precision_at(scores, truth, bench.share(0.001)),
        "br1": criteria.best_ranking_at(scores, truth, bench.share(0.01)),
        "group_tau": group_tau.tolist(),
        "group_difference": difference.tolist(),
        "collapsed": 0.0,
    }


def run_fit(fit: Fit) -> dict[str, Any]:
    """Run a single stage and compute its criteria."""
    (stage,) = fit_stages(fit)
    return measures(stage.scores, fit.bench[fit.truth], fit.bench) | {"seconds": stage.seconds}
