"""NAS-Bench-201 (Dong & Yang, ICLR 2020): 15,625 cells of 4 nodes and 5 operations.

The published network repeats the cell in three stages of 5 cells at 16, 32 and 64 channels. Costs
follow the published convention: MACs of convolutions and the classifier; parameters of
convolutions, batch norms and the classifier. All-convolution: 220.11968 M MACs, 1.531546 M
parameters; all-skip: 7.78304 M, 0.073306 M (10 classes, 3 x 32 x 32 images).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archrank.spaces.edge_cells.base import EdgeCellSpace
from archrank.spaces.images import CellSizes, Scale, cell_sizes
from archrank.types import Archs, Floats

if TYPE_CHECKING:
    from torch import nn

    from archrank.networks.blueprint import Blueprint
    from archrank.networks.nasbench201 import NASBench201Network
    from archrank.supernets.base import Supernet
    from archrank.tasks.base import Task

OPS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")  # published order
PUBLISHED = Scale(channels=16, cells=5)
KERNELS = {"nor_conv_1x1": 1, "nor_conv_3x3": 3}  # the operations with weights


class NASBench201(EdgeCellSpace):
    """The NAS-Bench-201 cell space.

    Args:
        scale: channels of the first stage, cells per stage and the reduction block of every
            network. ``None``: 8 channels, 1 cell and average pooling for images smaller than 16
            pixels, the published 16 channels and 5 cells for all others.

    Example:
        >>> import numpy as np
        >>> space = NASBench201()
        >>> arch = space.sample(1, rng=np.random.default_rng(0))
        >>> space.format(space.canonical(arch))[0].count("~")
        6
        >>> cell = "|nor_conv_3x3~0|+" + "|nor_conv_3x3~0|nor_conv_3x3~1|+"
        >>> cell += "|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|"
        >>> float(space.cost(space.parse([cell]))["macs"][0])
        220119680.0
    """

    name = "nasbench201"
    supernet_options = ("affine", "dropout")

    def __init__(self, scale: Scale | None = None) -> None:
        super().__init__(OPS, nodes=4)
        self.scale = scale

    def _sizes(self, task: Task | None) -> CellSizes:
        return cell_sizes(task, self.name, self.scale, PUBLISHED)

    def _cost(self, archs: Archs, sizes: CellSizes) -> dict[str, Floats]:
        """MACs and parameters of the whole network, exactly as published: two ``(n,)``.

        Edges that no path uses are counted too, as the benchmark does.
        """
        fixed, per_edge = costs(self.ops, sizes)
        totals = fixed + per_edge[archs].sum(axis=1)  # (2,) + (n, d, 2) -> (n, 2)
        return {"macs": totals[:, 0], "params": totals[:, 1]}

    def _build(self, arch: NDArray[np.uint8], sizes: CellSizes) -> nn.Module:
        return self._blueprint(arch, sizes).build()

    def _blueprint(
        self, arch: NDArray[np.uint8], sizes: CellSizes
    ) -> Blueprint[NASBench201Network]:
        return self._network([self.ops[k] for k in arch], sizes)

    def _supernet(self, sizes: CellSizes, **options: Any) -> Supernet:
        from archrank.networks.nasbench201 import computed_edges
        from archrank.networks.operations import operation
        from archrank.supernets.edge_cells import EdgeCellSupernet

        return EdgeCellSupernet(
            self,
            ends=self.edges,
            operation=lambda k, channels: operation(self.ops[k], channels),
            assemble=lambda make_cell: self._network(make_cell, sizes).build(),
            build=lambda arch: self._build(arch, sizes),
            route=lambda arch: computed_edges([self.ops[k] for k in arch]),
            **options,
        )

    def _network(
        self, cell: Sequence[str] | Callable[[int], nn.Module], sizes: CellSizes
    ) -> Blueprint[NASBench201Network]:
        """Put a cell, or what a function makes, into the network."""
        from archrank.networks.blueprint import Blueprint
        from archrank.networks.nasbench201 import NASBench201Network

        options = {
            "channels": sizes.scale.channels,
            "cells": sizes.scale.cells,
            "n_classes": sizes.images.n_classes,
            "in_channels": sizes.images.channels,
            "reduction": sizes.scale.reduction,
        }
        return Blueprint(NASBench201Network, (cell,), options)

    def fingerprint(self) -> str:
        """Return the name, and the scale if one was given."""
        return self.name if self.scale is None else f"{self.name}({self.scale})"


def costs(ops: Sequence[str], sizes: CellSizes) -> tuple[Floats, Floats]:
    """Return (MACs, params) of the fixed part ``(2,)``, and of an edge per operation ``(ops, 2)``.

    Args:
        ops: operation names in index order.
        sizes: of the network.
    """
    scale, (c_in, h, w) = sizes.scale, sizes.images.input_shape
    c = scale.channels
    fixed = np.array([9 * c_in * c * h * w, 9 * c_in * c + 2 * c], dtype=np.float64)  # stem
    per_edge = np.zeros((len(ops), 2))
    for stage in range(3):
        if stage > 0:
            h, w = (h + 1) // 2, (w + 1) // 2
            weights = 2 * c * c  # 1x1 shortcut c -> 2c
            norms = 0
            if scale.reduction == "residual":  # two 3x3 convolutions with batch norm
                weights += 18 * c * c + 36 * c * c
                norms = 2 * 2 * (2 * c)
            fixed += [weights * h * w, weights + norms]
            c *= 2
        for op, k in KERNELS.items():
            conv = k * k * c * c
            per_edge[ops.index(op)] += scale.cells * np.array([conv * h * w, conv + 2 * c])
    n_classes = sizes.images.n_classes
    fixed += [c * n_classes, 2 * c + c * n_classes + n_classes]  # head
    return fixed, per_edge
