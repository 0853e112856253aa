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
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from archrank.networks.nasbench101 import (
    BN_EPS,
    KERNELS,
    Cell,
    ConvBNReLU,
    NASBench101Network,
    run_cell,
    vertex_channels,
)
from archrank.supernets.base import Supernet
from archrank.supernets.slicing import copy_first
from archrank.supernets.statistics import at_least_float32, use_batch_statistics, without_affine

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


class SharedConvBNReLU(nn.Module):
    """Convolution without bias, batch norm by the batch, ReLU: at the greatest number of channels.

    Scale and shift of the batch norm are one weight: to slice, clip and move a weight costs some
    microseconds however few numbers it has, which tells beside the convolutions of small images.

    Args:
        c_in: channels of the input.
        c_out: channels of the output.
        kernel: width of the convolution.
        affine: True for a batch norm with a scale and a shift.

    Attributes:
        weight: weight of the convolution, ``(c_out, c_in, kernel, kernel)``.
        affine: scale and shift, ``(2, c_out)``; ``None`` if there are none.
    """

    affine: nn.Parameter | None

    def __init__(self, c_in: int, c_out: int, kernel: int, affine: bool) -> None:
        super().__init__()
        self.weight = nn.Conv2d(c_in, c_out, kernel, bias=False).weight
        start = torch.stack([torch.ones(c_out), torch.zeros(c_out)])
        self.affine = nn.Parameter(start) if affine else None
        self._padding = kernel // 2

    def forward(self, x: Tensor, channels: int) -> Tensor:
        """Map the first channels of the input, (b, c, h, w), to (b, channels, h, w)."""
        weight: Tensor = self.weight
        affine: Tensor | None = self.affine
        if weight.shape[:2] != (channels, x.shape[1]):
            weight = weight[:channels, : x.shape[1]]
            affine = None if affine is None else affine[:, :channels]
        x = nn.functional.conv2d(x, weight, None, 1, self._padding)
        scale = shift = None
        if affine is None:
            x = at_least_float32(x)
        else:
            scale, shift = affine.unbind()
        return nn.functional.batch_norm(x, None, None, scale, shift, True, 0.0, BN_EPS).relu()

    @torch.no_grad()
    def fill(self, alone: nn.Module) -> None:
        """Copy the first channels into layers of their own."""
        assert isinstance(alone, ConvBNReLU)
        conv, norm = alone[0], alone[1]
        assert isinstance(conv, nn.Conv2d)
        assert isinstance(norm, nn.BatchNorm2d)
        c_out, c_in = conv.weight.shape[:2]
        conv.weight.copy_(self.weight[:c_out, :c_in])
        if self.affine is not None:
            norm.weight.copy_(self.affine[0, :c_out])
            norm.bias.copy_(self.affine[1, :c_out])


class SharedCell(nn.Module):
    """Every operation of every vertex of one cell, at the greatest number of channels.

    Args:
        c_in: channels of the input.
        c_out: channels of the output.
        vertices: number of vertices of the largest cell, input and output included.
        affine: True for batch norms with a scale and a shift.
    """

    def __init__(self, c_in: int, c_out: int, vertices: int, affine: bool) -> None:
        super().__init__()
        self.projections = nn.ModuleList(
            SharedConvBNReLU(c_in, c_out, 1, affine) for _ in range(1, vertices)
        )
        self.operations = nn.ModuleList(
            nn.ModuleDict(
                {op: SharedConvBNReLU(c_out, c_out, k, affine) for op, k in KERNELS.items()}
            )
            for _ in range(1, vertices - 1)
        )
        self.pool = nn.MaxPool2d(3, 1, 1)
        self._c_in, self._c_out = c_in, c_out

    def forward(self, x: Tensor, cell: PrunedCell) -> Tensor:
        """Map (b, c_in, h, w) to (b, c_out, h, w)."""
        channels = vertex_channels(cell.matrix, self._c_in, self._c_out)

        def project(v: int, x: Tensor) -> Tensor:
            return self._projection(cell, v)(x, channels[v])  # type: ignore[no-any-return]

        def operate(v: int, x: Tensor) -> Tensor:
            shared = self._convolution(cell, v)
            return self.pool(x) if shared is None else shared(x, channels[v])  # type: ignore[no-any-return]

        return run_cell(x, cell.matrix, channels, project=project, operate=operate)

    def _projection(self, cell: PrunedCell, v: int) -> SharedConvBNReLU:
        return self.projections[cell.vertices[v] - 1]  # type: ignore[return-value]

    def _convolution(self, cell: PrunedCell, v: int) -> SharedConvBNReLU | None:
        """Return the operation of a vertex, ``None`` if it is the pooling."""
        op = cell.ops[v - 1]
        return self.operations[cell.vertices[v] - 1][op] if op in KERNELS else None  # type: ignore

    def fill(self, alone: Cell, cell: PrunedCell) -> None:
        """Copy the weights that a cell uses into a cell of its own."""
        for v, projection in alone.projections.items():
            self._projection(cell, int(v)).fill(projection)
        for place, operation in enumerate(alone.operations, 1):
            shared = self._convolution(cell, place)
            if shared is not None:
                shared.fill(operation)


class NASBench101Supernet(Supernet):
    """Supernet of NAS-Bench-101.

    Args:
        space: space of the cells.
        network: network of any cell; it gives the sizes, stem and head.
        vertices: number of vertices of the largest cell, input and output included.
        prune: returns the cell of a row.
        build: makes the stand-alone network of a row.
        affine: True for batch norms of cells with a scale and a shift.
    """

    def __init__(
        self,
        space: Space,
        *,
        network: NASBench101Network,
        vertices: int,
        prune: Callable[[NDArray[np.uint8]], PrunedCell],
        build: Callable[[NDArray[np.uint8]], nn.Module],
        affine: bool = True,
    ) -> None:
        super().__init__()
        self.space, self.options = space, {"affine": affine}
        self._prune, self._build = prune, build

        def shared(cell: Cell) -> nn.Module:
            return SharedCell(cell.channels[0], cell.channels[-1], vertices, affine)

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
