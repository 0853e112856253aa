"""Measure how much faster many architectures are scored together than one by one.

    OMP_NUM_THREADS=1 python benchmarks/one_shot_scoring.py --repeats 9

Both ways run in turn in one process, on the same images with the same untrained supernet, and CPU
seconds count. One by one is ``supernet(x, arch)`` for a random sample; together is ``forward_each``
for one architecture of every isomorphism class of NAS-Bench-201.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch

from archrank.spaces import NASBench201
from archrank.tasks import Digits
from archrank.training.layout import layout_of


def seconds(call: Callable[[], object]) -> float:
    """Return the CPU seconds of a call."""
    start = time.process_time()
    call()
    return time.process_time() - start


def main() -> None:
    """Print the median ratio, and architectures per second of each way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--images", type=int, default=450)
    parser.add_argument("--sample", type=int, default=150, help="scored one by one per repeat")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    space, task = NASBench201(), Digits()
    supernet = space.networks(task).supernet(affine=False).eval()
    x = layout_of(supernet)(task.load().valid.x[: args.images])
    every = np.unique(space.canonical(space.enumerate()), axis=0)
    rng = np.random.default_rng(0)
    alone, together = [], []
    with torch.inference_mode():
        for _ in range(args.repeats):
            sample = every[rng.choice(len(every), args.sample, replace=False)]
            alone.append(seconds(lambda: [supernet(x, row) for row in sample]) / len(sample))  # noqa: B023
            everything = seconds(lambda: [None for _ in supernet.forward_each((x,), every)])
            together.append(everything / len(every))
    ratios = np.array(alone) / np.array(together)
    print(f"one by one: {1 / np.median(alone):.0f} architectures per CPU second")
    print(f"together: {1 / np.median(together):.0f}; all {len(every):,} in {everything:.1f} s")
    low, high = np.percentile(ratios, [25, 75])
    print(f"ratio: median {np.median(ratios):.2f}, quartiles {low:.2f} to {high:.2f}")


if __name__ == "__main__":
    main()
