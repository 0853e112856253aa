"""NAS-Bench-101 cells as bit masks: pruning and validity by look-up.

The 21 bits above the diagonal of a 7 x 7 adjacency matrix, row by row, are one number, the first
bit most significant. All 2^21 numbers are tabulated once per process (12 MB, a quarter of a
second), so that every question about edges is one look-up per architecture. A cell with fewer than
seven vertices leaves interior vertices without edges.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from archrank.types import Bools

VERTICES = 7
INTERIOR = range(1, VERTICES - 1)
EDGES = tuple(combinations(range(VERTICES), 2))  # (source, target), row-major upper triangle
MAX_EDGES = 9  # Ying et al. 2019, section 2.1
N_OPS = 3

Prior = Literal["uniform", "acenas"]
PRIORS: tuple[Prior, ...] = get_args(Prior)


@dataclass(frozen=True)
class MaskTable:
    """Properties of every adjacency mask, ``(2^21,)`` each.

    Attributes:
        pruned: the mask without the edges that no input -> output path uses; 0 if there is none.
        live: bit ``i`` is set if vertex ``i`` lies on a path.
        n_edges: edges of ``pruned``; a mask is valid from 1 to 9.
    """

    pruned: NDArray[np.int32]
    live: NDArray[np.uint8]
    n_edges: NDArray[np.uint8]

    def valid(self, masks: NDArray[np.integer]) -> Bools:
        """Masks with an input -> output path and at most 9 edges after pruning: ``(n,)``."""
        edges = self.n_edges[masks]
        valid: Bools = (edges > 0) & (edges <= MAX_EDGES)
        return valid


def bit_of(position: int) -> int:
    """The bit of the mask that stands for an edge."""
    return len(EDGES) - 1 - position


_BITS = {edge: bit_of(position) for position, edge in enumerate(EDGES)}


@lru_cache(maxsize=1)
def mask_table() -> MaskTable:
    """Tabulate all 2^21 masks."""
    masks = np.arange(1 << len(EDGES), dtype=np.int32)
    reached = np.ones(len(masks), dtype=np.uint8)  # bit i: from the input
    reaches = np.full(len(masks), 1 << (VERTICES - 1), dtype=np.uint8)  # bit i: the output
    present = [((masks >> bit_of(e)) & 1).astype(np.uint8) for e in range(len(EDGES))]
    by_target = sorted(range(len(EDGES)), key=lambda e: EDGES[e][1])
    for e in by_target:  # sources are settled
        source, target = EDGES[e]
        reached |= ((reached >> source) & present[e]) << target
    for e in reversed(range(len(EDGES))):  # by falling source: targets are settled
        source, target = EDGES[e]
        reaches |= ((reaches >> target) & present[e]) << source
    live = reached & reaches
    live[(live & 1) == 0] = 0
    pruned = np.zeros(len(masks), dtype=np.int32)
    n_edges = np.zeros(len(masks), dtype=np.uint8)
    for e, (source, target) in enumerate(EDGES):
        used = present[e] & (live >> source) & (live >> target) & 1
        n_edges += used
        pruned |= used.astype(np.int32) << bit_of(e)
    return MaskTable(pruned, live, n_edges)


@lru_cache(maxsize=1)
def valid_masks() -> NDArray[np.int32]:
    """All valid masks, rising."""
    table = mask_table()
    return np.flatnonzero(table.valid(np.arange(len(table.pruned)))).astype(np.int32)


@lru_cache(maxsize=VERTICES)
def full_masks(vertices: int) -> NDArray[np.int32]:
    """Valid masks where exactly vertices ``0..vertices - 2`` and the output live, all of them."""
    table = mask_table()
    valid = valid_masks()
    wanted = (1 << (vertices - 1)) - 1 | 1 << (VERTICES - 1)
    found: NDArray[np.int32] = valid[(table.live[valid] == wanted) & (table.pruned[valid] == valid)]
    return found


def sample_masks(n: int, prior: Prior, rng: np.random.Generator) -> NDArray[np.int32]:
    """Draw valid masks, ``(n,)``; ``acenas``: their number of vertices ``v`` first, as ``2^v``."""
    if prior == "uniform":
        pool = valid_masks()
        drawn: NDArray[np.int32] = pool[rng.integers(len(pool), size=n)]
        return drawn
    sizes = np.arange(2, VERTICES + 1)
    vertices = rng.choice(sizes, size=n, p=2.0**sizes / (2.0**sizes).sum())
    masks = np.empty(n, dtype=np.int32)
    for v in sizes.tolist():
        pool, rows = full_masks(v), np.flatnonzero(vertices == v)
        masks[rows] = pool[rng.integers(len(pool), size=len(rows))]
    return masks


def to_masks(edges: NDArray[np.integer]) -> NDArray[np.int32]:
    """Edge bits ``(n, 21)`` as numbers ``(n,)``."""
    bytes_ = np.packbits(edges.astype(bool), axis=1).astype(np.int32)  # (n, 3), 3 bits of padding
    masks: NDArray[np.int32] = (bytes_[:, 0] << 13) | (bytes_[:, 1] << 5) | (bytes_[:, 2] >> 3)
    return masks


def to_edges(masks: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Inverse of :func:`to_masks`: ``(n,)`` -> ``(n, 21)``."""
    shifts = np.arange(len(EDGES) - 1, -1, -1, dtype=np.int32)
    return ((masks[:, None] >> shifts) & 1).astype(np.uint8)


def live_vertices(masks: NDArray[np.integer]) -> Bools:
    """Vertices on an input -> output path: ``(n,)`` -> ``(n, 7)``."""
    live: Bools = (mask_table().live[masks][:, None] >> np.arange(VERTICES)) & 1 == 1
    return live


def pruned_cell(edges: NDArray[np.integer]) -> tuple[list[int], list[list[int]]]:
    """Return the vertices on a path, and their adjacency without other edges.

    The same as :func:`live_vertices` and :func:`adjacency` of one cell, in microseconds: supernets
    ask in every step.

    Args:
        edges: bits of one cell, ``(21,)``.
    """
    mask = int("".join(map(str, edges.tolist())), 2)
    table = mask_table()
    live, pruned = int(table.live[mask]), int(table.pruned[mask])
    vertices = [v for v in range(VERTICES) if live >> v & 1]
    matrix = [[pruned >> _BITS[i, j] & 1 if i < j else 0 for j in vertices] for i in vertices]
    return vertices, matrix


def adjacency(masks: NDArray[np.integer]) -> Bools:
    """Masks as matrices, row = source: ``(n,)`` -> ``(n, 7, 7)``."""
    source, target = (list(ends) for ends in zip(*EDGES, strict=True))
    matrices = np.zeros((len(masks), VERTICES, VERTICES), dtype=bool)
    matrices[:, source, target] = to_edges(masks)
    return matrices
