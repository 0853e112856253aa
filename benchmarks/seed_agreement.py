"""Agreement of training seeds on the order of random cells, the upper limit of every ranker.

python benchmarks/seed_agreement.py --task digits --cells 60 --seeds 2
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import statistics
import time
from functools import partial
from typing import Any

import numpy as np
import torch
from scipy.stats import kendalltau, spearmanr
from training_speed import build, random_cells

from archrank import tasks
from archrank.tasks import Task
from archrank.training.loop import initialise, train


def overridden(task: Task, assignments: list[str]) -> Task:
    """Apply ``recipe.lr=0.05``, ``augmentation.noise=1`` or ``copies=8`` (of the task itself)."""
    for assignment in assignments:
        name, text = assignment.split("=")
        owner, _, field = name.rpartition(".")
        target: Any = getattr(task, owner) if owner else task
        old = getattr(target, field)
        value = type(0.0 if old is None else old)(float(text)) if _number(text) else text
        changed = dataclasses.replace(target, **{field: value})
        task = dataclasses.replace(task, **{owner: changed}) if owner else changed
    return task


def _number(text: str) -> bool:
    return text.replace(".", "").replace("-", "").replace("e", "").isdigit()


def agreement(scores: np.ndarray) -> dict[str, float]:
    """Means over pairs of seeds: ``scores`` (seeds, n) -> tau, Spearman, tau of the upper half.

    The upper half is taken by the mean over seeds, so that no seed chooses its own favourites.
    """
    top = np.argsort(-scores.mean(0))[: scores.shape[1] // 2]
    pairs = list(itertools.combinations(scores, 2))
    return {
        "tau": statistics.mean(float(kendalltau(a, b).statistic) for a, b in pairs),
        "spearman": statistics.mean(float(spearmanr(a, b).statistic) for a, b in pairs),
        "tau_upper_half": statistics.mean(
            float(kendalltau(a[top], b[top]).statistic) for a, b in pairs
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", default="digits", choices=["digits", "glyphs", "characters"])
    parser.add_argument("--cells", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", dest="changes")
    args = parser.parse_args()
    torch.set_num_threads(1)
    task = overridden(getattr(tasks, args.task)(), args.changes)
    task.load()
    cells = random_cells(args.cells, seed=1)
    start = time.process_time()
    results = [
        [train(initialise(partial(build, c, task), s), task, seed=s) for c in cells]
        for s in range(args.seeds)
    ]
    cpu = (time.process_time() - start) / (args.cells * args.seeds)
    valid = np.array([[r.metrics["valid_accuracy"] for r in row] for row in results])  # (seeds, n)
    test = np.array([[r.metrics["test_accuracy"] for r in row] for row in results])
    numbers = agreement(valid)
    quartiles = np.percentile(valid, [0, 25, 50, 75, 100]) * 100
    print(f"{task.name} {' '.join(args.changes)}: {args.cells} cells, {args.seeds} seeds")
    print("  ".join(f"{k} {v:.3f}" for k, v in numbers.items()))
    print(f"valid % min/quartiles/max {' '.join(f'{q:.1f}' for q in quartiles)}")
    print(f"valid-test tau of one seed {kendalltau(valid[0], test[0]).statistic:.3f}")
    print(f"CPU-seconds per cell {cpu:.2f}", flush=True)


if __name__ == "__main__":
    main()
