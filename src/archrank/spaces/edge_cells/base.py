"""Cell spaces with one operation on every edge of a small complete DAG.

Nodes ``0 .. v-1``; node 0 is the input, node ``v-1`` the output, every edge ``j -> i`` with
``j < i`` carries one operation, a node is the sum of its incoming edges. Decisions are the edges,
grouped by target: (0,1), (0,2), (1,2), (0,3), (1,3), (2,3), ... (row-major lower triangle).
NAS-Bench-201 and TransNAS-Bench-101 micro are of this kind.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from archrank.errors import ArchitectureError, SpaceError, UnknownNameError
from archrank.spaces.base import ENUMERABLE, Choice, Graphs, Space
from archrank.spaces.common import common_features
from archrank.spaces.edge_cells.features import CellEncoder, edges_of, live_edges
from archrank.spaces.edge_cells.isomorphism import FORMS, Form, class_labels
from archrank.types import Archs, Bools, Ints

_EDGE = re.compile(r"([^|~]+)~(\d+)")


class EdgeCellSpace(Space):
    """Cells with operations on edges.

    Args:
        ops: operation names in index order; ``none`` removes an edge and ``skip`` is the identity,
            wherever they occur.
        nodes: number of nodes ``v``, input and output included; ``d = v (v - 1) / 2``.
        none: name of the operation that removes an edge.
        skip: name of the identity.

    Subclasses add ``_build``, and ``_cost`` where it has a closed form.

    Example:
        >>> from archrank.spaces import NASBench201
        >>> space = NASBench201()
        >>> cell = space.parse(["|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|"])
        >>> space.live(cell).tolist()  # the convolution leads nowhere
        [[False, False, False, True, False, False]]
        >>> space.format(space.canonical(cell))
        ['|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|']
    """

    name = "cells"
    drawing = "edge_cell"
    supernet_recipe = "cells"

    def __init__(
        self,
        ops: Sequence[str],
        nodes: int = 4,
        *,
        none: str = "none",
        skip: str = "skip_connect",
    ) -> None:
        self.ops = tuple(ops)
        self.nodes = nodes
        if len(set(self.ops)) != len(self.ops) or len(self.ops) < 2:
            raise SpaceError(f"a cell space needs at least two different operations, got {ops}")
        if nodes < 2:
            raise SpaceError(f"a cell needs at least 2 nodes (input and output), got {nodes}")
        self.edges = edges_of(nodes)
        self.choices = tuple(Choice(f"{j}->{i}", self.ops) for j, i in self.edges)
        self.none = self.ops.index(none) if none in self.ops else None
        self.skip = self.ops.index(skip) if skip in self.ops else None

    # ---- identity ------------------------------------------------------------------------------

    def live(self, archs: Archs) -> Bools:
        """Edges on some input -> output path without ``none``: ``(n, d)``."""
        return live_edges(archs, self.nodes, self.none)

    def active(self, archs: Archs) -> Bools:
        """Edges whose operation matters: live ones, and ``none`` edges that would be live.

        A node that the input does not reach is taken as zero. In a real network convolution and
        batch norm can turn zeros into a constant, which this ignores, as the benchmarks do.
        """
        active = np.zeros(archs.shape, dtype=bool)
        for e in range(self.d):  # would the edge be live, were it not `none`?
            if self.none is None:
                active[:, e] = True
                continue
            present = archs.copy()
            present[:, e] = (self.none + 1) % len(self.ops)
            active[:, e] = live_edges(present, self.nodes, self.none)[:, e]
        return active

    def classes(self, archs: Archs, form: Form = "official") -> Ints:
        """Number the isomorphism class of each row: ``(n,)``, the smallest row index in the class.

        Args:
            archs: ``(n, d)``.
            form: rule of :mod:`archrank.spaces.edge_cells.isomorphism`: ``official`` has
                6,466 classes on NAS-Bench-201, ``live`` 5,819, ``merged`` 4,930.

        Raises:
            SpaceError: a space too large to tabulate.
            UnknownNameError: no such form.
        """
        if form not in FORMS:
            raise UnknownNameError("canonical form", form, FORMS)
        return self._class_table(form)[self.index(archs)]

    def canonical(self, archs: Archs, form: Form = "official") -> Archs:
        """The row of smallest index that is isomorphic to each row: ``(n, d)``."""
        return self.from_index(self.classes(archs, form))

    def _class_table(self, form: Form) -> Ints:
        if form not in self._class_tables:
            self._class_tables[form] = class_labels(
                self.enumerate(), self.ops, self.nodes, self.none, self.skip, form
            )
        return self._class_tables[form]

    @cached_property
    def _class_tables(self) -> dict[Form, Ints]:
        return {}

    # ---- strings -------------------------------------------------------------------------------

    def format(self, archs: Archs) -> list[str]:
        """``|op~0|+|op~0|op~1|+...``: per node its incoming edges, each as operation ~ source."""
        text = [[f"{op}~{j}|" for op in self.ops] for j, _ in self.edges]
        ends = {sum(range(i + 1)) for i in range(1, self.nodes - 1)}  # edge count after each node
        strings = []
        for row in archs.tolist():
            parts = ["|"]
            for e, op in enumerate(row):
                if e in ends:
                    parts.append("+|")
                parts.append(text[e][op])
            strings.append("".join(parts))
        return strings

    def parse(self, strings: Sequence[str]) -> Archs:
        """Read cell strings: ``(n, d)``.

        Raises:
            ArchitectureError: an unknown operation, or not the edges of this cell.
        """
        codes = {op: k for k, op in enumerate(self.ops)}
        sources = [j for j, _ in self.edges]
        rows = np.empty((len(strings), self.d), dtype=np.uint8)
        for n, text in enumerate(strings):
            found = _EDGE.findall(text)
            wrong = next((op for op, _ in found if op not in codes), None)
            if wrong is not None:
                unknown = UnknownNameError("operation", wrong, self.ops)
                raise ArchitectureError(f"architecture {n}: {unknown}; in {text!r}")
            if [int(j) for _, j in found] != sources or text.strip().count("+") != self.nodes - 2:
                shape = "+".join(
                    "|" + "".join(f"op~{j}|" for j in range(i)) for i in range(1, self.nodes)
                )
                raise ArchitectureError(f"architecture {n}: expected {shape}, got {text!r}")
            rows[n] = [codes[op] for op, _ in found]
        return rows

    # ---- views ---------------------------------------------------------------------------------

    def features(self, archs: Archs) -> NDArray[np.float32]:
        """Features of what the cell computes and of what it runs: ``(n, f)``."""
        if self._feature_table is not None:
            return np.take(self._feature_table, self.index(archs), axis=0)
        return self._encoder.encode(archs)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """One name per feature, ``group:what`` (see :mod:`archrank.spaces.edge_cells.features`)."""
        return self._encoder.names

    @cached_property
    def _encoder(self) -> CellEncoder:
        return CellEncoder(self.ops, self.nodes, self.none, self.skip)

    @cached_property
    def _feature_table(self) -> NDArray[np.float32] | None:
        if self.size * len(self.feature_names) > 25 * ENUMERABLE:  # 100 MB of float32
            return None
        return self._encoder.encode(self.enumerate())

    def tokens(self, archs: Archs) -> NDArray[np.int64]:
        """The operation index of every edge: ``(n, d)``."""
        return archs.astype(np.int64)

    @property
    def n_tokens(self) -> int:
        """Number of operations."""
        return len(self.ops)

    def edge_graph(self, archs: Archs) -> Graphs:
        """The cells themselves: ``v`` nodes, operations on edges; ``none`` edges are absent."""
        n, v = len(archs), self.nodes
        edge_ops = np.zeros((n, v, v), dtype=np.uint8)
        adjacency = np.zeros((n, v, v), dtype=bool)
        for e, (j, i) in enumerate(self.edges):
            edge_ops[:, j, i] = archs[:, e]
            adjacency[:, j, i] = True if self.none is None else archs[:, e] != self.none
        kinds = np.array([0] + [1] * (v - 2) + [2], dtype=np.uint8)
        nodes = np.broadcast_to(kinds, (n, v)).copy()
        mask = np.ones((n, v), dtype=bool)
        names = ("input", "sum", "output")
        return Graphs(adjacency, nodes, mask, names, edge_ops, edge_op_names=self.ops)

    def graph(self, archs: Archs) -> Graphs:
        """Line graphs of the cells: operations on nodes, ``v = d + 2``.

        Nodes are the input, the output and one per edge of the cell; edge ``a -> b`` feeds edge
        ``b -> c``. ``none`` and ``skip`` are operations.
        """
        n = len(archs)
        ops = np.concatenate(
            [np.zeros((n, 1)), archs + 2, np.ones((n, 1))], axis=1, dtype=np.uint8, casting="unsafe"
        )
        none, skip = (() if op is None else (op + 2,) for op in (self.none, self.skip))
        return Graphs(
            np.broadcast_to(self._line_adjacency, (n, self.d + 2, self.d + 2)),
            ops,
            np.ones(ops.shape, dtype=bool),
            ("input", "output", *self.ops),
            none_ops=none,
            skip_ops=skip,
        )

    def common_features(self, archs: Archs) -> NDArray[np.float32]:
        """Numbers that mean the same in other spaces: ``(n, f)``, see :mod:`.spaces.common`.

        Sizes are those of cells without edges that lead nowhere.
        """
        rows = archs
        if self.none is not None:
            rows = np.where(self.live(archs), archs, self.none).astype(np.uint8)
        return common_features(self.graph(rows), self.cost(rows))

    @cached_property
    def _line_adjacency(self) -> Bools:
        a = np.zeros((self.d + 2, self.d + 2), dtype=bool)
        for e, (source, target) in enumerate(self.edges, start=1):
            a[0, e] = source == 0
            a[e, -1] = target == self.nodes - 1
            for g, (other, _) in enumerate(self.edges, start=1):
                a[e, g] = target == other
        return a
