"""Time that a tracker adds to an evaluation: wall clock, and processor time of this process.

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


def run(kind: str, evaluations: int) -> tuple[float, float]:
    """Return seconds and processor seconds per evaluation; files are below a new folder."""
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
        start, used = time.perf_counter(), time.process_time()
        study.run(evaluations + 1, callbacks=callbacks)
        ends = time.perf_counter(), time.process_time()
        return (ends[0] - start) / evaluations, (ends[1] - used) / evaluations
    finally:
        shutil.rmtree(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--evaluations", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    kinds = ("none", "tensorboard", "wandb, offline", "mlflow, sqlite")
    found: dict[str, list[tuple[float, float]]] = {kind: [] for kind in kinds}
    for _ in range(options.repeats):
        for kind in kinds:
            found[kind].append(run(kind, options.evaluations))
    for kind, times in found.items():
        wall, used = (1000 * statistics.median(column) for column in zip(*times, strict=True))
        print(f"{kind:<16} {wall:7.1f} ms per evaluation, {used:6.2f} ms of the processor")


if __name__ == "__main__":
    main()
