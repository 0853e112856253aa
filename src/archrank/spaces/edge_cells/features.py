"""Features of cells, in two families: what a cell computes, and what it runs.

An edge is live if it lies on an input -> output path without ``none``. What a cell computes, and so
its accuracy, depends on live edges alone. Networks that run dead edges all the same, as those of
published latency tables do, take time and energy for them. Rankers are offered both.

What it computes; all but ``edge`` follow paths, so cells that compute the same have the same
features however their nodes are numbered:

* ``edge``: one-hot of every edge's operation, all zero where the edge is dead.
* ``count``: live edges per operation.
* ``depth``: over live paths, the largest, smallest and mean number of each operation (skips are
  none), and of all of them; the number of live paths; whether there is one.
* ``path``: live paths per sequence of operations, skips left out (the path encoding of White,
  Neiswanger & Savani, AAAI 2021, contracted over skips). Sequences too long for
  :data:`MAX_SEQUENCES` share one column per length.
* ``state``: the output of a fixed random network that runs over the live cell: an operation is a
  random ``tanh`` layer, skip the identity, nodes sum. Cells that compute alike have like states:
  an untrained graph network as an encoding.

What it runs:

* ``operation``: one-hot of every edge's operation, live or dead.
* ``total``: edges per operation, live or dead.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, pairwise, product

import numpy as np
from numpy.typing import NDArray

from archrank.types import Archs, Bools, Floats

MAX_SEQUENCES = 512  # columns of the path group that stand for one sequence each
STATE_WIDTH = 128
STATE_GAIN = 1.2  # sd of the random weights, times 1 / sqrt(width)
STATE_BIAS = 0.5  # sd of the random biases


def edges_of(nodes: int) -> tuple[tuple[int, int], ...]:
    """(source, target) of every edge, grouped by target: row-major lower triangle."""
    return tuple((j, i) for i in range(1, nodes) for j in range(i))


def live_edges(archs: Archs, nodes: int, none: int | None) -> Bools:
    """Edges that lie on an input -> output path without ``none``: ``(n, d)``."""
    present = np.ones(archs.shape, dtype=bool) if none is None else archs != none
    edges = edges_of(nodes)
    reached = np.zeros((len(archs), nodes), dtype=bool)  # from the input
    reaches = np.zeros((len(archs), nodes), dtype=bool)  # the output
    reached[:, 0] = True
    reaches[:, -1] = True
    for e, (j, i) in enumerate(edges):  # by rising target: sources are settled
        reached[:, i] |= reached[:, j] & present[:, e]
    for e, (j, i) in reversed(list(enumerate(edges))):
        reaches[:, j] |= reaches[:, i] & present[:, e]
    source, target = (list(ends) for ends in zip(*edges, strict=True))
    return present & reached[:, source] & reaches[:, target]


def paths(nodes: int) -> Iterator[list[int]]:
    """Every input -> output path of the complete DAG, as positions of its edges."""
    position = {edge: e for e, edge in enumerate(edges_of(nodes))}
    for length in range(nodes - 1):
        for middle in combinations(range(1, nodes - 1), length):
            yield [position[edge] for edge in pairwise((0, *middle, nodes - 1))]


@dataclass(frozen=True)
class CellEncoder:
    """Turns cells into features.

    Attributes:
        ops: operation names in index order.
        nodes: number of nodes ``v``; ``d = v (v - 1) / 2`` edges.
        none: index of the operation that removes an edge, if there is one.
        skip: index of the identity, if there is one.
    """

    ops: tuple[str, ...]
    nodes: int
    none: int | None
    skip: int | None

    @cached_property
    def names(self) -> tuple[str, ...]:
        """One name per column, ``group:what``."""
        real = [self.ops[k] for k in self._real]
        stats = [f"{stat} {what}" for stat in ("max", "min", "mean") for what in (*real, "all")]
        sequences = [
            "+".join(sequence) or "skip"
            for length in range(self._exact + 1)
            for sequence in product(real, repeat=length)
        ]
        longer = [f"length {length}" for length in range(self._exact + 1, self.nodes)]
        groups = {
            "edge": [f"{j}->{i}={op}" for j, i in edges_of(self.nodes) for op in self.ops],
            "count": [op for k, op in enumerate(self.ops) if k != self.none],
            "depth": [*stats, "paths", "connected"],
            "path": sequences + longer,
            "state": [str(k) for k in range(STATE_WIDTH)],
            "operation": [f"{j}->{i}={op}" for j, i in edges_of(self.nodes) for op in self.ops],
            "total": list(self.ops),
        }
        return tuple(f"{group}:{name}" for group, names in groups.items() for name in names)

    def encode(self, archs: Archs) -> NDArray[np.float32]:
        """Features of ``archs: (n, d)``, columns as in :attr:`names`: ``(n, f)``."""
        live = live_edges(archs, self.nodes, self.none)
        chosen = archs[:, :, None] == np.arange(len(self.ops))  # (n, d, ops)
        one_hot = chosen & live[:, :, None]
        counted = [k for k in range(len(self.ops)) if k != self.none]
        depth, sequences = self._along_paths(archs, live, one_hot)
        blocks = (
            one_hot.reshape(len(archs), math.prod(one_hot.shape[1:])),
            one_hot.sum(axis=1)[:, counted],
            depth,
            sequences,
            self._states(one_hot),
            chosen.reshape(len(archs), math.prod(chosen.shape[1:])),
            chosen.sum(axis=1),
        )
        return np.concatenate([block.astype(np.float32) for block in blocks], axis=1)

    @cached_property
    def _real(self) -> list[int]:
        """Operations that do something: neither ``none`` nor skip."""
        return [k for k in range(len(self.ops)) if k not in (self.none, self.skip)]

    @cached_property
    def _exact(self) -> int:
        """Longest sequences of operations that have a column each."""
        total, length = 1, 0
        while length < self.nodes - 1:
            total += len(self._real) ** (length + 1)
            if total > MAX_SEQUENCES:
                break
            length += 1
        return length

    def _along_paths(
        self, archs: Archs, live: Bools, one_hot: Bools
    ) -> tuple[Floats, NDArray[np.float32]]:
        """The ``depth`` and ``path`` groups: ``(n, 3 (real + 1) + 2)`` and ``(n, sequences)``."""
        n, real = len(archs), len(self._real)
        digit = np.full(len(self.ops), -1)
        digit[self._real] = np.arange(real)
        starts = np.cumsum([0, *(real**length for length in range(self._exact + 1))])
        sequences = np.zeros((n, starts[-1] + self.nodes - 1 - self._exact), dtype=np.float32)
        most = np.zeros((n, real + 1))
        least = np.full((n, real + 1), np.inf)
        total = np.zeros((n, real + 1))
        alive = np.zeros(n)
        for path in paths(self.nodes):
            rows = np.flatnonzero(live[:, path].all(axis=1))
            alive[rows] += 1
            of_each = one_hot[rows][:, path].sum(axis=1)[:, self._real]
            length = of_each.sum(axis=1)
            counts = np.column_stack([of_each, length])  # (rows, real + 1)
            most[rows] = np.maximum(most[rows], counts)
            least[rows] = np.minimum(least[rows], counts)
            total[rows] += counts
            number = np.zeros(len(rows), dtype=np.int64)  # of the sequence among its length
            for e in path:
                place = digit[archs[rows, e]]
                number = np.where(place >= 0, number * real + place, number)
            exact = length <= self._exact
            column = np.where(
                exact,
                starts[np.minimum(length, self._exact)] + number,
                starts[-1] + length - self._exact - 1,
            )
            sequences[rows, column] += 1
        least[~np.isfinite(least)] = 0
        mean = total / np.maximum(alive, 1)[:, None]
        depth = np.column_stack([most, least, mean, alive, alive > 0])
        return depth, sequences

    def _states(self, one_hot: Bools) -> NDArray[np.float32]:
        """The ``state`` group: ``(n, STATE_WIDTH)``."""
        rng = np.random.default_rng(0)  # fixed: an encoding, not a random choice
        width = STATE_WIDTH
        start = rng.standard_normal(width)
        weights = rng.standard_normal((len(self.ops), width, width)) * STATE_GAIN / np.sqrt(width)
        biases = rng.standard_normal((len(self.ops), width)) * STATE_BIAS
        states = [np.broadcast_to(start, (len(one_hot), width))]
        e = 0
        for target in range(1, self.nodes):
            state = np.zeros((len(one_hot), width))
            for source in range(target):
                for k in range(len(self.ops)):
                    rows = np.flatnonzero(one_hot[:, e, k])
                    value = states[source][rows]
                    state[rows] += (
                        value if k == self.skip else np.tanh(value @ weights[k] + biases[k])
                    )
                e += 1
            states.append(state)
        return states[-1].astype(np.float32)
