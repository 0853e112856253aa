"""Ranking language models of HW-GPT-Bench's GPT-S space, and pruning the space.

Perplexities are of a supernet's sub-networks, latencies of four GPUs. The paper prunes after 200
or 300 architectures (section 4.1).
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archrank.importance import Importance, permutation_importance, prune
from archrank.rankers import GaussianProcess
from archrank.rankers.base import Ranker
from archrank.reproduce.base import Claim, Comparison, Found, Plan, Row, summary
from archrank.reproduce.bench import find_table
from archrank.reproduce.ranknas.fits import (
    DEFAULT,
    FOREST,
    LAYERS,
    LINEAR,
    MAKERS,
    RANKNAS,
    REGRESSION,
    Job,
    rows_of,
    run_job,
)
from archrank.spaces.base import Space
from archrank.spaces.transformers.gpt_s import GPTS
from archrank.tables.base import BenchTable, load_table

FILE, LOSS = "hwgpt_s.csv.gz", "perplexity"
LATENCIES = ("gpulat_a100", "gpulat_h100", "gpulat_rtx2080", "gpulat_v100")
SIZES, BAR = (50, 100, 200), 0.93
RANKERS = (DEFAULT, RANKNAS, REGRESSION, FOREST, LINEAR, LAYERS)
PRUNINGS = {"200, 1.15": (200, 1.15), "300, 1.25": (300, 1.25), "200, half": (200, None)}
GROUPINGS = ("kind", "decision")
JUDGES = (RANKNAS, DEFAULT)
TEACHERS = 1_500  # labels of the ranker that stands for the truth in a pruned space
SAMPLED, SHARE = 20_000, 0.1  # architectures of a pruned space; percent of the table
NOTES = (
    "pruned spaces: the default ranker from 1,500 other labels stands for the truth; the best of "
    "20,000 random architectures of the pruned space is placed among the table's 10,000",
)


@dataclass(frozen=True, eq=False)
class Trial:
    """One pruning: the table, a fitted ranker that stands for the truth, and the settings.

    Attributes:
        table: The measurements.
        teacher: Fitted to other rows than are used here.
        free: Rows that it has not learnt.
        judge: Name of the ranker that tells importance.
        by: How decisions are grouped.
        n: Number of architectures.
        threshold: Importance below which decisions are fixed; ``None``: the half of the decisions
            with less importance is.
        seed: Draws the architectures.
    """

    table: BenchTable
    teacher: Ranker
    free: NDArray[np.int64]
    judge: str
    by: str
    n: int
    threshold: float | None
    seed: int


def ranking(bench: None, plan: Plan) -> Comparison:
    """Compare rankers on perplexity and latencies, then prune the space."""
    table = load_table(find_table(FILE, plan.data), GPTS())
    columns = (LOSS, *(LATENCIES[-1:] if plan.quick else LATENCIES))
    cells = [(column, n) for column in columns for n in SIZES]
    jobs = [
        Job(table, column, n, seed, RANKERS, plan.epochs)
        for column, n in cells
        for seed in range(plan.seeds)
    ]
    results = iter(plan.map(run_job, jobs))
    rows: list[Row] = []
    taus = {}
    for column, n in cells:
        runs = [next(results) for _ in range(plan.seeds)]
        found = rows_of(f"{column}, {n} labels", runs, RANKERS, "tau")
        rows += found.values()
        taus[column, n] = found
    best = taus[LOSS, 100]
    claims = [
        Claim(
            f"the default ranks perplexity with tau of {BAR} or more from 100 labels",
            best[DEFAULT].ours >= BAR,
            f"{best[DEFAULT].ours:.4f}, RankNAS {best[RANKNAS].ours:.4f}",
            published=False,
        )
    ]
    pruned = _prunings(table, plan)
    return Comparison(rows + pruned[0], claims + pruned[1], NOTES)


def _prunings(table: BenchTable, plan: Plan) -> tuple[list[Row], list[Claim]]:
    order = np.random.default_rng(0).permutation(len(table))
    learnt, free = np.split(order, [min(TEACHERS, len(table) // 2)])
    teacher = GaussianProcess(table.space).fit(table.archs[learnt], -table.column(LOSS)[learnt])
    cells = [(judge, by, name) for judge in JUDGES for by in GROUPINGS for name in PRUNINGS]
    jobs = [
        Trial(table, teacher, free, judge, by, *PRUNINGS[name], seed)
        for judge, by, name in cells
        for seed in range(plan.seeds)
    ]
    results = iter(plan.map(run_pruning, jobs))
    rows, claims = [], []
    for judge, by, name in cells:
        runs = [next(results) for _ in range(plan.seeds)]
        what = f"pruned ({name}) by {judge}, each {by}"
        fixed = summary(f"{what}: decisions fixed of 27", runs, "fixed", decimals=1)
        place = summary(f"{what}: best, % of the table above it", runs, "above", decimals=3)
        rows += [fixed, place]
        if name == "200, half" and by == "decision":
            claims.append(
                Claim(
                    f"half of the decisions fixed keep the best within {SHARE} %",
                    place.ours <= SHARE and fixed.ours >= 13,
                    f"{judge}: {place.ours:.3f} %, {fixed.ours:.1f} fixed",
                    published=False,
                )
            )
    return rows, claims


def run_pruning(trial: Trial) -> Found:
    """Prune the space after ``n`` architectures; return what is left of it."""
    start = time.perf_counter()
    table, space = trial.table, trial.table.space
    rows = trial.free[
        np.random.default_rng([trial.seed, 1]).permutation(len(trial.free))[: trial.n]
    ]
    archs, scores = table.archs[rows], -table.column(LOSS)[rows]
    judge = MAKERS[trial.judge](space, trial.seed)
    found = permutation_importance(judge, archs, scores, by=trial.by, folds=5, seed=trial.seed)  # type: ignore[arg-type]
    best = archs[int(np.argmax(scores))]
    smaller, fixed = _pruned(space, found, best, trial.threshold)
    rng = np.random.default_rng([trial.seed, 2])
    candidates = smaller.to_origin(smaller.sample(SAMPLED, rng=rng))
    top = float(trial.teacher.predict(candidates).max())
    above = 100 * float((trial.teacher.predict(table.archs) > top).mean())
    return {"fixed": fixed, "above": above, "seconds": time.perf_counter() - start}


def _pruned(
    space: Space, found: Importance, best: NDArray[np.uint8], threshold: float | None
) -> tuple[Space, int]:
    """Return the pruned space and the number of decisions that are fixed."""
    if threshold is not None:
        pruning = prune(space, found, best, threshold)
        return pruning.space, len(pruning.frozen)
    frozen: dict[str, str | int | float] = {}
    for columns in reversed(found.columns):  # the least important first
        if len(frozen) >= space.d // 2:
            break
        frozen |= {space.choices[j].name: space.choices[j].options[best[j]] for j in columns}
    return space.restrict(frozen), len(frozen)
