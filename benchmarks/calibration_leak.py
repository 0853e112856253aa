"""Resident memory of a process that calibrates batch norms thousands of times.

    OMP_NUM_THREADS=1 python benchmarks/calibration_leak.py [--calibrations 10000] [--seed 0]

Random sub-networks of ``attentive_small`` are extracted, calibrated and scored on a few digits, as
a search scores them. Every tenth part of the calibrations the resident memory is printed. Memory
may rise at first, while caches fill; a leak goes on. So the verdict is about the second half: the
slope of a line through it, and the memory that it would add to 10,000 calibrations.
"""

from __future__ import annotations

import argparse
import gc
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from archrank.spaces import AttentiveSmall
from archrank.supernets import one_shot_scores, start_training
from archrank.tasks import Digits
from archrank.torch_state import torch_threads

LIMIT = 2.0  # MB that 10,000 calibrations may add
AT_ONCE = 50  # calibrations between two looks at the memory
IMAGES = 16  # that calibrate, and that are scored


def resident() -> float:
    """Resident memory of this process, MB."""
    lines = (line.split() for line in Path("/proc/self/status").read_text().splitlines())
    return next(int(line[1]) for line in lines if line[0] == "VmRSS:") / 1024


def measured(calibrations: int, seed: int) -> Iterator[tuple[int, float]]:
    """Calibrate; yield the number of calibrations so far, and the resident memory."""
    task, rng = Digits(copies=1), np.random.default_rng(seed)
    networks = AttentiveSmall().networks(task)
    supernet = start_training(networks, epochs=1).supernet.eval()
    for done in range(AT_ONCE, calibrations + 1, AT_ONCE):
        archs = networks.space.sample(AT_ONCE, rng=rng)
        one_shot_scores(
            supernet,
            task,
            archs,
            statistics="recalibrated",
            examples=IMAGES,
            calibration=1,
            batch_size=IMAGES,
        )
        gc.collect()
        yield done, resident()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calibrations", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    every = max(AT_ONCE, arguments.calibrations // 10)
    found = []
    with torch_threads(1):
        for done, memory in measured(arguments.calibrations, arguments.seed):
            found.append((done, memory))
            if done % every == 0:
                print(f"{done:6,} calibrations: {memory:7.1f} MB", flush=True)
    x, y = np.array(found[len(found) // 2 :]).T
    slope = 10_000 * float(np.polyfit(x, y, 1)[0])
    flat = slope <= LIMIT
    print(f"second half: {slope:+.2f} MB in 10,000 calibrations: {'flat' if flat else 'a leak'}")
    if not flat:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
