"""Ranking latencies of HAT's sub-transformers: four pairs of task and hardware, 20 to 1,600 labels.

RankNAS reports that its latency ranker needs a tenth of the labels (section 5.3); HAT learns from
1,600 of 2,000 measured architectures.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from archrank.reproduce.base import Claim, Comparison, Plan, Row
from archrank.reproduce.bench import find_table
from archrank.reproduce.ranknas.fits import (
    DEFAULT,
    FOREST,
    LAYERS,
    MAKERS,
    PERCEPTRON,
    Job,
    rows_of,
    run_job,
)
from archrank.spaces.transformers.hat_averages import HATAverages
from archrank.tables.base import BenchTable, load_table
from archrank.tables.files import read_raw
from archrank.tables.published import conditions_of

FILE, COLUMN = "hat_latency.csv.gz", "latency_ms"
SIZES, QUICK_SIZES = (20, 50, 100, 200, 400, 800, 1600), (20, 50, 1600)
FEW, MANY = 50, 1600  # labels of the default, and of HAT's predictor
SMALL = 200  # labels up to which every seed counts; of more, a tenth
FASTER = 50  # times that the default is fitted faster from 50 than HAT's predictor from 1,600
RANKERS = tuple(MAKERS)
Rows: TypeAlias = dict[tuple[str, int], dict[str, Row]]
NOTES = (
    "judged on the architectures that were not learnt; mean errors in ms: the default's, RankNAS's "
    "and decoder layers' by calibration to milliseconds (CalibratedLatency)",
    "HAT's perceptron: 500 steps at 3e-4, which rank as well as the published 5,000 at 1e-5",
)


def ranking(bench: None, plan: Plan) -> Comparison:
    """Compare rankers on every pair of the file."""
    tables = load_pairs(find_table(FILE, plan.data))
    sizes = QUICK_SIZES if plan.quick else SIZES
    cells = [(pair, n) for pair in tables for n in sizes if n <= len(tables[pair]) - 10]
    seeds = {n: plan.seeds if n <= SMALL else max(1, plan.seeds // 10) for n in sizes}
    jobs = [
        Job(tables[pair], COLUMN, n, seed, RANKERS, plan.epochs, calibrated=n in (FEW, MANY))
        for pair, n in cells
        for seed in range(seeds[n])
    ]
    results = iter(plan.map(run_job, jobs))
    found = {(pair, n): [next(results) for _ in range(seeds[n])] for pair, n in cells}
    each: dict[str, Rows] = {
        key: {
            cell: rows_of(f"{cell[0]}, {cell[1]:>4} labels", runs, RANKERS, key)
            for cell, runs in found.items()
        }
        for key in ("tau", "rho", "error", "seconds")
    }
    rows = [row for cell in each["tau"].values() for row in cell.values()]
    for key in ("rho", "error", "seconds"):
        for (_, n), cell in each[key].items():
            rows += [row for row in cell.values() if n in (FEW, MANY) and row.ours == row.ours]
    claims = [claim for pair in tables for claim in _claims(pair, each)]
    return Comparison(rows, claims, NOTES)


def load_pairs(path: Path) -> dict[str, BenchTable]:
    """Read the measurements of every pair of task and hardware, by ``task/hardware``."""
    space = HATAverages()
    return {
        "/".join(where.values()): load_table(path, space, where=where)
        for where in conditions_of(read_raw(path), {})
    }


def _claims(pair: str, each: Mapping[str, Rows]) -> list[Claim]:
    tau, seconds = each["tau"], each["seconds"]
    if (pair, FEW) not in tau or (pair, MANY) not in tau:
        return []
    few, many = tau[pair, FEW], tau[pair, MANY]
    ours = few[DEFAULT].ours
    rivals = {name: few[name].ours for name in (FOREST, PERCEPTRON, LAYERS)}
    listed = ", ".join(f"{name} {value:.4f}" for name, value in rivals.items())
    speed = seconds[pair, MANY][PERCEPTRON].ours / max(seconds[pair, FEW][DEFAULT].ours, 1e-9)
    goal = many[PERCEPTRON].ours
    return [
        Claim(
            f"the default from {FEW} labels beats forest, perceptron and decoder layers",
            ours > max(rivals.values()),
            f"{pair}: {ours:.4f}; {listed}",
            published=False,
        ),
        Claim(
            f"it reaches HAT's perceptron from {MANY:,}",
            ours >= goal,
            f"{pair}: {ours:.4f}; {goal:.4f}",
            published=False,
        ),
        Claim(
            f"it is fitted {FASTER} times faster",
            speed >= FASTER,
            f"{pair}: {speed:.0f} times",
            published=False,
        ),
    ]
