"""How many trainings a limit on latency costs in vain, and how many measurements.

Guided search of NAS-Bench-201 cells for the accuracy of the table digits201, under a limit that
30 % of all cells keep. Latencies are those of the table, measured on a CPU, with further noise of
3 %; "again" draws new noise of 1 %, as a careful measurement has. With and without limits that are
learnt from the measurements.

    python benchmarks/limits_before_training.py [--seeds 5] [--budget 30]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

import archrank as ar
from archrank.evaluators import Evaluations, Evaluator, Metric, Table
from archrank.study import learning_limits
from archrank.types import Archs, Floats

SPACE = ar.spaces.NASBench201()
TABLE = Table("digits201", "valid_accuracy").bind(SPACE)
NOISE, CAREFUL, SHARE = 0.03, 0.01, 0.3


def milliseconds(archs: Archs) -> Floats:
    """Return latencies of the table, ``(n,)``."""
    return TABLE.evaluate(archs)["latency_ms"]


def noisy(archs: Archs, noise: float, seed: int) -> Floats:
    """Return one measurement of each, ``(n,)``; the same architecture gives the same one."""
    draws = [np.random.default_rng([seed, *arch.tolist()]).normal() for arch in archs]
    return milliseconds(archs) * np.exp(noise * np.array(draws))


class Timed(Evaluator):
    """Latencies that are measured before anything is looked up."""

    metrics = (Metric("measured_ms", "minimize", "ms"),)
    stage = 0

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def evaluate(self, archs: Archs) -> Evaluations:
        return Evaluations({"measured_ms": noisy(archs, NOISE, self.seed)})

    def describe(self) -> dict[str, Any]:
        return {"evaluator": "timed", "seed": self.seed}


def search(seed: int, budget: int) -> tuple[float, int, int, float]:
    """Return the share that keeps the limit again, measurements, trainings and the accuracy."""
    rows = SPACE.enumerate()
    limit = float(np.quantile(milliseconds(rows), SHARE))
    evaluator = ar.evaluators.Combined(TABLE, Timed(seed))
    study = ar.Study(
        SPACE,
        evaluator,
        objectives=["valid_accuracy"],
        constraints=[f"measured_ms<={limit}"],
        seed=seed,
    ).run(budget)
    trained = np.stack([record.arch for record in study.results.records])
    again = noisy(trained, CAREFUL, seed + 1000) <= limit
    accuracy = study.best.values["valid_accuracy"]
    return float(again.mean()), len(study.records), len(trained), accuracy


def main(arguments: Sequence[str]) -> None:
    """Print a line per seed and way."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--budget", type=int, default=30)
    asked = parser.parse_args(arguments)
    first = learning_limits.FIRST
    for way, least in (("learnt", first), ("measured alone", 10**9)):
        learning_limits.FIRST = least
        for seed in range(asked.seeds):
            again, measured, trained, accuracy = search(seed, asked.budget)
            print(
                f"{way:14}  seed {seed}: {again:.1%} keep it again, {measured} measurements for "
                f"{trained} trainings, best {accuracy:.4f}",
                flush=True,
            )


if __name__ == "__main__":
    main(sys.argv[1:])
