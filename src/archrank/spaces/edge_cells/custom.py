"""Your own cells: operations by name, a number of nodes, and whatever network repeats the cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import permutations
from typing import TYPE_CHECKING, Any, SupportsIndex, TypeAlias

import numpy as np
from numpy.typing import NDArray

from archrank.errors import SpaceError
from archrank.spaces.calling import make_module
from archrank.spaces.custom.pickling import by_reference, sendable
from archrank.spaces.edge_cells.base import EdgeCellSpace
from archrank.spaces.edge_cells.costs import CustomCellNetworks
from archrank.spaces.edge_cells.isomorphism import Form
from archrank.spaces.edge_cells.nasbench201 import PUBLISHED
from archrank.spaces.edge_cells.operations import Factory, read_operations
from archrank.spaces.images import Scale, cell_sizes
from archrank.types import Archs

if TYPE_CHECKING:
    from torch import nn

    from archrank.supernets.base import Supernet
    from archrank.tasks.base import Task

MAX_NODES = 8  # 28 edges; more would make the canonical form slow

Network: TypeAlias = "Callable[[Factory, Task], nn.Module]"


class CustomCells(EdgeCellSpace):
    """Cells with users' operations on the edges of a complete DAG.

    Only edges on a path from input to output are built, run and counted; the rest of a cell does
    not exist. MACs and parameters of every operation are counted once, by
    :mod:`archrank.spaces.counting`, and added up.

    Args:
        ops: ``{name: operation}``, each a function of the number of channels that returns a module
            which keeps the shape ``(b, channels, h, w)``; ``None`` stands for the operation of
            NAS-Bench-201 of that name. A list names only those. ``none`` removes an edge and
            ``skip_connect`` is the identity.
        nodes: number of nodes ``v``, input and output included, 2 to 8; ``v (v - 1) / 2`` edges.
        network: ``network(make_cell, task) -> nn.Module``, which calls ``make_cell(channels)`` for
            every cell it wants; by default NAS-Bench-201's stem, three stages and head.
        scale: of the default network; ``None``: as of :class:`~archrank.spaces.NASBench201`.
        name: of the space, in messages and run folders.

    Raises:
        SpaceError: operations or nodes that cannot be used; says which.

    Example:
        >>> space = CustomCells(["none", "skip_connect", "nor_conv_3x3"], nodes=3)
        >>> space.size, len(np.unique(space.canonical(space.enumerate()), axis=0))
        (27, 15)
        >>> space.cost(space.parse(["|skip_connect~0|+|none~0|skip_connect~1|"]))["macs"].tolist()
        [7783040.0]
    """

    supernet_options = ("affine", "dropout")

    def __init__(
        self,
        ops: Mapping[str, Factory | None] | Sequence[str],
        nodes: int = 4,
        *,
        network: Network | None = None,
        scale: Scale | None = None,
        name: str = "cells",
    ) -> None:
        self._factories = read_operations(ops)
        if isinstance(nodes, bool) or not isinstance(nodes, int) or not 2 <= nodes <= MAX_NODES:
            raise SpaceError(
                f"a cell has 2 to {MAX_NODES} nodes (input and output included), got {nodes!r}"
            )
        if network is not None and not callable(network):
            raise SpaceError(f"network is a function network(make_cell, task), got {network!r}")
        if network is not None and scale is not None:
            raise SpaceError(
                f"scale {scale} belongs to the default network; leave it out, and size the cells "
                "of your own network in network(make_cell, task)"
            )
        super().__init__(tuple(self._factories), nodes)
        self.name = name
        self.scale = scale
        self._network = network

    # ---- identity ------------------------------------------------------------------------------

    def canonical(self, archs: Archs, form: Form | None = None) -> Archs:
        """The smallest row among all orders of the nodes, dead edges being ``none``: ``(n, d)``.

        Rows with the same canonical row build the same network. The published rules (``form``, see
        :mod:`archrank.spaces.edge_cells.isomorphism`) see through identities as well,
        but they also take one convolution that is used twice for two convolutions, and need a
        space of up to a million rows.
        """
        if form is not None:
            return super().canonical(archs, form)
        if self.none is None:
            return archs.copy()  # a complete DAG: its nodes have one order
        return self._smallest(np.where(self.live(archs), archs, self.none).astype(np.uint8))

    def _smallest(self, archs: Archs) -> Archs:
        """The lexicographically smallest numbering of the inner nodes, row by row: ``(n, d)``."""
        v, none = self.nodes, self.none
        source, target = (list(ends) for ends in zip(*self.edges, strict=True))
        matrix = np.full((len(archs), v, v), none, dtype=np.uint8)
        matrix[:, source, target] = archs
        best = archs
        for inner in permutations(range(1, v - 1)):
            order = [0, *inner, v - 1]
            moved = matrix[:, order][:, :, order]
            forward = (moved[:, target, source] == none).all(axis=1)  # no edge goes back
            rows = moved[:, source, target]
            differs = rows != best
            first = differs.argmax(axis=1)[:, None]
            smaller = np.take_along_axis(rows, first, 1) < np.take_along_axis(best, first, 1)
            best = np.where(smaller & forward[:, None], rows, best)
        return best

    # ---- networks ------------------------------------------------------------------------------

    def networks(self, task: Task | None = None) -> CustomCellNetworks:
        """Return the networks for ``task``; ``None``: of CIFAR-10's size, if the default ones."""
        return CustomCellNetworks(self, task)

    def _sizes(self, task: Task | None) -> Any:
        if self._network is not None:
            return super()._sizes(task)
        return cell_sizes(task, self.name, self.scale, PUBLISHED)

    def _build(self, arch: NDArray[np.uint8], sizes: Any) -> nn.Module:
        from archrank.networks.edge_cells import Edge, EdgeCell

        live = np.flatnonzero(self.live(arch[None])[0])

        def make_cell(channels: int) -> nn.Module:
            edges = [Edge(*self.edges[e], self._operation(int(arch[e]), channels)) for e in live]
            return EdgeCell(edges, self.nodes)

        return self._assemble(make_cell, sizes)

    def _supernet(self, sizes: Any, **options: Any) -> Supernet:
        from archrank.supernets.edge_cells import EdgeCellSupernet

        return EdgeCellSupernet(
            self,
            ends=self.edges,
            operation=self._operation,
            assemble=lambda make_cell: self._assemble(make_cell, sizes),
            build=lambda arch: self._build(arch, sizes),
            route=lambda arch: np.flatnonzero(self.live(arch[None])[0]).tolist(),
            **options,
        )

    def _assemble(self, make_cell: Factory, sizes: Any) -> nn.Module:
        """Put cells into the network: a user's, which receives the task, or the default one."""
        from archrank.networks.edge_cells import edge_cell_network

        if self._network is None:
            images, scale = sizes.images, sizes.scale
            return edge_cell_network(
                make_cell,
                channels=scale.channels,
                cells=scale.cells,
                n_classes=images.n_classes,
                in_channels=images.channels,
                reduction=scale.reduction,
            )
        call = f"{self.name}: network(make_cell, task)"
        return make_module(call, self._network, make_cell, sizes)

    def _operation(self, k: int, channels: int) -> nn.Module:
        """Make operation ``k`` for a number of channels."""
        from archrank.networks.operations import OPERATIONS

        op = self.ops[k]
        factory = self._factories[op] or OPERATIONS[op]
        call = f"{self.name}: operation {op!r} for {channels} channels"
        return make_module(call, factory, channels)

    # ---- the space as a value ------------------------------------------------------------------

    def fingerprint(self) -> str:
        """Return name, nodes, operations, and the scale if one was given."""
        scale = "" if self.scale is None else f";{self.scale}"
        return f"{self.name}({self.nodes} nodes;{'|'.join(self.ops)}{scale})"

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[Any, ...]:
        """Pickle the values; or, where functions cannot be sent, the name of the variable."""
        functions = [f for f in (*self._factories.values(), self._network) if f is not None]
        if sendable(functions):
            return super().__reduce_ex__(protocol)
        return by_reference(self, functions)
