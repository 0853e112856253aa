"""Evolution of a front under AttentiveNAS's released forest: does it reach A0 to A6?

ARCHRANK_DATA=DIR python benchmarks/front_evolution.py [SEEDS]
"""

from __future__ import annotations

import sys
import time

import numpy as np

from archrank.data import need_folder
from archrank.evaluators import StoredForest
from archrank.spaces import AttentiveNAS
from archrank.strategies.bucket_evolution import BucketEvolution

space = AttentiveNAS()
forest = StoredForest(need_folder("released forest") / "attentivenas_acc_predictor.npz")
forest = forest.bind(space)
published = np.concatenate([AttentiveNAS.named(f"A{i}") for i in range(7)])
limits = space.mflops(published)
seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 100

PUBLISHED = {"focus": 0.0, "rate": 0.2}


def accuracy(archs):
    return forest.evaluate(archs)["accuracy"]


WAYS = (
    ("limits of A0 to A6", limits.tolist(), {}),
    ("limits of A0 to A6, parents and mutants as published", limits.tolist(), PUBLISHED),
    ("no limit", [], {}),
    ("no limit, as published", [], PUBLISHED),
)
for name, bounds, how in WAYS:
    start, gains = time.process_time(), []
    for seed in range(seeds):
        found = BucketEvolution(width=10.0, **how).run(
            space,
            accuracy,
            space.mflops,
            start=np.zeros((1, space.d), dtype=np.uint8),
            limits=bounds,
            seed=seed,
        )
        gains.append([found.scores[found.best(1, limit)[0]] for limit in limits])
    gain = np.array(gains) - accuracy(published)
    each = (time.process_time() - start) / seeds
    print(f"{name}: {each:.2f} CPU-seconds a search, all seven in {(gain >= 0).all(axis=1).mean()}")
    print("  reached ", (gain >= 0).mean(axis=0).round(2).tolist())
    print("  median  ", np.median(gain, axis=0).round(3).tolist())
    print("  smallest", gain.min(axis=0).round(3).tolist())
