"""Wall time of trainings whose architectures are drawn in a thread, against drawing them before.

    OMP_NUM_THREADS=1 python benchmarks/drawing_ahead.py [--repeats 6] [--seed 0]

``attentive_small`` on digits, 8 x 8 pixels resized to up to 16 x 16, batch 64: one training per
sampling, whose epochs are run in turn with the thread and without it, where all draws are made
before the epoch. Printed are medians of the epochs, the median of the ratios of neighbours, and the
CPU time, which the thread should not change.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from archrank.rankers import AttentiveNASForest
from archrank.spaces import AttentiveSmall
from archrank.supernets import SupernetTraining, start_training
from archrank.supernets.samplers import AttentiveLoss, AttentiveRanker, Sampler
from archrank.tasks import Digits
from archrank.torch_state import torch_threads


def epoch(training: SupernetTraining, *, in_thread: bool) -> tuple[float, float]:
    """Train an epoch; its wall and CPU seconds."""
    vars(training._networks)["closed_form"] = in_thread  # else draws wait for the thread's end
    wall, cpu = time.perf_counter(), time.process_time()
    training.run_epoch()
    return time.perf_counter() - wall, time.process_time() - cpu


def measure(name: str, sampler: Sampler, repeats: int, seed: int) -> None:
    """Print what the thread saves under one sampling."""
    networks = AttentiveSmall().networks(Digits())
    training = start_training(networks, sampler=sampler, seed=seed, epochs=2 * repeats + 2)
    for warm in (True, False):
        epoch(training, in_thread=warm)
    times = np.zeros((repeats, 2, 2))  # repeats, (thread, none), (wall, CPU)
    for i in range(repeats):
        for place in (i % 2, 1 - i % 2):
            times[i, place] = epoch(training, in_thread=place == 0)
    ratio = np.median(times[:, 0] / times[:, 1], axis=0)
    (wall, _), (wall_none, _) = np.median(times, axis=0)
    print(
        f"{name:17} epoch {wall:5.2f} s in a thread, {wall_none:5.2f} s without: wall x "
        f"{ratio[0]:.3f}, CPU x {ratio[1]:.3f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    space = AttentiveSmall()
    archs = space.sample(512, rng=np.random.default_rng(arguments.seed))
    forest = AttentiveNASForest(space).fit(archs, space.networks(Digits()).cost(archs)["macs"])
    samplers = {
        "bestup-3-loss": AttentiveLoss(front="best", k=3, m=2),
        "bestup-50-ranker": AttentiveRanker(front="best", k=50, m=2, ranker=forest),
    }
    with torch_threads(1):
        for name, sampler in samplers.items():
            measure(name, sampler, arguments.repeats, arguments.seed)


if __name__ == "__main__":
    main()
