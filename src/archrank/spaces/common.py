"""Features of cells that mean the same in every space of cells, so that one space tells of another.

Operations are told by kind alone: a convolution larger than 1x1, a 1x1 convolution, a pooling, a
skip; an operation of none of these kinds counts among all operations only. Features are read from
the graph view, whatever it calls its nodes, and count live operations, those on a path from an
input to the output:

* ``count``: operations by kind, convolutions, all.
* ``share``: convolutions and poolings by kind, as shares of their number.
* ``path``: over all paths, the largest, smallest and mean number of each kind, of convolutions, of
  operations that are no skip, and of all; the logarithm of the number of paths; whether there is
  one, and whether one of them has no convolution.
* ``walk``: operations of each kind that a walk back from the output meets on average, which takes
  every edge into a node alike: what the output consists of.
* ``shape``: the logarithm of one plus the edges above a tree's.
* ``size``: the logarithms of parameters and multiply-accumulates.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from archrank.types import Bools, Floats

if TYPE_CHECKING:
    from archrank.spaces.base import Graphs

KINDS = ("conv", "conv1x1", "pool", "skip")
REAL = 3  # kinds that do something, the first ones
ALONG = (*KINDS[:REAL], "convs", "ops", "all")
CHUNK = 4096  # architectures at a time: arrays over nodes and kinds stay small
COMMON_NAMES = (
    *(f"count:{kind}" for kind in (*KINDS, "convs", "all")),
    *(f"share:{kind}" for kind in KINDS[:REAL]),
    *(f"path:{stat} {what}" for stat in ("max", "min", "mean") for what in ALONG),
    *("path:log paths", "path:connected", "path:without convs"),
    *(f"walk:{kind}" for kind in KINDS[:REAL]),
    "shape:log merges",
    *("size:log params", "size:log macs"),
)
"""Names of the columns of :meth:`.Space.common_features`, ``group:what``."""
SIZES = 2  # the last columns
INPUTS, OUTPUT, SUMS = ("input", "earlier input"), "output", ("sum", "normal", "reduce")  # nodes


def kind_of(operation: str) -> str:
    """Return the kind of an operation by its name; ``none``, or empty for any other.

    Example:
        >>> [kind_of(name) for name in ("nor_conv_1x1", "sep_conv_3x3", "max_pool_3x3", "none")]
        ['conv1x1', 'conv', 'pool', 'none']
        >>> kind_of("sum")
        ''
    """
    name = operation.lower()
    if name in ("none", "zero", "zeroize"):
        return "none"
    if "skip" in name or "identity" in name:
        return "skip"
    if "pool" in name:
        return "pool"
    if re.search(r"conv_?1x1$", name):
        return "conv1x1"
    return "conv" if "conv" in name else ""


def common_features(graphs: Graphs, costs: dict[str, Floats]) -> NDArray[np.float32]:
    """Return features of architectures given as graphs, columns :data:`COMMON_NAMES`: ``(n, f)``.

    Args:
        graphs: of cells; edges make no circle.
        costs: ``params`` and ``macs``, ``(n,)`` each.
    """
    size = np.log(np.column_stack([costs["params"], costs["macs"]]))
    order = _order(np.any(graphs.adjacency, axis=0))
    parts = [
        _of_cells(graphs, order, slice(start, start + CHUNK))
        for start in range(0, len(graphs.ops), CHUNK)
    ]
    cells = np.concatenate(parts) if parts else np.zeros((0, len(COMMON_NAMES) - SIZES))
    return np.concatenate([cells, size], axis=1).astype(np.float32)


def _order(edges: Bools) -> list[int]:
    """Order nodes so that every edge of ``edges: (v, v)`` leads to a later one."""
    order: list[int] = []
    waiting = edges.sum(axis=0)
    ready = [int(node) for node in np.flatnonzero(waiting == 0)]
    while ready:
        order.append(node := ready.pop(0))
        for target in np.flatnonzero(edges[node]).tolist():
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    assert len(order) == len(edges), "cells are graphs without circles"
    return order


@dataclass(frozen=True)
class _Cells:
    """Live parts of cells, nodes in an order that edges follow.

    Attributes:
        edges: row = source: ``(n, v, v)``.
        start: inputs: ``(n, v)``.
        end: outputs: ``(n, v)``.
        kinds: whether a node is of each kind, or any operation: ``(n, v, kinds + 1)``.
    """

    edges: Bools
    start: Bools
    end: Bools
    kinds: Floats


def _of_cells(graphs: Graphs, order: list[int], rows: slice) -> Floats:
    cells = _live(graphs, order, rows)
    total = cells.kinds.sum(axis=1)  # (n, kinds + 1)
    real, convs = total[:, :REAL], total[:, :2].sum(axis=1, keepdims=True)
    shares = real / np.maximum(real.sum(axis=1, keepdims=True), 1)
    edges = cells.edges.sum(axis=(1, 2))
    nodes = (cells.edges.any(axis=1) | cells.edges.any(axis=2)).sum(axis=1)
    merges = np.log1p(np.maximum(edges - nodes + 1, 0))
    along = _along_paths(cells)
    columns = (total[:, :-1], convs, total[:, -1:], shares, along, _walk(cells), merges[:, None])
    return np.concatenate(columns, axis=1)


def _live(graphs: Graphs, order: list[int], rows: slice) -> _Cells:
    kinds = np.array([kind_of(name) for name in graphs.op_names])
    is_input = np.isin(graphs.op_names, INPUTS)
    is_output = np.isin(graphs.op_names, OUTPUT)
    operation = ~np.isin(graphs.op_names, (*INPUTS, OUTPUT, *SUMS))
    ops = graphs.ops[rows][:, order]
    exists = graphs.mask[rows][:, order] & (kinds != "none")[ops]
    edges = graphs.adjacency[rows][:, order][:, :, order]
    edges = edges & exists[:, :, None] & exists[:, None, :]
    start, end = is_input[ops] & exists, is_output[ops] & exists
    reached, reaches = start.copy(), end.copy()
    nodes = range(ops.shape[1])
    for j in nodes:
        reached[:, j] |= (reached & edges[:, :, j]).any(axis=1)
    for j in reversed(nodes):
        reaches[:, j] |= (reaches & edges[:, j, :]).any(axis=1)
    live = reached & reaches
    each = np.stack([*((kinds == kind)[ops] for kind in KINDS), operation[ops]], axis=2)
    return _Cells(
        edges & live[:, :, None] & live[:, None, :],
        start & live,
        end & live,
        (each & live[:, :, None]).astype(np.float64),
    )


def _along_paths(cells: _Cells) -> Floats:
    """Return the ``path`` group: ``(n, 3 along + 3)``."""
    real, skips = cells.kinds[..., :REAL], cells.kinds[..., REAL : REAL + 1]
    convs, everything = real[..., :2].sum(axis=2, keepdims=True), cells.kinds[..., -1:]
    steps = np.concatenate([real, convs, everything - skips, everything], axis=2)  # (n, v, a)
    nodes = steps.shape[1]
    most = np.where(cells.start[:, :, None], 0.0, np.full(steps.shape, -np.inf))
    least, total = -most, np.zeros(steps.shape)
    number = cells.start.astype(np.float64)  # of paths to each node
    for j in range(nodes):
        into = cells.edges[:, :, j]
        rows = np.flatnonzero(into.any(axis=1))
        into = into[rows]
        step, before = steps[rows, j], into[:, :, None]
        most[rows, j] = np.where(before, most[rows], -np.inf).max(axis=1) + step
        least[rows, j] = np.where(before, least[rows], np.inf).min(axis=1) + step
        more = (into * number[rows]).sum(axis=1)
        total[rows, j] += np.einsum("nv,nva->na", into.astype(np.float64), total[rows])
        total[rows, j] += more[:, None] * step
        number[rows, j] += more
    end = cells.end[:, :, None]
    paths = (number * cells.end).sum(axis=1)
    connected = paths > 0
    largest = np.where(end, most, -np.inf).max(axis=1)
    smallest = np.where(end, least, np.inf).min(axis=1)
    largest[~connected] = smallest[~connected] = 0
    mean = (total * end).sum(axis=1) / np.maximum(paths, 1)[:, None]
    without = connected & (smallest[:, ALONG.index("convs")] == 0)
    return np.column_stack([largest, smallest, mean, np.log1p(paths), connected, without])


def _walk(cells: _Cells) -> Floats:
    """Return the ``walk`` group: ``(n, real)``."""
    edges = cells.edges.astype(np.float64)
    share = edges / np.maximum(edges.sum(axis=1, keepdims=True), 1)  # of each edge into a node
    visits = cells.end.astype(np.float64)
    for j in reversed(range(edges.shape[1])):
        visits += visits[:, j, None] * share[:, :, j]
    met: Floats = np.einsum("nv,nvk->nk", visits, cells.kinds[..., :REAL])
    return met
