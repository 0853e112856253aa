"""Supernet of NAS-Bench-101: one weight per vertex and operation, sliced to the vertex's channels.

As AceNAS trains it: every position of the cell in the network has weights of its own. A vertex has
as many channels as its place in the cell gives it, at most those of the cell's output, and uses the
first input and output channels of the shared convolutions. Projections of the cell's input are
shared by vertex. Vertices are those of the row as it is given: isomorphic rows use other weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from archrank.networks.nasbench101 import (
    KERNELS,
    Cell,
    ConvBNReLU,
    NASBench101Network,
    run_cell,
    vertex_channels,
)
from archrank.supernets.base import Supernet
from archrank.supernets.slicing import copy_first, run_first
from archrank.supernets.statistics import use_batch_statistics, without_affine

if TYPE_CHECKING:
    from archrank.spaces.base import Space


class PrunedCell(NamedTuple):
    """Cell of a row without the vertices that are on no path.

    Attributes:
        vertices: numbers that the row gives to the vertices that are left, input and output
            included.
        matrix: adjacency of these.
        ops: operations of those in between.
    """

    vertices: Sequence[int]
    matrix: Sequence[Sequence[int]]
    ops: Sequence[str]


class SharedCell(nn.Module):
    """Every operation of every vertex of one cell, at the greatest number of channels.

    Args:
        c_in: channels of the input.
        c_out: channels of the output.
        vertices: of the largest cell, input and output included.
        bn_momentum: of extracted batch norms.
    """

    def __init__(self, c_in: int, c_out: int, vertices: int, bn_momentum: float) -> None:
        super().__init__()
        self.projections = nn.ModuleList(
            ConvBNReLU(c_in, c_out, 1, bn_momentum) for _ in range(1, vertices)
        )
        self.operations = nn.ModuleList(
            nn.ModuleDict(
                {op: ConvBNReLU(c_out, c_out, k, bn_momentum) for op, k in KERNELS.items()}
            )
            for _ in range(1, vertices - 1)
        )
        self.pool = nn.MaxPool2d(3, 1, 1)
        self._c_in, self._c_out = c_in, c_out

    def forward(self, x: Tensor, cell: PrunedCell) -> Tensor:
        """Map (b, c_in, h, w) to (b, c_out, h, w)."""
        channels = vertex_channels(cell.matrix, self._c_in, self._c_out)
        return run_cell(
            x,
            cell.matrix,
            channels,
            project=lambda v, x: run_first(self._projection(cell, v), x, channels[v]),
            operate=lambda v, x: run_first(self._operation(cell, v), x, channels[v]),
        )

    def _projection(self, cell: PrunedCell, v: int) -> nn.Module:
        return self.projections[cell.vertices[v] - 1]

    def _operation(self, cell: PrunedCell, v: int) -> nn.Module:
        op = cell.ops[v - 1]
        return self.operations[cell.vertices[v] - 1][op] if op in KERNELS else self.pool  # type: ignore[index]

    def fill(self, alone: Cell, cell: PrunedCell) -> None:
        """Copy the weights that a cell uses into a cell of its own."""
        for name, projection in alone.projections.items():
            copy_first(self._projection(cell, int(name)), projection)
        for v, operation in enumerate(alone.operations, 1):
            copy_first(self._operation(cell, v), operation)


class NASBench101Supernet(Supernet):
    """Supernet of NAS-Bench-101.

    Args:
        space: of the cells.
        network: of any cell; it gives the sizes, stem and head.
        vertices: of the largest cell, input and output included.
        prune: returns the cell of a row.
        build: makes the stand-alone network of a row.
        bn_momentum: of extracted batch norms.
        affine: whether batch norms of cells have a scale and a shift.
    """

    def __init__(
        self,
        space: Space,
        *,
        network: NASBench101Network,
        vertices: int,
        prune: Callable[[NDArray[np.uint8]], PrunedCell],
        build: Callable[[NDArray[np.uint8]], nn.Module],
        bn_momentum: float,
        affine: bool = True,
    ) -> None:
        super().__init__()
        self.space, self.options = space, {"affine": affine}
        self._prune, self._build = prune, build

        def shared(cell: Cell) -> nn.Module:
            made = SharedCell(cell.channels[0], cell.channels[-1], vertices, bn_momentum)
            return made if affine else without_affine(made)

        self.stem, self.classifier = network.stem, network.classifier
        self.body = nn.ModuleList(
            shared(layer) if isinstance(layer, Cell) else layer for layer in network.body
        )
        use_batch_statistics(self)

    def forward(self, x: Tensor, arch: NDArray[np.uint8]) -> Tensor:
        """Run ``arch: (d,)`` with the shared weights: ``x: (b, c, h, w)`` -> ``(b, classes)``."""
        cell = self._prune(arch)
        x = self.stem(x)
        for layer in self.body:
            x = layer(x, cell) if isinstance(layer, SharedCell) else layer(x)
        logits: Tensor = self.classifier(x.mean(dim=(2, 3)))  # (b, classes)
        return logits

    def extract(self, arch: NDArray[np.uint8]) -> nn.Module:
        """Return the network that the space builds for ``arch: (d,)``, with copies of the weights.

        Its outputs equal those of :meth:`forward` for the same input and mode; its batch norms
        normalise by the batch, until they are recalibrated.
        """
        network = use_batch_statistics(self.placed(self._build(arch)))
        assert isinstance(network, NASBench101Network)
        copy_first(self.stem, network.stem)
        copy_first(self.classifier, network.classifier)
        cell = self._prune(arch)
        for layer, alone in zip(self.body, network.body, strict=True):
            if isinstance(layer, SharedCell):
                assert isinstance(alone, Cell)
                if not self.options["affine"]:
                    without_affine(alone)
                layer.fill(alone, cell)
        return network
