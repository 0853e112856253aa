"""Time of the default ranker for a million candidates, from choice indices to scores.

    python benchmarks/rank_a_million.py

Candidates are cells of NAS-Bench-201 with repetition; features are looked up, kernels are not.
"""

from __future__ import annotations

import time

import numpy as np

import archrank as ar
from archrank.rankers import RANKERS


def main() -> None:
    space = ar.spaces.NASBench201()
    rng = np.random.default_rng(0)
    archs = space.sample(100, rng=rng)
    labels = space.cost(archs)["macs"] + rng.normal(0, 1e7, 100)
    ranker = RANKERS.get("default")(space).fit(archs, labels)
    candidates = space.sample(1_000_000, rng=rng)
    for std in (False, True):
        start = time.perf_counter()
        ranker.predict(candidates, return_std=std)
        seconds = time.perf_counter() - start
        print(f"1,000,000 candidates, uncertainty {std}: {seconds:.1f} s, {6e7 / seconds:,.0f}/min")


if __name__ == "__main__":
    main()
