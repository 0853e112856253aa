"""Layout of graphs in layers from top to bottom, with few crossings and no edge through a node.

After Sugiyama, Tagawa and Toda (1981). A node's layer is the length of its longest path from a
source. An edge over several layers gets a place of its own in each layer that it passes. Sweeps
order the layers by the mean place of neighbours; the order with the fewest crossings is kept.
Places are then moved as close to those of neighbours as order and distances allow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

GAP = 26.0  # between neighbours in a layer
LANE = 4.0  # width of an edge that passes a layer
SWEEPS = 12


@dataclass(frozen=True)
class Edge:
    """Edge that enters the target ``port`` pixels to the right of its middle."""

    source: int
    target: int
    port: float = 0.0


@dataclass(frozen=True)
class Plan:
    """Positions of nodes and edges.

    Attributes:
        x: Middle of each node, in pixels.
        layer: Layer of each node, from 0 at the top.
        routes: For each edge, its ``x`` in each layer between its ends.
        width: Width of the whole picture, in pixels.
    """

    x: list[float]
    layer: list[int]
    routes: list[list[float]]
    width: float


@dataclass(frozen=True)
class _Piece:
    """Part of an edge between neighbouring layers."""

    upper: int
    lower: int
    port: float


def plan(widths: Sequence[float], edges: Sequence[Edge]) -> Plan:
    """Place nodes of the given ``widths``; every edge leads to a later node."""
    n = len(widths)
    layer = [0] * n
    for edge in sorted(edges, key=lambda e: e.target):
        layer[edge.target] = max(layer[edge.target], layer[edge.source] + 1)
    all_widths, all_layers, pieces = list(widths), list(layer), []
    chains: list[list[int]] = []  # the places of each edge in the layers that it passes
    for edge in edges:
        chain = []
        for passed in range(layer[edge.source] + 1, layer[edge.target]):
            chain.append(len(all_widths))
            all_widths.append(LANE)
            all_layers.append(passed)
        ends = [edge.source, *chain, edge.target]
        ports = [0.0] * len(chain) + [edge.port]
        pieces += [_Piece(*piece) for piece in zip(ends, ends[1:], ports, strict=False)]
        chains.append(chain)
    rows = [[i for i, at in enumerate(all_layers) if at == k] for k in range(max(all_layers) + 1)]
    rows = _ordered(rows, pieces)
    x = _placed(rows, pieces, all_widths, n)
    left = min(x[i] - all_widths[i] / 2 for i in range(len(x)))
    right = max(x[i] + all_widths[i] / 2 for i in range(len(x)))
    x = [at - left for at in x]
    return Plan(x[:n], layer, [[x[i] for i in chain] for chain in chains], right - left)


def _ordered(rows: list[list[int]], pieces: list[_Piece]) -> list[list[int]]:
    """Order every layer; of the orders that are tried, keep the one with the fewest crossings."""
    best, fewest = rows, _crossings(rows, pieces)
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        rows = [list(row) for row in rows]
        for row in rows[1:] if down else rows[-2::-1]:
            place = {i: k for other in rows for k, i in enumerate(other)}
            row.sort(key=partial(_mean_place, pieces, place, down))
        found = _crossings(rows, pieces)
        if found < fewest:
            best, fewest = rows, found
    return best


def _mean_place(pieces: list[_Piece], place: dict[int, int], down: bool, i: int) -> float:
    """Compute the mean place of the neighbours above (``down``) or below, or its own place."""
    if down:
        near = [float(place[p.upper]) for p in pieces if p.lower == i]
    else:
        near = [place[p.lower] + p.port / 1000 for p in pieces if p.upper == i]
    return sum(near) / len(near) if near else float(place[i])


def _crossings(rows: list[list[int]], pieces: list[_Piece]) -> int:
    layer = {i: at for at, row in enumerate(rows) for i in row}
    place = {i: k for row in rows for k, i in enumerate(row)}
    ends = [(layer[p.upper], place[p.upper], place[p.lower] + p.port / 1000) for p in pieces]
    return sum(
        a[0] == b[0] and (a[1] - b[1]) * (a[2] - b[2]) < 0
        for k, a in enumerate(ends)
        for b in ends[:k]
    )


def _placed(
    rows: list[list[int]], pieces: list[_Piece], widths: list[float], n: int
) -> list[float]:
    """Compute the middle of every place; passing edges are kept as straight as possible."""
    x = [0.0] * len(widths)
    for row in rows:
        steps = _steps(row, widths)
        for i, step in zip(row, steps, strict=True):
            x[i] = step - steps[-1] / 2
    for sweep in range(2 * SWEEPS):
        for row in rows if sweep % 2 == 0 else rows[::-1]:
            wanted = []
            for i in row:
                near = [x[p.upper] - p.port for p in pieces if p.lower == i]
                near += [x[p.lower] + p.port for p in pieces if p.upper == i]
                wanted.append(sum(near) / len(near) if near else x[i])
            weights = [1.0 if i < n else 4.0 for i in row]
            for i, at in zip(row, _apart(wanted, _steps(row, widths), weights), strict=True):
                x[i] = at
    return x


def _steps(row: list[int], widths: list[float]) -> list[float]:
    """Compute the smallest distance of every middle from the first middle."""
    steps = [0.0]
    for a, b in pairwise(row):
        steps.append(steps[-1] + (widths[a] + widths[b]) / 2 + GAP)
    return steps


def _apart(wanted: list[float], steps: list[float], weights: list[float]) -> list[float]:
    """Find the places closest to ``wanted`` that are ``steps`` apart (pool adjacent violators)."""
    pools: list[tuple[float, float, int]] = []  # value, weight, members
    for want, step, weight in zip(wanted, steps, weights, strict=True):
        value, count = want - step, 1
        while pools and pools[-1][0] > value:
            other, other_weight, members = pools.pop()
            value = (value * weight + other * other_weight) / (weight + other_weight)
            weight, count = weight + other_weight, count + members
        pools.append((value, weight, count))
    values = [value for value, _, count in pools for _ in range(count)]
    return [value + step for value, step in zip(values, steps, strict=True)]
