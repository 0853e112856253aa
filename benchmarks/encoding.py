"""Sampling, canonical forms and features of a million cells, against a loop over architectures.

    python benchmarks/encoding.py

The loop does for one architecture what the arrays do for all: draw it, find its isomorphism class
by the same string rule, and compute the same features. Its results are checked against the arrays'.
"""

from __future__ import annotations

import argparse
import random
import time
from itertools import product

import numpy as np

import archrank as ar
from archrank.spaces.edge_cells.features import STATE_BIAS, STATE_GAIN, STATE_WIDTH, paths

SPACE = ar.spaces.NASBench201()
OPS = SPACE.ops
EDGES = SPACE.edges


def by_arrays(n: int, seed: int) -> None:
    archs = SPACE.sample(n, rng=np.random.default_rng(seed))
    SPACE.canonical(archs)
    SPACE.features(archs)


def canonical_string(arch: list[int]) -> str:
    nodes = ["0"]
    for i in range(1, 4):
        terms = []
        for (j, target), op in zip(EDGES, arch, strict=True):
            if target != i:
                continue
            if OPS[op] == "none" or nodes[j] == "#":
                terms.append("#")
            elif OPS[op] == "skip_connect":
                terms.append(nodes[j])
            else:
                terms.append(f"({nodes[j]})@{OPS[op]}")
        nodes.append("+".join(sorted(terms)))
    return nodes[3]


rng = np.random.default_rng(0)
START = rng.standard_normal(STATE_WIDTH)
WEIGHTS = rng.standard_normal((5, STATE_WIDTH, STATE_WIDTH)) * STATE_GAIN / np.sqrt(STATE_WIDTH)
BIASES = rng.standard_normal((5, STATE_WIDTH)) * STATE_BIAS


def features_of_one(arch: list[int]) -> np.ndarray:
    """The same features as the space's, written for a single cell."""
    alive = [path for path in paths(4) if all(arch[e] != 0 for e in path)]
    live = {e for path in alive for e in path}
    one_hot = [float(e in live and arch[e] == op) for e in range(6) for op in range(5)]
    count = [sum(arch[e] == op for e in live) for op in range(1, 5)]
    each = [[sum(arch[e] == op for e in path) for op in (2, 3, 4)] for path in alive]
    each = [[*row, sum(row)] for row in each] or [[0, 0, 0, 0]]
    depth = [stat(column) for stat in (max, min, np.mean) for column in zip(*each, strict=True)]
    sequences = dict.fromkeys(SEQUENCES, 0)
    for path in alive:
        sequences[tuple(arch[e] for e in path if arch[e] > 1)] += 1
    states = [START]
    for i in range(1, 4):
        state = np.zeros(STATE_WIDTH)
        for e, (j, target) in enumerate(EDGES):
            if target == i and e in live:
                op = arch[e]
                value = states[j] if op == 1 else np.tanh(states[j] @ WEIGHTS[op] + BIASES[op])
                state = state + value
        states.append(state)
    return np.array(
        [*one_hot, *count, *depth, len(alive), bool(alive), *sequences.values(), *states[3]]
    )


SEQUENCES = [(*prefix,) for length in range(4) for prefix in product((2, 3, 4), repeat=length)]


def by_loop(n: int, seed: int) -> None:
    generator = random.Random(seed)
    for _ in range(n):
        arch = [generator.randrange(5) for _ in range(6)]
        canonical_string(arch)
        features_of_one(arch)


def check() -> None:
    archs = SPACE.sample(200, rng=np.random.default_rng(1))
    looped = np.array([features_of_one(arch) for arch in archs.tolist()])
    np.testing.assert_allclose(looped, SPACE.features(archs), atol=1e-4)
    strings = [canonical_string(arch) for arch in archs.tolist()]
    classes = SPACE.classes(archs)
    for a in range(200):
        for b in range(a):
            assert (strings[a] == strings[b]) == (classes[a] == classes[b])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--archs", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    start = time.perf_counter()
    by_arrays(1, 0)
    print(f"first use (builds the tables): {time.perf_counter() - start:.2f} s")
    check()
    by_arrays(args.archs, 0)  # the first large allocation is not what is measured
    ratios = []
    for seed in range(args.repeats):  # in turn, so that a slow moment of the machine hits both
        start = time.perf_counter()
        by_arrays(args.archs, seed)
        arrays = args.archs / (time.perf_counter() - start)
        start = time.perf_counter()
        by_loop(2000, seed)
        loop = 2000 / (time.perf_counter() - start)
        ratios.append(arrays / loop)
        print(f"arrays {arrays:,.0f}/s   loop {loop:,.0f}/s   ratio {ratios[-1]:.0f}")
    print(f"median ratio {np.median(ratios):.0f}")


if __name__ == "__main__":
    main()
