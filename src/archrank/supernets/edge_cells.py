"""Supernets of cells with operations on edges: one weight per edge and operation.

As AceNAS and the Surgery train them on NAS-Bench-201: every position of the cell in the network has
weights of its own, and an architecture runs one operation per edge.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from archrank.networks.edge_cells import EdgeCell
from archrank.networks.nasbench201 import Cell, NASBench201Network, PoolReduction
from archrank.networks.operations import ReLUConvBN
from archrank.networks.pooling import FEW, AvgPool3x3, pool_by_matrix
from archrank.supernets.base import Supernet
from archrank.supernets.shared_terms import Route, SharedTerms
from archrank.supernets.statistics import use_batch_statistics, without_affine
from archrank.types import Archs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archrank.spaces.base import Space

Row: TypeAlias = NDArray[np.uint8]


class Shared:
    """Route of the architecture that runs just now, known to all cells of a supernet."""

    def __init__(self) -> None:
        self.route: Route | None = None

    @contextmanager
    def running(self, route: Route) -> Iterator[None]:
        """Let the cells take ``route`` inside the block, and none after it."""
        self.route = route
        try:
            yield
        finally:
            self.route = None


class SharedCell(nn.Module):
    """Every operation on every edge of one cell.

    Args:
        make: makes operation ``k``.
        shape: number of edges and of operations.
        nodes: number of nodes, input and output included.
        shared: tells the route.
    """

    def __init__(
        self,
        make: Callable[[int], nn.Module],
        shape: tuple[int, int],
        nodes: int,
        shared: Shared,
    ) -> None:
        super().__init__()
        edges, operations = shape
        self.edges = nn.ModuleList(
            nn.ModuleList(make(k) for k in range(operations)) for _ in range(edges)
        )
        self._nodes, self._shared = nodes, shared

    def forward(self, x: Tensor) -> Tensor:
        """Map (b, c, h, w) to (b, c, h, w) along the route."""
        assert self._shared.route is not None, "cells run inside their supernet alone"
        nodes: list[Tensor | None] = [x] + [None] * (self._nodes - 1)
        rectified: dict[int, Tensor] = {}  # once per node, however many convolutions read it
        for edge, k, source, target in self._shared.route:
            start = nodes[source]
            if start is None:
                start = nodes[source] = torch.zeros_like(x)
            operation = self.edges[edge][k]  # type: ignore[index]
            if isinstance(operation, ReLUConvBN):
                if source not in rectified:
                    rectified[source] = start.relu()
                term = operation[2](operation[1](rectified[source]))
            elif isinstance(operation, AvgPool3x3) and _is_small(start):
                term = pool_by_matrix(start)
            else:
                term = operation(start)
            end = nodes[target]
            nodes[target] = term if end is None else end + term
        last = nodes[-1]
        return torch.zeros_like(x) if last is None else last

    def shared_terms(
        self, x: Tensor, linear: Callable[[Tensor], Tensor] | None = None
    ) -> SharedTerms:
        """Return what cells compute of ``x: (b, c, h, w)``, before a linear layer."""

        def apply(edge: int, k: int, state: Tensor) -> Tensor:
            term: Tensor = self.edges[edge][k](state)  # type: ignore[index]
            return term

        return SharedTerms(x, apply, linear, self._nodes - 1)

    def fill(self, cell: nn.Module, arch: Row) -> None:
        """Put copies of the operations of ``arch`` into a cell of its own."""
        if isinstance(cell, Cell):  # has all edges, the dead ones too
            for edge, k in enumerate(arch.tolist()):
                cell.edges[edge] = deepcopy(self.edges[edge][k])  # type: ignore[index]
        elif isinstance(cell, EdgeCell):
            route = self._shared.route
            assert route is not None
            for place, (edge, k, _, _) in enumerate(route):
                cell.operations[place] = deepcopy(self.edges[edge][k])  # type: ignore[index]
        else:
            raise TypeError(f"expected a cell with operations on edges, got {type(cell).__name__}")


class EdgeCellSupernet(Supernet):
    """Supernet of a space of cells with operations on edges.

    Args:
        space: space of the cells.
        ends: (source, target) of each edge, by rising target.
        operation: makes operation ``k`` for a number of channels.
        assemble: makes the whole network from a function that makes cells.
        build: makes the stand-alone network of a row.
        route: tells which edges of a row are computed, by rising target.
        affine: True for batch norms of cells with a scale and a shift; the Surgery's have none.
    """

    def __init__(
        self,
        space: Space,
        *,
        ends: Sequence[tuple[int, int]],
        operation: Callable[[int, int], nn.Module],
        assemble: Callable[[Callable[[int], nn.Module]], nn.Module],
        build: Callable[[Row], nn.Module],
        route: Callable[[Row], Sequence[int]],
        affine: bool = True,
    ) -> None:
        super().__init__()
        self.space, self.options = space, {"affine": affine}
        self._ends, self._build, self._route = tuple(ends), build, route
        shape, nodes = (len(ends), len(space.choices[0].options)), ends[-1][1] + 1
        shared = Shared()

        def make_cell(channels: int) -> nn.Module:
            cell = SharedCell(lambda k: operation(k, channels), shape, nodes, shared)
            return cell if affine else without_affine(cell)

        self.network = use_batch_statistics(assemble(make_cell))
        self._shared = shared

    def forward(self, x: Tensor, arch: Row) -> Tensor:
        """Run ``arch: (d,)`` with the shared weights: ``x: (b, c, h, w)`` -> ``(b, classes)``."""
        with self._shared.running(self.route(arch)):
            outputs: Tensor = self.network(x)
        return outputs

    def forward_each(self, inputs: Sequence[Tensor], archs: Archs) -> Iterator[tuple[int, Tensor]]:
        """Run ``archs: (n, d)`` on one batch of images: yields place and outputs, by rising row.

        Where the network is a chain of layers, its first cell is computed once for all
        (:mod:`archrank.supernets.shared_terms`).
        """
        layers = _chain(self.network)
        first = next((k for k, layer in enumerate(layers) if isinstance(layer, SharedCell)), None)
        if first is None:
            yield from super().forward_each(inputs, archs)
            return
        (x,) = inputs
        for layer in layers[:first]:
            x = layer(x)
        cell, behind = layers[first], layers[first + 1 :]
        assert isinstance(cell, SharedCell)
        linear = behind.pop(0) if behind and isinstance(behind[0], PoolReduction) else None
        terms = cell.shared_terms(x, linear)
        for place in np.lexsort(archs.T[::-1]).tolist():
            route = self.route(archs[place])
            with self._shared.running(route):
                outputs = terms.run(route)
                for layer in behind:
                    outputs = layer(outputs)
            yield place, outputs

    def route(self, arch: Row) -> Route:
        """Return what a cell of ``arch: (d,)`` computes."""
        return tuple((e, int(arch[e]), *self._ends[e]) for e in self._route(arch))

    def extract(self, arch: Row) -> nn.Module:
        """Return the network that the space builds for ``arch: (d,)``, with copies of the weights.

        Its outputs equal those of :meth:`forward` for the same input and mode; its batch norms
        normalise by the batch, until they are recalibrated.
        """
        network = self.placed(self._build(arch))
        outside = self.network.state_dict()
        with self._shared.running(self.route(arch)):
            for path, module in self.network.named_modules(remove_duplicate=False):
                if isinstance(module, SharedCell):
                    module.fill(network.get_submodule(path), arch)
                    for name in list(outside):
                        if name.startswith(f"{path}."):
                            del outside[name]
        use_batch_statistics(network)
        unknown = network.load_state_dict(outside, strict=False).unexpected_keys
        assert not unknown, f"{unknown} are not in the stand-alone network"
        return network


def _is_small(x: Tensor) -> bool:
    """Tell whether ``x: (b, c, h, w)`` is pooled faster by a matrix; only where none trains."""
    few = x.shape[2] * x.shape[3] <= FEW
    return few and x.device.type == "cpu" and not torch.is_grad_enabled()


def _chain(network: nn.Module) -> list[Callable[[Tensor], Tensor]]:
    """Return the layers of a network that are called one after the other; empty if unknown."""
    if isinstance(network, NASBench201Network):
        return [network.stem, *network.body, network.classify]
    return list(network) if type(network) is nn.Sequential else []
