"""NAS-Bench-101 cells as numbers, computed from canonical rows: one cell, one set of features.

* ``edge``: the cell as it is written: the edge bits, and the one-hot of every vertex's operation,
  zero where there is none.
* ``count``: vertices per operation, vertices, edges, and predecessors of the output.
* ``depth``: over input -> output paths, the largest, smallest and mean number of each operation
  and of all, and the number of paths.
* ``share``: of the paths that run through a vertex, by its operation: their sum over vertices, the
  largest, and the number of vertices on all paths.
* ``joined``, ``start``, ``inputs``, ``neighbour``: what stands next to what, see
  :mod:`.nasbench101.neighbours`.
* ``size``: log10 of multiply-accumulates and parameters of the published network.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import chain, combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from archrank.spaces.nasbench101.cells import EDGES, INTERIOR, N_OPS, VERTICES, adjacency, to_masks
from archrank.spaces.nasbench101.cost import network_cost
from archrank.spaces.nasbench101.neighbours import names as neighbour_names
from archrank.spaces.nasbench101.neighbours import neighbours
from archrank.types import Archs, Bools, Floats

_PATHS = tuple(chain.from_iterable(combinations(INTERIOR, k) for k in range(len(INTERIOR) + 1)))


@lru_cache(maxsize=1)
def feature_names(ops: tuple[str, ...]) -> tuple[str, ...]:
    """One name per column, ``group:what``."""
    groups = {
        "edge": [f"{i}->{j}" for i, j in EDGES] + [f"{v}={op}" for v in INTERIOR for op in ops],
        "count": [*ops, "vertices", "edges", "joined"],
        "depth": [
            *(f"{stat} {what}" for stat in ("max", "min", "mean") for what in (*ops, "all")),
            "paths",
        ],
        "share": [f"{stat} {op}" for stat in ("sum", "max", "all") for op in ops],
        **neighbour_names(ops),
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
    cost = network_cost(matrices, ops)
    blocks = (
        edges,
        one_hot.reshape(len(archs), len(INTERIOR) * N_OPS),
        counts,
        *_along_paths(matrices, one_hot),
        *neighbours(matrices, one_hot),
        np.log10(np.column_stack([cost["macs"], cost["params"]])),
    )
    return np.concatenate(blocks, axis=1, dtype=np.float32, casting="unsafe")


def _along_paths(matrices: Bools, one_hot: Bools) -> tuple[Floats, Floats]:
    """The ``depth`` and ``share`` groups: ``(n, 3 (ops + 1) + 1)`` and ``(n, 3 ops)``."""
    n = len(matrices)
    most, total = np.zeros((n, N_OPS + 1)), np.zeros((n, N_OPS + 1))
    least = np.full((n, N_OPS + 1), np.inf)
    through, number = np.zeros((n, len(INTERIOR))), np.zeros(n)
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
        through[rows[:, None], np.array(at, dtype=np.int64)] += 1
    least[~np.isfinite(least)] = 0
    paths = np.maximum(number, 1)[:, None]
    depth = np.column_stack([most, least, total / paths, number])
    shares = (through / paths)[:, :, None] * one_hot  # (n, 5, ops)
    on_all = (through == paths)[:, :, None] & one_hot
    stats = (shares.sum(axis=1), shares.max(axis=1), on_all.sum(axis=1))
    return depth, np.concatenate(stats, axis=1)
