"""Networks of cells with operations on edges, for any operations and any number of nodes.

Cells are stacked as in NAS-Bench-201 (Dong and Yang, ICLR 2020, figure 1): stem, then three stages
of cells with a reduction between them that halves the size and doubles the channels, and a head.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from archrank.networks.nasbench201 import STAGES, PoolReduction, ResidualReduction

MakeCell = Callable[[int], nn.Module]
"""Makes a new cell for a number of channels; cells keep the shape (b, c, h, w)."""


class Edge(NamedTuple):
    """Operation from a node to a later one."""

    source: int
    target: int
    operation: nn.Module


class EdgeCell(nn.Module):
    """Cell in which every node is the sum of its incoming edges.

    Node 0 is the input, the last node the output.

    Args:
        edges: Edges on a path from input to output, by rising target; without any, the output is
            zero.
        nodes: Number of nodes, including input and output.
    """

    def __init__(self, edges: Sequence[Edge], nodes: int) -> None:
        super().__init__()
        self.operations = nn.ModuleList(edge.operation for edge in edges)
        self._ends = [(edge.source, edge.target) for edge in edges]
        self._output = nodes - 1

    def forward(self, x: Tensor) -> Tensor:
        """Map (b, c, h, w) to (b, c, h, w)."""
        nodes = {0: x}
        for (source, target), operation in zip(self._ends, self.operations, strict=True):
            term = operation(nodes[source])  # (b, c, h, w)
            nodes[target] = nodes[target] + term if target in nodes else term
        return nodes[self._output] if self._output in nodes else torch.zeros_like(x)


def edge_cell_network(
    make_cell: MakeCell,
    *,
    channels: int,
    cells: int,
    n_classes: int,
    in_channels: int,
    reduction: Literal["residual", "pool"],
) -> nn.Module:
    """Build an image classifier that stacks cells as NAS-Bench-201 does.

    Args:
        make_cell: makes a new cell for a number of channels.
        channels: of the first stage; doubled at each reduction.
        cells: per stage.
        n_classes: size of the output.
        in_channels: of the images.
        reduction: ``"residual"``, the published block, or ``"pool"``, average pooling and a 1x1
            convolution.
    """
    width = channels
    layers: list[nn.Module] = [
        nn.Conv2d(in_channels, width, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(width),
    ]
    for stage in range(STAGES):
        if stage > 0:
            block = PoolReduction if reduction == "pool" else ResidualReduction
            layers.append(block(width, 2 * width))
            width *= 2
        layers += [make_cell(width) for _ in range(cells)]
    head = [nn.BatchNorm2d(width), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers, *head, nn.Linear(width, n_classes))
