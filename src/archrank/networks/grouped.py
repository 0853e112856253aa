"""Many NAS-Bench-201 networks with different cells in one module, to train them at the same time.

Networks this small leave a GPU idle, because each is a chain of tiny kernels. This module needs
only as many kernels as a single network. Layers that all networks have become grouped convolutions
and batch norms over the channels of all networks. In a cell, the edges that leave a node are
grouped by operation: the feature maps of all networks with that operation are gathered, pass
through it together, and are added to their target nodes. No value of one network depends on
another network.

    >>> cells = [["nor_conv_3x3"] * 6, ["skip_connect"] * 6, ["none"] * 6]
    >>> networks = [NASBench201Network(cell, channels=4, cells=1) for cell in cells]
    >>> group = GroupedNASBench201(networks)
    >>> images = torch.randn(2, 3, 8, 8)
    >>> group(images.repeat(1, len(networks), 1, 1)).shape
    torch.Size([2, 3, 10])
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from archrank.errors import ArchitectureError
from archrank.networks.nasbench201 import (
    Cell,
    NASBench201Network,
    PoolReduction,
    ResidualReduction,
)
from archrank.networks.operations import ReLUConvBN
from archrank.networks.pooling import AvgPool3x3
from archrank.networks.stacked_layers import (
    Member,
    Stacked,
    StackedBatchNorm,
    StackedConv,
    StackedLinear,
    StackedReLUConvBN,
)

Networks = Sequence[NASBench201Network]
NODES = 4


class GroupedNASBench201(nn.Module):
    """Group of ``m`` networks of the same scale with different cells.

    The networks' tensors are copied into the group; :meth:`write_back` copies them back.
    Parameters of edges that do not reach the output are left out: training does not change them.

    Args:
        networks: At least one; all with the same channels, cells per stage, reduction, inputs and
            classes.

    Raises:
        ArchitectureError: No networks, or of different scales; names the first that differs.
    """

    def __init__(self, networks: Networks) -> None:
        super().__init__()
        _require_one_scale(networks)
        self.size = len(networks)
        self.stem = nn.Sequential(
            StackedConv(networks, _everywhere(networks, "stem.0")),
            StackedBatchNorm(networks, _everywhere(networks, "stem.1")),
        )
        self.body = nn.Sequential(
            *(
                _GROUPED[type(block)](networks, f"body.{place}")
                for place, block in enumerate(networks[0].body)
            )
        )
        self.head = StackedBatchNorm(networks, _everywhere(networks, "head.0"))
        self.classifier = StackedLinear(networks, _everywhere(networks, "classifier"))

    def forward(self, x: Tensor) -> Tensor:
        """Run every network on its own images.

        Args:
            x: (b, m * in_channels, h, w), the images of all networks, concatenated by channels.

        Returns:
            Logits (b, m, n_classes).
        """
        x = self.stem(x.contiguous())  # (b, m c, h, w)
        x = self.body(x)  # (b, m 4c, h / 4, w / 4)
        x = self.head(x).relu().mean(dim=(2, 3))  # (b, m 4c)
        logits: Tensor = self.classifier(
            torch.unflatten(x, 1, (self.size, -1))
        )  # (b, m, n_classes)
        return logits

    def layers(self) -> list[Stacked]:
        """Return the layers that hold parameters; their ``owners`` map parts to networks."""
        return [module for module in self.modules() if isinstance(module, Stacked)]

    def write_back(self, networks: Networks) -> None:
        """Copy weights and running statistics back into the networks.

        Args:
            networks: The original networks, or others with the same cells in the same order; on
                any device.
        """
        for layer in self.layers():
            layer.write_back(networks)


class GroupedCell(nn.Module):
    """Cell at the same position of every network: (b, m * c, h, w) -> (b, m * c, h, w)."""

    def __init__(self, networks: Networks, path: str) -> None:
        super().__init__()
        self.size = len(networks)
        self.sources = nn.ModuleList(
            nn.ModuleList(_branches(networks, path, source)) for source in range(NODES - 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (b, m * c, h, w) to (b, m * c, h, w)."""
        nodes: list[Tensor | None] = [torch.unflatten(x, 1, (self.size, -1)), None, None, None]
        for source, branches in enumerate(self.sources):
            if len(cast(nn.ModuleList, branches)) == 0:
                continue
            y = nodes[source]
            if y is None:  # fed by nothing in any network, yet read: batch norms have a bias
                y = torch.zeros_like(cast(Tensor, nodes[0]))
            b, m, *chw = y.shape
            sums = y.new_zeros(b, (NODES - 1 - source) * m, *chw)  # one block per later node
            for branch in cast(nn.ModuleList, branches):
                sums = branch(y, sums)
            for target, terms in enumerate(torch.split(sums, m, dim=1), start=source + 1):
                before = nodes[target]
                nodes[target] = terms if before is None else before + terms  # (b, m, c, h, w)
        last = nodes[-1]
        return torch.zeros_like(x) if last is None else last.flatten(1, 2)


class Branch(nn.Module):
    """One operation on ``e`` edges that leave the same node, in all networks with such an edge.

    Args:
        operation: Module that computes all edges: (b, e * c, h, w) -> (b, e * c, h, w).
        reads: (e,), the network of each edge.
        writes: (e,), the block of the sums that each edge adds to; all different.
    """

    reads: Tensor
    writes: Tensor

    def __init__(self, operation: nn.Module, reads: list[int], writes: list[int]) -> None:
        super().__init__()
        self.operation = operation
        self.register_buffer("reads", torch.tensor(reads), persistent=False)
        self.register_buffer("writes", torch.tensor(writes), persistent=False)

    def forward(self, node: Tensor, sums: Tensor) -> Tensor:
        """Add to ``sums`` in place: (b, m, c, h, w) and (b, blocks, c, h, w) -> the latter."""
        terms = node.index_select(1, self.reads)  # (b, e, c, h, w), a copy
        terms = self.operation(terms.flatten(1, 2)).unflatten(1, (len(self.reads), -1))
        return sums.index_add_(1, self.writes, terms)


