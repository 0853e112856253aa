"""NDS cells as arrays: canonical forms, features and graphs.

A cell is ``chosen: (n, p)`` operations and ``inputs: (n, p)`` of ``p = 2 nodes`` terms; terms
``2 i`` and ``2 i + 1`` add up to node ``i``. States 0 and 1 are the cell's inputs, state ``2 + i``
is node ``i``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from archrank.types import Archs, Bools, Floats, Ints


def joined(inputs: NDArray[np.uint8], *, loose: bool) -> Bools:
    """Nodes that the output concatenates: ``(n, p)`` -> ``(n, nodes)``.

    Args:
        inputs: of every term.
        loose: only nodes that no other uses; else all.
    """
    nodes = inputs.shape[1] // 2
    if not loose:
        return np.ones((len(inputs), nodes), dtype=bool)
    return np.column_stack([(inputs != 2 + i).all(axis=1) for i in range(nodes)])


def canonical_cells(
    chosen: NDArray[np.uint8], inputs: NDArray[np.uint8], n_ops: int, none: int | None
) -> tuple[Archs, Archs]:
    """One cell per set of cells that are the same up to the order of nodes and of terms.

    The smallest mixed-radix code over all orders of the nodes in which none is used before it is
    there, terms of a node sorted. The input of a ``none`` term does not matter and becomes 0.

    Returns:
        ``(n, p)`` operations and inputs.
    """
    nodes = chosen.shape[1] // 2
    if none is not None:
        inputs = np.where(chosen == none, 0, inputs).astype(np.uint8)
    code, tied = _greedy_codes(chosen, inputs, n_ops)
    rows = np.flatnonzero(tied)
    code[rows] = _smallest_codes(chosen[rows], inputs[rows], n_ops)
    return _decode(code, nodes, n_ops)


def _greedy_codes(
    chosen: NDArray[np.uint8], inputs: NDArray[np.uint8], n_ops: int
) -> tuple[Ints, Bools]:
    """Codes with the smallest possible node next, and whether two were equally small: ``(n,)``.

    The first node is the most significant, so without ties this is the smallest code.
    """
    n, nodes = len(chosen), chosen.shape[1] // 2
    rows, sources = np.arange(n), inputs.astype(np.int64)
    place = np.full((n, 2 + nodes), -1, dtype=np.int32)  # new number of each state
    place[:, :2] = (0, 1)
    code, tied = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=bool)
    for j in range(nodes):
        radix = n_ops * (j + 2)
        renamed = np.take_along_axis(place, sources, axis=1)  # (n, p)
        term = chosen * np.int32(j + 2) + renamed
        a, b = term[:, ::2], term[:, 1::2]
        pair = np.minimum(a, b) * radix + np.maximum(a, b)  # (n, nodes)
        ready = (renamed[:, ::2] >= 0) & (renamed[:, 1::2] >= 0) & (place[:, 2:] < 0)
        pair[~ready] = np.iinfo(np.int32).max
        best = pair.argmin(axis=1)
        value = pair[rows, best]
        tied |= (pair == value[:, None]).sum(axis=1) > 1
        code = code * radix**2 + value
        place[rows, 2 + best] = 2 + j
    return code, tied


def _smallest_codes(chosen: NDArray[np.uint8], inputs: NDArray[np.uint8], n_ops: int) -> Ints:
    """The smallest code over all orders of the nodes: ``(n,)``."""
    nodes = chosen.shape[1] // 2
    best = np.full(len(chosen), np.iinfo(np.int64).max)
    for order in permutations(range(nodes)):  # order[j]: the node that comes j-th
        place = np.argsort(order)
        renamed = np.concatenate([[0, 1], 2 + place]).astype(np.uint8)[inputs]  # (n, p)
        rows = np.flatnonzero((renamed < 2 + np.repeat(place, 2)).all(axis=1))
        code = np.zeros(len(rows), dtype=np.int64)
        for j, node in enumerate(order):
            radix = n_ops * (j + 2)
            a, b = (
                chosen[rows, t].astype(np.int64) * (j + 2) + renamed[rows, t]
                for t in (2 * node, 2 * node + 1)
            )
            code = (code * radix + np.minimum(a, b)) * radix + np.maximum(a, b)
        best[rows] = np.minimum(best[rows], code)
    return best


def _decode(code: Ints, nodes: int, n_ops: int) -> tuple[Archs, Archs]:
    chosen = np.empty((len(code), 2 * nodes), dtype=np.uint8)
    inputs = np.empty_like(chosen)
    for t in reversed(range(2 * nodes)):
        states = t // 2 + 2
        code, term = np.divmod(code, n_ops * states)
        chosen[:, t], inputs[:, t] = np.divmod(term, states)
    return chosen, inputs


# ---- features ----------------------------------------------------------------------------------


def cell_feature_names(kind: str, ops: tuple[str, ...], nodes: int) -> list[str]:
    """Columns of :func:`cell_features`, ``group:what``."""
    terms = [(i, "ab"[k]) for i in range(nodes) for k in range(2)]
    groups = {
        f"{kind}_op": [f"{i}{k}={op}" for i, k in terms for op in ops],
        f"{kind}_input": [f"{i}{k}<-{s}" for i, k in terms for s in range(i + 2)],
        f"{kind}_count": [f"{op} on {what}" for what in ("inputs", "nodes") for op in ops],
        f"{kind}_shape": ["joined", "longest", "mean depth", "on state 0", "on state 1"],
        f"{kind}_joined": [f"{op} to output" for op in ops],
        f"{kind}_neighbour": [f"{a} after {b}" for a in ops for b in (*ops, "input")],
    }
    return [f"{group}:{name}" for group, names in groups.items() for name in names]


def cell_features(
    chosen: NDArray[np.uint8], inputs: NDArray[np.uint8], n_ops: int, *, loose: bool
) -> list[NDArray[np.generic]]:
    """Operations and inputs one-hot, counts of operations, the shape, what stands next to what.

    What stands next to what orders cells of NAS-Bench-101 better than all else (see
    :mod:`.nasbench101.neighbours`): operations whose sums the output joins, and pairs of an
    operation and one of the two in the sum before it.
    """
    n, terms = chosen.shape
    one_hot = chosen[:, :, None] == np.arange(n_ops)  # (n, p, ops)
    sources = [inputs[:, t, None] == np.arange(t // 2 + 2) for t in range(terms)]
    outer = (inputs < 2)[..., None]  # (n, p, 1)
    depth = np.zeros((len(chosen), 2 + terms // 2))  # longest way from an input to each state
    for t in range(terms):
        behind = np.take_along_axis(depth, inputs[:, t, None].astype(np.int64), axis=1)[:, 0]
        depth[:, 2 + t // 2] = np.maximum(depth[:, 2 + t // 2], behind + 1)
    ends = joined(inputs, loose=loose)
    shape: Floats = np.column_stack(
        [
            ends.sum(axis=1),
            depth.max(axis=1),
            depth[:, 2:].mean(axis=1),
            (inputs == 0).sum(axis=1),
            (inputs == 1).sum(axis=1),
        ]
    )
    counts = [(one_hot & outer).sum(axis=1), (one_hot & ~outer).sum(axis=1)]
    to_output = (one_hot & np.repeat(ends, 2, axis=1)[..., None]).sum(axis=1)  # (n, ops)
    sums = one_hot.reshape(n, terms // 2, 2, n_ops).sum(axis=2)  # (n, nodes, ops)
    kinds = np.zeros((n, 2 + terms // 2, n_ops + 1))  # of what each state is made
    kinds[:, :2, n_ops], kinds[:, 2:, :n_ops] = 1, sums
    before = np.take_along_axis(kinds, inputs[..., None].astype(np.int64), axis=1)
    pairs = np.einsum("npa,npb->nab", one_hot, before).reshape(n, n_ops * (n_ops + 1))
    flat = one_hot.reshape(n, math.prod(one_hot.shape[1:]))
    return [flat, *sources, *counts, shape, to_output, pairs]


# ---- graphs ------------------------------------------------------------------------------------


def graphs(both: Sequence[tuple[Archs, Archs]], *, loose: bool) -> tuple[Bools, NDArray[np.uint8]]:
    """Normal and reduction cells side by side: ``(n, 2 v, 2 v)`` and ``(n, 2 v)``.

    The ``v = 3 nodes + 3`` nodes of a cell are the two inputs, the terms, the sums and the output.
    Codes: 0 the last cell, 1 the one before, 2 the output, 3 and 4 sums of a normal and of a
    reduction cell, 5 and above operations.
    """
    n, terms = both[0][0].shape
    v = 3 * (terms // 2) + 3
    adjacency = np.zeros((n, 2 * v, 2 * v), dtype=bool)
    codes = np.empty((n, 2 * v), dtype=np.uint8)
    rows, sums = np.arange(n), 2 + terms
    for kind, (chosen, inputs) in enumerate(both):
        at = slice(kind * v, (kind + 1) * v)
        a, c = adjacency[:, at, at], codes[:, at]  # views
        for t in range(terms):
            state = inputs[:, t].astype(np.int64)
            a[rows, np.where(state < 2, state, terms + state), 2 + t] = True
            a[:, 2 + t, sums + t // 2] = True
        a[:, sums:-1, -1] = joined(inputs, loose=loose)
        c[:, 0], c[:, 1], c[:, -1] = 1, 0, 2
        c[:, 2:sums], c[:, sums:-1] = chosen + 5, 3 + kind
    return adjacency, codes
