"""Networks of NAS-Bench-201: one cell, repeated in three stages.

Dong and Yang, "NAS-Bench-201: Extending the Scope of Reproducible Neural Architecture Search",
ICLR 2020, figure 1 and section 2.1: stem, ``cells`` cells, reduction, ``cells`` cells, reduction,
``cells`` cells, BN-ReLU, global average pool, linear classifier.

    >>> network = NASBench201Network(["nor_conv_3x3"] * 6)
    >>> sum(p.numel() for p in network.parameters())
    1531546
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from archrank.errors import ArchitectureError
from archrank.networks.operations import ReLUConvBN, operation

EDGES: tuple[tuple[int, int], ...] = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
"""(source, target) nodes of the six edges, in the order of the published strings."""

STAGES = 3


class Cell(nn.Module):
    """Cell of four nodes; each is the sum of the operations on its incoming edges.

    Node 0 is the input, node 3 the output. An edge is computed only if its target reaches the
    output through edges that are not ``none``. The other edges keep their parameters, which the
    published counts include. Edges that leave a node with only ``none`` edges are computed, because
    ReLU-Conv-BN of its zeros is the batch norm's learnt bias.

    Args:
        ops: Six operation names, in the order of :data:`EDGES`.
        channels: Channels of the input and of every node.
    """

    def __init__(self, ops: Sequence[str], channels: int) -> None:
        super().__init__()
        if len(ops) != len(EDGES):
            raise ArchitectureError(
                f"a NAS-Bench-201 cell has {len(EDGES)} edges; got {len(ops)} operations: "
                f"{list(ops)}"
            )
        self.edges = nn.ModuleList(operation(name, channels) for name in ops)
        self.incoming = _live_edges(ops)

    def forward(self, x: Tensor) -> Tensor:
        """Map (b, c, h, w) to (b, c, h, w)."""
        nodes = [x]
        for incoming in self.incoming:
            terms = [self.edges[edge](nodes[source]) for edge, source in incoming]
            node = terms[0] if terms else torch.zeros_like(x)  # (b, c, h, w)
            for term in terms[1:]:
                node = node + term
            nodes.append(node)
        return nodes[-1]


def computed_edges(ops: Sequence[str]) -> list[int]:
    """List the edges that must be computed, by rising target."""
    return [edge for incoming in _live_edges(ops) for edge, _ in incoming]


def _live_edges(ops: Sequence[str]) -> list[list[tuple[int, int]]]:
    """List, for nodes 1, 2 and 3, the (edge, source) pairs that must be computed."""
    present = [(e, s, t) for e, (s, t) in enumerate(EDGES) if ops[e] != "none"]
    useful = {EDGES[-1][1]}
    for _, source, target in reversed(present):  # by falling target: one pass is enough
        if target in useful:
            useful.add(source)
    return [[(e, s) for e, s, t in present if t == node and t in useful] for node in (1, 2, 3)]


class PoolReduction(nn.Sequential):
    """Reduction by average pooling, then a 1x1 convolution without bias or batch norm.

    This is only the shortcut of the published block. It adds no depth and no 3x3 convolution, so
    that the accuracy of a small network comes from its cells. An odd size is rounded up.
    """

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__(
            nn.AvgPool2d(2, stride=2, ceil_mode=True),
            nn.Conv2d(c_in, c_out, kernel_size=1, bias=False),
        )


class ResidualReduction(nn.Module):
    """Published block between stages: two pre-activated 3x3 convolutions plus a shortcut."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            ReLUConvBN(c_in, c_out, kernel=3, stride=2), ReLUConvBN(c_out, c_out, kernel=3)
        )
        self.shortcut = PoolReduction(c_in, c_out)

    def forward(self, x: Tensor) -> Tensor:
        """Map (b, c_in, h, w) to (b, c_out, ceil(h / 2), ceil(w / 2))."""
        total: Tensor = self.main(x) + self.shortcut(x)
        return total


_REDUCTIONS = {"residual": ResidualReduction, "pool": PoolReduction}


class NASBench201Network(nn.Module):
    """Image classifier made of one repeated cell.

    Args:
        cell: Six operation names in the order of the edges 0->1, 0->2, 1->2, 0->3, 1->3, 2->3; or
            a function that makes a cell for a number of channels.
        channels: Channels of the first stage; doubled at each reduction.
        cells: Cells per stage.
        n_classes: Number of classes, the size of the output.
        in_channels: Channels of the images.
        reduction: ``"residual"``, the published block, or ``"pool"``, see :class:`PoolReduction`.
    """

    def __init__(
        self,
        cell: Sequence[str] | Callable[[int], nn.Module],
        *,
        channels: int = 16,
        cells: int = 5,
        n_classes: int = 10,
        in_channels: int = 3,
        reduction: Literal["residual", "pool"] = "residual",
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(in_channels, channels, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )
        body: list[nn.Module] = []
        for stage in range(STAGES):
            width = channels * 2**stage
            if stage > 0:
                body.append(_REDUCTIONS[reduction](width // 2, width))
            body.extend(cell(width) if callable(cell) else Cell(cell, width) for _ in range(cells))
        self.body = nn.Sequential(*body)
        self.head = nn.Sequential(nn.BatchNorm2d(width), nn.ReLU())
        self.classifier = nn.Linear(width, n_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (b, in_channels, h, w) to logits (b, n_classes)."""
        return self.classify(self.body(self.stem(x)))

    def classify(self, x: Tensor) -> Tensor:
        """Map the output of the last cell, (b, 4c, h / 4, w / 4), to logits (b, n_classes)."""
        x = self.head(x).mean(dim=(2, 3))  # (b, 4c)
        logits: Tensor = self.classifier(x)  # (b, n_classes)
        return logits
