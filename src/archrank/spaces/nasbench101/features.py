"""NAS-Bench-101 cells as numbers, computed from canonical rows: one cell, one set of features.

* ``edge``: the edge bits. ``op``: one-hot of every vertex's operation, zero where there is none.
* ``count``: vertices per operation, vertices, edges, and predecessors of the output.
* ``depth``: over input -> output paths, the largest, smallest and mean number of each operation
  and of all, and the number of paths.
* ``path``: paths per sequence of operations (White, Neiswanger & Savani, AAAI 2021).
* ``size``: log10 of multiply-accumulates and parameters of the published network.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import chain, combinations, pairwise, product

import numpy as np
from numpy.typing import NDArray

from archrank.spaces.nasbench101.cells import EDGES, INTERIOR, N_OPS, VERTICES, adjacency, to_masks
from archrank.spaces.nasbench101.cost import network_cost
from archrank.types import Archs, Bools, Floats

_PATHS = tuple(chain.from_iterable(combinations(INTERIOR, k) for k in range(len(INTERIOR) + 1)))
_STARTS = np.cumsum([0, *(N_OPS**k for k in range(len(INTERIOR) + 1))])  # of sequences per length


@lru_cache(maxsize=1)
def feature_names(ops: tuple[str, ...]) -> tuple[str, ...]:
    """One name per column, ``group:what``."""
    sequences = [
        "+".join(sequence) or "direct"
        for length in range(len(INTERIOR) + 1)
        for sequence in product(ops, repeat=length)
    ]
    stats = [f"{stat} {what}" for stat in ("max", "min", "mean") for what in (*ops, "all")]
    groups = {
        "edge": [f"{i}->{j}" for i, j in EDGES],
        "op": [f"{v}={op}" for v in INTERIOR for op in ops],
        "count": [*ops, "vertices", "edges", "joined"],
        "depth": [*stats, "paths"],
        "path": sequences,
        "size": ["log macs", "log params"],
    }
    return tuple(f"{group}:{name}" for group, names in groups.items() for name in names)


def features(archs: Archs) -> NDArray[np.float32]:
    """Features of canonical rows ``(n, 26)``: ``(n, f)``; pruned cells, unused operations are 0."""
    edges, ops = archs[:, : len(EDGES)], archs[:, len(EDGES) :]
    matrices = adjacency(to_masks(edges))  # (n, 7, 7)
    lives: Bools = np.any(matrices[:, :, 1:-1], axis=1)  # (n, 5) has a predecessor
    one_hot = (ops[:, :, None] == np.arange(N_OPS)) & lives[:, :, None]  # (n, 5, ops)
    counts = np.column_stack(
        [one_hot.sum(axis=1), lives.sum(axis=1), edges.sum(axis=1), matrices[:, :, -1].sum(axis=1)]
    )
    depth, sequences = _along_paths(matrices, ops, one_hot)
    cost = network_cost(matrices, ops)
    size = np.log10(np.column_stack([cost["macs"], cost["params"]]))
    flat = one_hot.reshape(len(archs), one_hot.shape[1] * N_OPS)
    blocks = (
        edges,
        flat,
        counts,
        depth,
        sequences,
        size,
    )
    return np.concatenate(blocks, axis=1, dtype=np.float32, casting="unsafe")


def _along_paths(
    matrices: Bools, ops: NDArray[np.uint8], one_hot: Bools
) -> tuple[Floats, NDArray[np.float32]]:
    """The ``depth`` and ``path`` groups: ``(n, 3 (ops + 1) + 1)`` and ``(n, 364)``."""
    n = len(ops)
    sequences = np.zeros((n, _STARTS[-1]), dtype=np.float32)
    most, total = np.zeros((n, N_OPS + 1)), np.zeros((n, N_OPS + 1))
    least = np.full((n, N_OPS + 1), np.inf)
    number = np.zeros(n)
    for middle in _PATHS:
        on = np.ones(n, dtype=bool)
        for source, target in pairwise((0, *middle, VERTICES - 1)):
            on &= matrices[:, source, target]
        rows = np.flatnonzero(on)
        at = [v - 1 for v in middle]
        of_each = one_hot[rows][:, at].sum(axis=1)
        counts = np.column_stack([of_each, np.full(len(rows), len(middle))])
        most[rows] = np.maximum(most[rows], counts)
        least[rows] = np.minimum(least[rows], counts)
        total[rows] += counts
        number[rows] += 1
        powers = N_OPS ** np.arange(len(middle) - 1, -1, -1)
        sequences[rows, _STARTS[len(middle)] + ops[rows][:, at] @ powers] += 1
    least[~np.isfinite(least)] = 0
    mean = total / np.maximum(number, 1)[:, None]
    return np.column_stack([most, least, mean, number]), sequences
