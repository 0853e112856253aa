"""Grid of an assessment: its cells, their random draws, and the rows of results."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias
from typing import Protocol as Interface

import numpy as np

from archrank.assess.judging import MEASURES, intervals, judge
from archrank.assess.problem import Problem
from archrank.assess.protocol import Protocol
from archrank.criteria import group_rank_difference
from archrank.errors import describe
from archrank.rankers.base import Ranker
from archrank.types import Floats, Ints

GROUPS = 10  # of rising cost (Surgery, Fig. 3c)
POINTS = 1500  # architectures of a scatter plot

Row: TypeAlias = dict[str, Any]
"""One line of the raw results."""


@dataclass(frozen=True, order=True)
class Cell:
    """Cell of the grid: a ranker's name, the number of labels, and the seeds of data and model."""

    ranker: str
    train_size: int
    data_seed: int
    model_seed: int

    def training_rows(self, n: int) -> Ints:
        """Draw the rows of ``n`` that are labelled first, the same for every ranker."""
        return np.random.default_rng([self.data_seed, 0]).permutation(n)[: self.train_size]

    def target_rows(self, n: int, count: int) -> Ints:
        """Draw the rows that fine-tuning labels, the same for every ranker and size."""
        return np.random.default_rng([self.data_seed, 1]).permutation(n)[:count]

    def seeded(self, ranker: Ranker) -> Ranker:
        """Make an unfitted copy of ``ranker`` with this cell's seed; it keeps its pretraining."""
        from sklearn.base import clone

        seed = np.random.SeedSequence([self.data_seed, self.model_seed]).generate_state(1)[0]
        copy: Ranker = clone(ranker).set_params(seed=int(seed >> 1))
        return copy


@dataclass(frozen=True)
class Done:
    """Finished cell: a row per stage and judged column, and ranks to plot (or none)."""

    cell: Cell
    rows: list[Row]
    points: dict[str, list[float]]

    @property
    def failed(self) -> bool:
        """True if any of its rows lacks results."""
        return any(row["failure"] or row.get("calibration_failure") for row in self.rows)


class Watcher(Interface):
    """Progress display of an assessment."""

    def started(self, total: int, done: int) -> None:
        """Show that ``done`` of ``total`` fits are known from before."""

    def finished_one(self, done: Done) -> None:
        """Show one more fit, judged and stored."""

    def ended(self) -> None:
        """Show that nothing more will come."""


def cells(rankers: Iterable[str], protocol: Protocol) -> list[Cell]:
    """List all cells, draw by draw, so that an unfinished grid already compares all rankers."""
    names = list(rankers)
    return [
        Cell(name, size, data_seed, model_seed)
        for data_seed in range(protocol.seeds)
        for model_seed in range(protocol.model_seeds)
        for size in dict.fromkeys(protocol.train_sizes)
        for name in names
    ]


def judged_row(
    known: Row,
    column: str,
    scores: Floats,
    labelled: Ints,
    problem: Problem,
    protocol: Protocol,
) -> Row:
    """Add all criteria of ``scores: (n,)`` against a column to ``known``, and their intervals.

    Bootstrap intervals are computed only for a single fit; several have a standard deviation.

    Raises:
        LabelError: NaN or constant scores.
    """
    part = np.ones(len(problem), dtype=bool)
    if protocol.leave_out_training:
        part[labelled] = False
    truth = problem.columns[column][part]
    found = judge(scores[part], truth)
    if protocol.fits == 1:
        found |= intervals(scores[part], truth, rng=np.random.default_rng([known["data_seed"], 4]))
    groups: list[float | None] | None = None
    if problem.cost is not None and len(truth) >= GROUPS:
        mean = group_rank_difference(scores[part], truth, problem.cost[part], groups=GROUPS)
        groups = [None if math.isnan(d) else d for d in mean.tolist()]
    return {**known, **found, "rank_difference": groups, "failure": None}


def failed_row(known: Row, error: BaseException) -> Row:
    """Add NaN for every criterion, and the reason, to ``known``."""
    names = ("pretrain_seconds", "fit_seconds", "rank_seconds")
    return {
        **dict.fromkeys(names, math.nan),
        **known,
        **{measure.name: math.nan for measure in MEASURES},
        "rank_difference": None,
        "failure": describe(error),
    }


def first_row(cell: Cell, stage: int, labels: int) -> Row:
    """Return the values of a row that are known before anything is fitted."""
    return {**asdict(cell), "stage": stage, "labels": labels}


def rank_points(scores: Floats, truth: Floats) -> dict[str, list[float]]:
    """Compute true and predicted ranks (1 is best) of evenly spread architectures: ``(k,)``."""
    from scipy.stats import rankdata

    n = len(scores)
    some = np.unique(np.linspace(0, n - 1, min(n, POINTS)).astype(np.int64))
    return {
        "measured": rankdata(-truth)[some].tolist(),
        "predicted": rankdata(-scores)[some].tolist(),
    }
