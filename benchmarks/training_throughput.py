"""Architectures per hour on this machine: archrank's workers against one plain training loop.

    python benchmarks/training_throughput.py --cells 24

Both train the same cells with the same recipe. The plain loop is what a script does: one process,
torch's default number of threads, a ``DataLoader``, NCHW float32 tensors. archrank runs its
``Training`` evaluator in one single-threaded process per core, as ``archrank search`` does.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np
import torch
from training_speed import build, plain_train, published

import archrank as ar
from archrank.parallel import process_pool
from archrank.parallel.worker import evaluate_one
from archrank.training.loop import initialise


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--task", default="digits", choices=["digits", "glyphs", "characters"])
    parser.add_argument("--cells", type=int, default=24)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    task = getattr(ar.tasks, args.task)()
    space = ar.spaces.NASBench201()
    evaluator = ar.evaluators.Training(task).bind(space, seed=0)
    pool = process_pool(args.workers)
    assert pool is not None
    warm = space.enumerate()[-args.workers :]
    list(pool.map(evaluate_one, [evaluator] * len(warm), warm[:, None]))
    task.load()
    ratios: dict[str, list[float]] = {"same network": [], "published network": []}
    for seed in range(args.repeats):
        archs = space.sample(args.cells, rng=np.random.default_rng(seed))
        names = [[space.ops[k] for k in arch] for arch in archs.tolist()]
        start = time.perf_counter()
        list(pool.map(evaluate_one, [evaluator] * args.cells, archs[:, None]))
        ours = time.perf_counter() - start
        for kind, change in (("same network", lambda n: n), ("published network", published)):
            start = time.perf_counter()
            for cell in names:
                plain_train(change(initialise(lambda c=cell: build(c, task), 0)), task, 0)
            plain = time.perf_counter() - start
            ratios[kind].append(plain / ours)
            print(
                f"{args.cells * 3600 / ours:,.0f} architectures/h against "
                f"{args.cells * 3600 / plain:,.0f} ({kind}, {torch.get_num_threads()} threads): "
                f"x{plain / ours:.2f}",
                flush=True,
            )
    for kind, values in ratios.items():
        print(f"median against the {kind}: x{statistics.median(values):.2f}")
    pool.shutdown()


if __name__ == "__main__":
    main()