class Pool(AvgPool3x3):
    """Pooling of ``e`` edges, one map at a time, so that narrow maps take their faster code."""

    def __init__(self, edges: int) -> None:
        super().__init__()
        self.edges = edges

    def forward(self, x: Tensor) -> Tensor:
        """Map (b, e * c, h, w) to (b, e * c, h, w)."""
        pooled = super().forward(
            torch.unflatten(x, 1, (self.edges, -1)).flatten(0, 1)
        )  # (b e, c, h, w)
        return pooled.view(x.shape)


def _branches(networks: Networks, path: str, source: int) -> list[Branch]:
    """Make a branch per operation from edges leaving node ``source`` of the cells at ``path``."""
    m = len(networks)
    found: dict[str, list[tuple[int, int, int]]] = {}  # operation -> (target, network, edge)
    for i, network in enumerate(networks):
        cell = cast(Cell, network.get_submodule(path))
        for target, incoming in enumerate(cell.incoming, start=1):
            for edge, start in incoming:
                if start == source:
                    found.setdefault(_kind(cell.edges[edge]), []).append((target, i, edge))
    branches = []
    for _, edges in sorted(found.items()):
        edges.sort()  # by target, then network: neighbours in memory remain neighbours
        reads = [i for _, i, _ in edges]
        writes = [(target - source - 1) * m + i for target, i, _ in edges]
        members = [(i, f"{path}.edges.{edge}") for _, i, edge in edges]
        branches.append(Branch(_operation(networks, members), reads, writes))
    return branches


def _kind(operation: nn.Module) -> str:
    """Return a key that is equal for operations that can be computed together."""
    kind = type(operation).__name__
    if isinstance(operation, ReLUConvBN):
        kind += str(cast(nn.Conv2d, operation[1]).kernel_size)
    return kind


def _operation(networks: Networks, members: list[Member]) -> nn.Module:
    """Combine members of one kind into one operation on their concatenated channels."""
    i, path = members[0]
    like = networks[i].get_submodule(path)
    if isinstance(like, ReLUConvBN):
        return StackedReLUConvBN(networks, members, inplace=True)  # branches pass a copy
    if isinstance(like, AvgPool3x3):
        return Pool(len(members))
    if isinstance(like, nn.Identity):
        return nn.Identity()
    raise ArchitectureError(
        f"{type(like).__name__} (network {i}, {path}) has no grouped form: train it by itself"
    )


class GroupedPoolReduction(nn.Module):
    """Reduction :class:`PoolReduction` of every network: halves the size, doubles the channels."""

    def __init__(self, networks: Networks, path: str) -> None:
        super().__init__()
        self.pool = cast(PoolReduction, networks[0].get_submodule(path))[0]
        self.conv = StackedConv(networks, _everywhere(networks, f"{path}.1"))

    def forward(self, x: Tensor) -> Tensor:
        """Map (b, m * c, h, w) to (b, m * 2c, ceil(h / 2), ceil(w / 2))."""
        y: Tensor = self.conv(self.pool(x))
        return y


class GroupedResidualReduction(nn.Module):
    """Reduction :class:`ResidualReduction` of every network: half the size, twice the channels."""

    def __init__(self, networks: Networks, path: str) -> None:
        super().__init__()
        self.main = nn.Sequential(
            StackedReLUConvBN(networks, _everywhere(networks, f"{path}.main.0")),
            StackedReLUConvBN(networks, _everywhere(networks, f"{path}.main.1"), inplace=True),
        )
        self.shortcut = GroupedPoolReduction(networks, f"{path}.shortcut")

    def forward(self, x: Tensor) -> Tensor:
        """Map (b, m * c, h, w) to (b, m * 2c, ceil(h / 2), ceil(w / 2))."""
        total: Tensor = self.main(x) + self.shortcut(x)
        return total


_GROUPED: dict[type[nn.Module], Callable[[Networks, str], nn.Module]] = {
    Cell: GroupedCell,
    PoolReduction: GroupedPoolReduction,
    ResidualReduction: GroupedResidualReduction,
}


def _everywhere(networks: Networks, path: str) -> list[Member]:
    """Return the layer with this path from every network."""
    return [(i, path) for i in range(len(networks))]


def _require_one_scale(networks: Networks) -> None:
    if len(networks) == 0:
        raise ArchitectureError("a group needs at least one network, got none")
    for i, network in enumerate(networks):
        if not isinstance(network, NASBench201Network):
            raise ArchitectureError(
                f"only NASBench201Network can be grouped; network {i} is a "
                f"{type(network).__name__}: train it by itself"
            )
    first = _scale(networks[0])
    for i, network in enumerate(networks):
        if (other := _scale(network)) != first:
            raise ArchitectureError(
                f"networks of one group must have one scale: network {i} has {other}, "
                f"network 0 has {first}"
            )


def _scale(network: NASBench201Network) -> str:
    conv = cast(nn.Conv2d, network.stem[0])
    blocks = Counter(type(block).__name__ for block in network.body)
    return (
        f"in_channels={conv.in_channels}, channels={conv.out_channels}, "
        f"n_classes={network.classifier.out_features}, {blocks['Cell'] // 3} cells per stage, "
        + ", ".join(name for name in sorted(blocks) if name != "Cell")
    )
