"""Data that several tests of criteria share."""

from __future__ import annotations

from itertools import pairwise, permutations

import numpy as np


def orders(values):
    """All ways to put ``values`` in descending order: ties in every order."""
    for order in permutations(range(len(values))):
        if all(values[i] >= values[j] for i, j in pairwise(order)):
            yield order


def tied(seed: int, n: int = 6, levels: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    while True:
        a, b = rng.integers(0, levels, (2, n)).astype(float)
        if np.ptp(a) and np.ptp(b):
            return a, b


def noisy(n: int = 100, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=n)
    return truth + rng.normal(size=n), truth
