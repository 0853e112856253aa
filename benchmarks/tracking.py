"""Seconds that a tracker adds to an evaluation, and whether all steps are there afterwards.

python benchmarks/tracking.py --evaluations 200 --repeats 3
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

os.environ["WANDB_MODE"] = "offline"

import archrank as ar
from archrank.integrations.tracking import MLflow, TensorBoard, WandB

METRICS = tuple(f"metric_{i}:maximize" for i in range(20))
SPACE = ar.spaces.from_choices({f"choice_{i}": list(range(5)) for i in range(6)})


def measure(config: dict) -> dict[str, float]:
    total = float(sum(config.values()))
    return {name.partition(":")[0]: total + i for i, name in enumerate(METRICS)}


def run(kind: str, evaluations: int) -> float:
    """Return the seconds of a run from its second evaluation on; files are below a new folder."""
    folder = Path(tempfile.mkdtemp(prefix="archrank-tracking-"))
    trackers = {
        "none": lambda: [],
        "tensorboard": lambda: [TensorBoard()],
        "wandb, offline": lambda: [WandB()],
        "mlflow, sqlite": lambda: [MLflow(f"sqlite:///{folder}/mlflow.db")],
    }
    try:
        evaluator = ar.evaluators.Function(measure, METRICS)
        strategy = ar.strategies.Random(20)
        study = ar.Study(SPACE, evaluator, strategy, run=folder / "run")
        callbacks = trackers[kind]()
        study.run(1, callbacks=callbacks)  # files and databases are made
        start = time.perf_counter()
        study.run(evaluations + 1, callbacks=callbacks)
        return (time.perf_counter() - start) / evaluations
    finally:
        shutil.rmtree(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--evaluations", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    kinds = ("none", "tensorboard", "wandb, offline", "mlflow, sqlite")
    found: dict[str, list[float]] = {kind: [] for kind in kinds}
    for _ in range(options.repeats):
        for kind in kinds:
            found[kind].append(run(kind, options.evaluations))
    for kind, seconds in found.items():
        least, middle = 1000 * min(seconds), 1000 * statistics.median(seconds)
        print(f"{kind:<16} {middle:7.2f} ms per evaluation (least {least:.2f})")


if __name__ == "__main__":
    main()
