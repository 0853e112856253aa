"""Speed-up of training many networks at the same time, and equality of the results.

``speed``: random NAS-Bench-201 cells of the digits task, one after the other with ``train`` and in
groups of K with ``train_many``, on the device that is named; the ratio of cells per second (of the
process's own time on a CPU, which other work disturbs less), after a warm-up. ``sample``: two
tables of single networks with different seeds and one of groups that draw their images from one
generator, as on a GPU; Kendall tau and mean accuracy difference of each pair. Groups are as good as
single networks if the pairs with them look like the pair of seeds.

    python benchmarks/grouped_training.py speed --device cuda --sizes 1 8 32 128 512
    OMP_NUM_THREADS=1 python benchmarks/grouped_training.py sample --cells 60
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Callable
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import kendalltau
from training_speed import build, random_cells

from archrank.tasks import Digits, Task
from archrank.training.grouped import train_many
from archrank.training.loop import TrainingResult, initialise, train

Cells = list[list[str]]


@dataclasses.dataclass(frozen=True)
class Problem:
    """A task, and the width of the networks that are trained on it."""

    task: Task
    channels: int

    def networks(self, cells: Cells, seed: int) -> list[Any]:
        makers = [partial(build, cell, self.task, self.channels) for cell in cells]
        return [initialise(make, seed + i) for i, make in enumerate(makers)]


def alone(cells: Cells, problem: Problem, seed: int, device: str) -> list[TrainingResult]:
    built, task = problem.networks(cells, seed), problem.task
    return [train(n, task, seed=seed + i, device=device) for i, n in enumerate(built)]


def together(
    cells: Cells, problem: Problem, seed: int, device: str, size: int, own: bool | None = None
) -> list[TrainingResult]:
    found: list[TrainingResult] = []
    for start in range(0, len(cells), size):
        group = problem.networks(cells[start : start + size], seed + start)
        seeds = range(seed + start, seed + start + len(group))
        found += train_many(group, problem.task, seeds=seeds, device=device, per_network_draws=own)
    return found


def seconds(run: Callable[[], object], device: str) -> float:
    clock = time.process_time if device == "cpu" else time.perf_counter
    start = clock()
    run()  # ends with numbers on the host, so nothing is in flight
    return clock() - start


def speed(args: argparse.Namespace, problem: Problem) -> None:
    warm = dataclasses.replace(problem, task=with_epochs(problem.task, 1))
    cells = random_cells(max(*args.sizes, args.singles), seed=1)
    alone(cells[:2], warm, 0, args.device)
    few = cells[: args.singles]
    each = seconds(partial(alone, few, problem, 0, args.device), args.device) / len(few)
    print(f"one by one: {1 / each:.2f} cells/s ({len(few)} cells)")
    for size in args.sizes:
        some = cells[: max(size, args.singles) // size * size]
        together(cells[:size], warm, 0, args.device, size)
        spent = seconds(partial(together, some, problem, 0, args.device, size), args.device)
        rate = len(some) / spent
        print(
            f"K = {size:4}: {rate:.2f} cells/s, x{rate * each:.2f} ({len(some)} cells)", flush=True
        )


def sample(args: argparse.Namespace, problem: Problem) -> None:
    cells = random_cells(args.cells, seed=2)
    size = min(args.sizes[-1], args.cells)
    tables = {
        "seed A": alone(cells, problem, 0, args.device),
        "seed B": alone(cells, problem, 10_000, args.device),
        "groups": together(cells, problem, 20_000, args.device, size, own=False),
    }
    valid = {
        name: np.array([r.metrics["valid_accuracy"] for r in results])
        for name, results in tables.items()
    }
    for first, second in combinations(valid, 2):
        print(f"{first} - {second}: {compared(valid[first], valid[second])}")


def compared(a: NDArray[np.float64], b: NDArray[np.float64]) -> str:
    difference = (a - b) * 100
    error = difference.std(ddof=1) / len(a) ** 0.5
    return (
        f"tau {kendalltau(a, b).statistic:.3f}, "
        f"mean difference {difference.mean():+.2f} ± {error:.2f} points"
    )


def with_epochs(task: Task, epochs: int) -> Task:
    return dataclasses.replace(task, recipe=dataclasses.replace(task.recipe, epochs=epochs))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["speed", "sample"])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 8, 32, 128], metavar="K")
    parser.add_argument("--singles", type=int, default=16, help="cells trained one by one")
    parser.add_argument("--cells", type=int, default=60, help="of the sample")
    parser.add_argument("--channels", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=12)
    args = parser.parse_args()
    torch.set_num_threads(1)
    problem = Problem(with_epochs(Digits(), args.epochs), args.channels)
    problem.task.load()
    print(f"digits, {args.channels} channels, {args.epochs} epochs, {args.device}")
    start = time.perf_counter()
    {"speed": speed, "sample": sample}[args.what](args, problem)
    print(f"{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
