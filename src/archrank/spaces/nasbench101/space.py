"""NAS-Bench-101 (Ying et al., ICML 2019): 423,624 different cells of up to seven vertices.

A cell is a directed acyclic graph of at most 7 vertices (input, up to five operations, output) and
at most 9 edges. The published network repeats it in three stacks of 3 cells at 128, 256 and 512
channels. Facts: sections 2.1 and 2.2 of the paper and its released code.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archrank.checks import instance
from archrank.errors import ArchitectureError, SpaceError, UnknownNameError
from archrank.spaces.base import Choice, Graphs
from archrank.spaces.common import common_features
from archrank.spaces.constrained import ConstrainedSpace
from archrank.spaces.images import CellSizes, Scale, cell_sizes
from archrank.spaces.nasbench101 import cells
from archrank.spaces.nasbench101.canonical import canonical_keys, from_keys, unique_keys
from archrank.spaces.nasbench101.cost import network_cost
from archrank.spaces.nasbench101.features import feature_names, features
from archrank.spaces.nasbench101.hashes import hashes
from archrank.spaces.nasbench101.strings import OPS, format_cell, parse_cell
from archrank.types import Archs, Bools, Floats

if TYPE_CHECKING:
    from torch import nn

    from archrank.networks.blueprint import Blueprint
    from archrank.networks.nasbench101 import NASBench101Network
    from archrank.supernets.base import Supernet
    from archrank.tasks.base import Task

PUBLISHED = Scale(channels=128, cells=3)
_E = len(cells.EDGES)


class NASBench101(ConstrainedSpace):
    """The NAS-Bench-101 cell space.

    Decisions are the 21 edges (upper triangle of the adjacency, row by row) and the operations of
    vertices 1..5. A row is valid if a path leads from vertex 0 to vertex 6 and at most 9 edges are
    left once vertices off such paths are removed. Samples, mutants, children and neighbours are
    always valid; where a change is not possible the move makes a smaller one. Features, tokens and
    graphs are those of the canonical row, so one cell has one view.

    Isomorphic cells share a canonical row and the published :meth:`hash`, but not always the
    costs: the order of vertices decides which is wider by one channel where they do not divide
    evenly. Costs and networks are those of the row as it is given.

    Args:
        scale: channels of the first stack, at least 5, and cells per stack. ``None``: 8 channels
            and 1 cell for images smaller than 16 pixels, the published 128 and 3 for all others.
            Between stacks there is always max pooling, whatever its ``reduction`` says.
        prior: how :meth:`sample` draws: ``uniform`` over valid rows, or ``acenas``: the number of
            vertices ``v`` with probability proportional to ``2^v``, then uniform over cells of
            exactly ``v`` vertices (AceNAS's supernet sampling).
        bn_momentum: weight of the newest batch in running statistics. The published 0.003 fits
            108 epochs; short training needs more.

    Example:
        >>> space = NASBench101()
        >>> arch = space.parse(["100110100001001010101:02001"])
        >>> space.hash(arch)
        ['00005c142e6f48ac74fdcf73e3439874']
        >>> float(space.cost(arch)["params"][0])
        8555530.0
    """

    name = "nasbench101"
    least_channels = 5  # the output shares its channels among up to 5 vertices
    drawing = "nasbench101"
    supernet_options = ("affine", "dropout")

    def __init__(
        self,
        scale: Scale | None = None,
        *,
        prior: cells.Prior = "uniform",
        bn_momentum: float = 0.1,
    ) -> None:
        if scale is not None:
            instance(scale, Scale, "NASBench101: scale")
        if not isinstance(prior, str) or prior not in cells.PRIORS:
            raise UnknownNameError("prior", prior, cells.PRIORS)
        if scale is not None and scale.channels < cells.VERTICES - 2:
            raise SpaceError(
                f"up to 5 vertices share a cell's channels: use 5 or more, got {scale.channels}"
            )
        self.scale = scale
        self.prior = prior
        self.bn_momentum = bn_momentum
        self.choices = tuple(Choice(f"{i}->{j}", (0, 1)) for i, j in cells.EDGES) + tuple(
            Choice(f"op{v}", OPS) for v in cells.INTERIOR
        )

    # ---- validity ------------------------------------------------------------------------------

    def valid(self, archs: Archs) -> Bools:
        """Rows with an input -> output path and at most 9 edges after pruning: ``(n,)``."""
        return cells.mask_table().valid(cells.to_masks(archs[:, :_E]))

    def validate(self, archs: NDArray[np.generic]) -> Archs:
        """Return ``archs`` as ``(n, 26)`` uint8.

        Raises:
            ArchitectureError: wrong shape, a choice out of range, a disconnected cell, or one of
                more than 9 edges.
        """
        rows = super().validate(archs)
        bad = np.flatnonzero(~self.valid(rows))
        if len(bad):
            row = int(bad[0])
            edges = int(cells.mask_table().n_edges[cells.to_masks(rows[row : row + 1, :_E])][0])
            fault = (
                f"has {edges} edges after pruning, at most {cells.MAX_EDGES} are allowed"
                if edges
                else "has no path from input to output"
            )
            raise ArchitectureError(
                f"architecture {row}: cell {self.format(rows[row : row + 1])[0]!r} {fault}"
            )
        return rows

    @property
    def free(self) -> Bools:
        """The operations: no choice of them makes a cell invalid."""
        return np.arange(self.d) >= _E

    def sample(self, n: int, *, rng: np.random.Generator) -> Archs:
        """Draw ``n`` valid rows by the space's prior, with repetition: ``(n, 26)``."""
        masks = cells.sample_masks(n, self.prior, rng)
        ops = rng.integers(len(OPS), size=(n, len(cells.INTERIOR)), dtype=np.uint8)
        return np.concatenate([cells.to_edges(masks), ops], axis=1)

    # ---- identity ------------------------------------------------------------------------------

    def active(self, archs: Archs) -> Bools:
        """Decisions that influence the network: ``(n, 26)``.

        Operations of vertices on a path; edges on a path, and absent edges that would be.
        """
        masks = cells.to_masks(archs[:, :_E])
        active = np.empty(archs.shape, dtype=bool)
        active[:, _E:] = cells.live_vertices(masks)[:, 1:-1]
        for e, (source, target) in enumerate(cells.EDGES):  # were the edge there, would it live?
            live = cells.mask_table().live[masks | 1 << (_E - 1 - e)]
            active[:, e] = (live >> source) & (live >> target) & 1
        return active

    def canonical(self, archs: Archs) -> Archs:
        """One row per isomorphism class of pruned cells: ``(n, 26)``; exact, no hash involved."""
        return from_keys(canonical_keys(archs))

    def hash(self, archs: Archs) -> list[str]:
        """The published md5 of each pruned cell, by which the benchmark's tables name it."""
        return hashes(archs)

    def unique_cells(self) -> Archs:
        """The canonical rows of all 423,624 different cells; a second, once per process."""
        return from_keys(unique_keys())

    def sample_classes(self, n: int, *, rng: np.random.Generator) -> Archs:
        """Draw ``n`` canonical rows, all different cells alike whatever the prior: ``(n, 26)``."""
        keys = unique_keys()
        return from_keys(keys[rng.integers(len(keys), size=n)])

    # ---- strings -------------------------------------------------------------------------------

    def format(self, archs: Archs) -> list[str]:
        """``<edge bits>:<operations>``, 21 bits row by row and five digits."""
        return [format_cell(row) for row in archs.tolist()]

    def parse(self, strings: Sequence[str]) -> Archs:
        """Read ``<edge bits>:<operations>`` of cells of 2 to 7 vertices: ``(n, 26)``.

        A cell of ``v`` vertices has ``v (v - 1) / 2`` bits, the upper triangle row by row, and
        ``v - 2`` digits: 0 conv3x3, 1 conv1x1, 2 maxpool3x3.

        Raises:
            ArchitectureError: not of this form, an unknown operation, or not a valid cell.
        """
        rows = [parse_cell(text, n) for n, text in enumerate(strings)]
        return self.validate(np.array(rows, dtype=np.uint8).reshape(-1, self.d))

    def from_columns(self, adj_upper: Iterable[object], ops: Iterable[object]) -> Archs:
        """Rows from two columns of a table: ``(n, 26)``; read them as strings.

        Args:
            adj_upper: edge bits, upper triangle row by row.
            ops: one digit per interior vertex; empty or missing for the cell without any.

        Raises:
            ArchitectureError: see :meth:`parse`.
        """
        pairs = zip(adj_upper, ops, strict=True)
        return self.parse(
            [f"{bits}:{digits if digits == digits else ''}" for bits, digits in pairs]
        )

    # ---- views ---------------------------------------------------------------------------------

    def features(self, archs: Archs) -> NDArray[np.float32]:
        """Edges, operations, counts, depth, paths and size of the cell: ``(n, f)``."""
        return features(self.canonical(archs))

    @property
    def feature_names(self) -> tuple[str, ...]:
        """One name per feature, ``group:what`` (see ``nasbench101_features``)."""
        return feature_names(OPS)

    def tokens(self, archs: Archs) -> NDArray[np.int64]:
        """The decisions of the canonical row; 0 means inactive: ``(n, 26)``."""
        return super().tokens(self.canonical(archs))

    def graph(self, archs: Archs) -> Graphs:
        """The pruned cell, operations on nodes: ``v = 7``, unused nodes masked."""
        rows = self.canonical(archs)
        masks = cells.to_masks(rows[:, :_E])
        ops = np.zeros((len(rows), cells.VERTICES), dtype=np.uint8)
        ops[:, 1:-1] = rows[:, _E:] + 2
        ops[:, -1] = 1
        mask = cells.live_vertices(masks)
        return Graphs(cells.adjacency(masks), ops, mask, ("input", "output", *OPS))

    def common_features(self, archs: Archs) -> NDArray[np.float32]:
        """Numbers that mean the same in other spaces: ``(n, f)``, see :mod:`.spaces.common`."""
        rows = self.canonical(archs)
        return common_features(self.graph(rows), self.cost(rows))

    # ---- networks ------------------------------------------------------------------------------

    def _sizes(self, task: Task | None) -> CellSizes:
        return cell_sizes(task, self.name, self.scale, PUBLISHED)

    def _cost(self, archs: Archs, sizes: CellSizes) -> dict[str, Floats]:
        masks = cells.mask_table().pruned[cells.to_masks(archs[:, :_E])]
        return network_cost(
            cells.adjacency(masks),
            archs[:, _E:],
            channels=sizes.scale.channels,
            cells=sizes.scale.cells,
            n_classes=sizes.images.n_classes,
            input_shape=sizes.images.input_shape,
        )

    def _pruned(self, arch: NDArray[np.uint8]) -> tuple[list[int], list[list[int]], list[str]]:
        """Return the vertices of ``arch: (d,)`` on a path, their adjacency and operations."""
        vertices, matrix = cells.pruned_cell(arch[:_E])
        return vertices, matrix, [OPS[arch[_E + v - 1]] for v in vertices[1:-1]]

    def _build(self, arch: NDArray[np.uint8], sizes: CellSizes) -> nn.Module:
        return self._blueprint(arch, sizes).build()

    def _blueprint(
        self, arch: NDArray[np.uint8], sizes: CellSizes
    ) -> Blueprint[NASBench101Network]:
        _, matrix, ops = self._pruned(arch)
        return self._network(matrix, ops, sizes)

    def _network(
        self, matrix: list[list[int]], ops: list[str], sizes: CellSizes
    ) -> Blueprint[NASBench101Network]:
        from archrank.networks.blueprint import Blueprint
        from archrank.networks.nasbench101 import NASBench101Network

        options = {
            "channels": sizes.scale.channels,
            "cells": sizes.scale.cells,
            "n_classes": sizes.images.n_classes,
            "in_channels": sizes.images.channels,
            "bn_momentum": self.bn_momentum,
        }
        return Blueprint(NASBench101Network, (matrix, ops), options)

    def _supernet(self, sizes: CellSizes, **options: Any) -> Supernet:
        from archrank.supernets.nasbench101 import NASBench101Supernet, PrunedCell

        return NASBench101Supernet(
            self,
            network=self._network([[0, 1], [0, 0]], [], sizes).build(),
            vertices=cells.VERTICES,
            prune=lambda arch: PrunedCell(*self._pruned(arch)),
            build=lambda arch: self._build(arch, sizes),
            **options,
        )

    def fingerprint(self) -> str:
        """Return the name, and what differs from the defaults."""
        made = (self.scale, self.prior, self.bn_momentum)
        return self.name if made == (None, "uniform", 0.1) else f"{self.name}{made}"
