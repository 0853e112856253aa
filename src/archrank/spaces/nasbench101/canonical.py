"""Canonical forms of NAS-Bench-101 cells: exact isomorphism by look-up, and all different cells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations, product

import numpy as np
from numpy.typing import NDArray

from archrank.spaces.nasbench101.cells import (
    EDGES,
    INTERIOR,
    N_OPS,
    VERTICES,
    bit_of,
    full_masks,
    live_vertices,
    mask_table,
    to_edges,
    to_masks,
)
from archrank.types import Archs, Ints

_LOW = 11  # bits in the lower part of a mask, where the tables of permutations are split
_OPS_BITS = 8  # 3^5 = 243 assignments of operations


@dataclass(frozen=True)
class _Renumbering:
    """One permutation of the interior vertices, as look-ups; negative where an edge turns back."""

    high: Ints  # (2^10,)
    low: Ints  # (2^11,)
    ops: Ints  # (3^5,)


@lru_cache(maxsize=1)
def _op_digits() -> NDArray[np.uint8]:
    """All assignments of operations to the five interior vertices: ``(243, 5)``."""
    return np.array(list(product(range(N_OPS), repeat=len(INTERIOR))), dtype=np.uint8)


@lru_cache(maxsize=1)
def _renumberings() -> list[_Renumbering]:
    position = {edge: bit_of(e) for e, edge in enumerate(EDGES)}
    powers = N_OPS ** np.arange(len(INTERIOR) - 1, -1, -1)
    tables = []
    for order in permutations(INTERIOR):
        new = dict(zip(INTERIOR, order, strict=True)) | {0: 0, VERTICES - 1: VERTICES - 1}
        moved = np.zeros(len(EDGES), dtype=np.int64)  # per bit, least significant first
        for e, (source, target) in enumerate(EDGES):
            edge = (new[source], new[target])
            moved[bit_of(e)] = (
                1 << (position[edge] + _OPS_BITS) if edge in position else np.iinfo(np.int64).min
            )
        high, low = _spread(moved[_LOW:]), _spread(moved[:_LOW])
        to = np.array([new[v] - 1 for v in INTERIOR])
        digits = np.empty_like(_op_digits())
        digits[:, to] = _op_digits()
        tables.append(_Renumbering(high, low, digits.astype(np.int64) @ powers))
    return tables


def _spread(moved: Ints) -> Ints:
    """Positions of the bits of every number, ``(2^bits,)``."""
    table = np.zeros(1, dtype=np.int64)
    for bit in moved:
        table = np.concatenate([table, table | bit])
    return table


def canonical_keys(archs: Archs) -> Ints:
    """One number per isomorphism class of the pruned cell: ``(n,)``.

    The largest ``(mask, operations)`` over all 120 numberings of the interior vertices that keep
    edges pointing forward, so the answer is exact and needs no hash. The largest mask also puts
    vertices without edges last.

    Args:
        archs: ``(n, 26)``.
    """
    masks = to_masks(archs[:, : len(EDGES)])
    pruned = mask_table().pruned[masks]
    powers = N_OPS ** np.arange(len(INTERIOR) - 1, -1, -1)
    live_ops = archs[:, len(EDGES) :] * live_vertices(masks)[:, 1:-1]
    ops = live_ops.astype(np.int64) @ powers
    high, low = pruned >> _LOW, pruned & ((1 << _LOW) - 1)
    best = np.full(len(archs), -1, dtype=np.int64)
    for table in _renumberings():
        np.maximum(best, (table.high[high] | table.low[low]) + table.ops[ops], out=best)
    return best


def from_keys(keys: Ints) -> Archs:
    """The canonical rows of :func:`canonical_keys`: ``(n,)`` -> ``(n, 26)``."""
    ops = _op_digits()[keys & ((1 << _OPS_BITS) - 1)]
    return np.concatenate([to_edges(keys >> _OPS_BITS), ops], axis=1)


@lru_cache(maxsize=1)
def unique_keys() -> Ints:
    """The keys of all 423,624 different cells (Ying et al. 2019, section 2.1), rising.

    Unlabelled graphs are listed first, and each is given every assignment of operations.
    """
    found = [canonical_keys(rows) for rows in _labelled_graphs()]
    keys: Ints = np.unique(np.concatenate(found))
    return keys


def _labelled_graphs() -> Iterator[Archs]:
    for vertices in range(2, VERTICES + 1):
        edges = to_edges(full_masks(vertices))
        blank = np.zeros((len(edges), len(INTERIOR)), dtype=np.uint8)
        graphs = np.unique(canonical_keys(np.concatenate([edges, blank], axis=1)))
        edges = from_keys(graphs)[:, : len(EDGES)]
        free = vertices - 2
        ops = np.zeros((N_OPS**free, len(INTERIOR)), dtype=np.uint8)
        ops[:, :free] = list(product(range(N_OPS), repeat=free))
        yield np.concatenate(
            [np.repeat(edges, len(ops), axis=0), np.tile(ops, (len(edges), 1))], axis=1
        )
