"""Features of NAS-Bench-101 cells that tell what stands next to what, computed from pruned cells.

The output concatenates, so what it joins decides most about a cell; how many inputs a vertex adds
up, and of which kind, comes next. The public work on graph features of cells (GRAF: Kadlecova et
al. 2024) counts degrees by operation; Weisfeiler-Lehman features of one step (Ru et al., ICLR 2021)
tell a vertex by its own operation and those before it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from archrank.spaces.nasbench101.cells import N_OPS
from archrank.types import Bools, Floats

INPUT = N_OPS  # kinds of vertices: operations, the input, the output
OUTPUT = N_OPS + 1


def names(ops: tuple[str, ...]) -> dict[str, list[str]]:
    """Return the names of the columns by group."""
    receivers, sources = (*ops, "output"), (*ops, "input")
    return {
        "joined": [f"{op} to output" for op in ops],
        "start": [f"{op} from input" for op in ops],
        "inputs": [f"{stat} of {op}" for op in ops for stat in ("mean", "max")],
        "neighbour": [
            f"{stat} {a} after {b}" for a in receivers for b in sources for stat in ("count", "max")
        ],
    }


def neighbours(matrices: Bools, one_hot: Bools) -> list[Floats]:
    """Return the groups of :func:`names` in their order, ``(n, columns)`` each.

    Args:
        matrices: adjacency of pruned cells, row = source: ``(n, 7, 7)``.
        one_hot: operations of interior vertices, none where a vertex is not used: ``(n, 5, ops)``.
    """
    n = len(matrices)
    edges = matrices.astype(np.float64)
    number = np.maximum(one_hot.sum(axis=1), 1)  # (n, ops) vertices
    joined = np.einsum("nv,nvo->no", edges[:, 1:-1, -1], one_hot)
    start = np.einsum("nv,nvo->no", edges[:, 0, 1:-1], one_hot)
    inputs = edges.sum(axis=1)[:, 1:-1, None] * one_hot  # (n, 5, ops)
    into = np.stack([inputs.sum(axis=1) / number, inputs.max(axis=1)], axis=2)
    kinds = np.zeros((n, 7, OUTPUT + 1))
    kinds[:, 1:-1, :N_OPS] = one_hot
    kinds[:, 0, INPUT] = kinds[:, -1, OUTPUT] = 1
    before = np.einsum("nuv,nuk->nvk", edges, kinds[:, :, :OUTPUT])  # predecessors by kind
    receivers = kinds[:, :, [*range(N_OPS), OUTPUT]]
    pairs: NDArray[np.float64] = receivers[:, :, :, None] * before[:, :, None]  # (n, 7, ops + 1, .)
    counts = np.stack([(pairs > 0).sum(axis=1), pairs.max(axis=1)], axis=3)
    return [joined, start, into.reshape(n, 2 * N_OPS), counts.reshape(n, 2 * (N_OPS + 1) ** 2)]
