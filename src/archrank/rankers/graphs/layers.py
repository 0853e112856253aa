"""Common parts of graph rankers: graphs as dense tensors, and graph layers.

Cells have at most some twenty nodes, so a batch of graphs is three dense tensors and a layer is a
batched matrix product; padding is masked. A *flow* is a matrix ``(n, v, v)`` of message weights:
entry ``(t, u)`` is the weight with which node ``t`` receives the message of node ``u``, so
``flow @ x`` passes all messages once.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from archrank.spaces.base import Graphs
from archrank.types import Archs, Bools

if TYPE_CHECKING:
    from archrank.spaces.base import Space

Direction: TypeAlias = Literal["forward", "backward"]

KERNEL = 5  # of DGCNN's second convolution over nodes
EMBEDDING = 128  # width after it


def sizes(graphs: Graphs) -> tuple[int, int]:
    """Return the number of node operations, and of numbers beside the graph (0 without any)."""
    return len(graphs.op_names), 0 if graphs.extra is None else graphs.extra.shape[1]


def first(space: Space) -> Archs:
    """Return one architecture of the space, to read the sizes of its graph from: ``(1, d)``."""
    return np.zeros((1, space.d), dtype=np.uint8)


def one_hot(graphs: Graphs) -> Tensor:
    """Encode node operations one-hot: ``(n, v, o)``; all zero where there is no node."""
    codes = np.eye(len(graphs.op_names), dtype=np.float32)[graphs.ops]  # (n, v, o)
    return torch.from_numpy(codes * graphs.mask[..., None])


def extra(graphs: Graphs) -> Tensor:
    """Return the numbers beside the graph: ``(n, f)``, with ``f = 0`` if there are none."""
    if graphs.extra is None:
        return torch.zeros(len(graphs.ops), 0)
    return torch.as_tensor(graphs.extra, dtype=torch.float32)


def edges(graphs: Graphs, direction: Direction = "forward", *, loops: bool = False) -> Tensor:
    """Make an unnormalised flow of 0 and 1 from the edges: ``(n, v, v)``, row = receiver.

    Args:
        graphs: The graphs.
        direction: ``forward``: nodes receive from predecessors; ``backward``: from successors.
        loops: Existing nodes also receive their own message.
    """
    a: Bools = graphs.adjacency & graphs.mask[:, :, None] & graphs.mask[:, None, :]
    if direction == "forward":
        a = a.swapaxes(1, 2)
    if loops:
        a = a | (np.eye(a.shape[1], dtype=bool) & graphs.mask[:, :, None])
    return torch.from_numpy(a.astype(np.float32))


def symmetric(flow: Tensor) -> Tensor:
    r"""Normalise by both degrees, :math:`D_{in}^{-1/2} A D_{out}^{-1/2}`: ``(n, v, v)``.

    Kipf & Welling (2017) for directed graphs; DGL's ``norm="both"``. Degrees below 1 count as 1.
    """
    received = flow.sum(2, keepdim=True).clamp(min=1).rsqrt()  # (n, v, 1)
    sent = flow.sum(1, keepdim=True).clamp(min=1).rsqrt()  # (n, 1, v)
    return received * flow * sent


def averaging(flow: Tensor) -> Tensor:
    """Normalise by rows, so that a node receives the mean of its senders: ``(n, v, v)``."""
    return flow / flow.sum(2, keepdim=True).clamp(min=1)


def terminals(graphs: Graphs) -> tuple[Tensor, Tensor]:
    """Mark the input nodes and the output nodes of each graph by 1: ``(n, v)`` each.

    They are the nodes named ``input`` and ``output`` if the space uses these names, otherwise the
    nodes without predecessors and those without successors.
    """
    found = []
    for name, axis in (("input", 1), ("output", 2)):
        if name in graphs.op_names:
            at = graphs.ops == graphs.op_names.index(name)  # (n, v)
        else:
            at = ~graphs.adjacency.any(axis)
        found.append(torch.from_numpy((at & graphs.mask).astype(np.float32)))
    return found[0], found[1]


class GraphConv(nn.Module):
    """Graph convolution ``flow @ x @ W + b``; Glorot weights and zero bias, as in DGL."""

    def __init__(self, width_in: int, width_out: int, *, bias: bool = True) -> None:
        super().__init__()
        self.linear = nn.Linear(width_in, width_out, bias=bias)
        nn.init.xavier_uniform_(self.linear.weight)
        if bias:
            nn.init.zeros_(self.linear.bias)

    def forward(self, flow: Tensor, x: Tensor) -> Tensor:
        """Convolve ``x: (b, v, in)`` along ``flow: (b, v, v)`` -> ``(b, v, out)``."""
        received: Tensor = self.linear(torch.bmm(flow, x))  # (b, v, in) -> (b, v, out)
        return received


def mlp(
    width_in: int, hidden: tuple[int, ...], dropout: float = 0.0, width_out: int = 1
) -> nn.Sequential:
    """Make linear layers with ReLU and dropout after each but the last."""
    layers: list[nn.Module] = []
    for width in hidden:
        layers += [nn.Linear(width_in, width), nn.ReLU(), nn.Dropout(dropout)]
        width_in = width
    return nn.Sequential(*layers, nn.Linear(width_in, width_out))


def sort_pool(x: Tensor, mask: Tensor, k: int) -> Tensor:
    """Keep the ``k`` nodes with the largest last channel, in descending order.

    Args:
        x: ``(b, v, h)`` node features; sort their channels first for DGL's form.
        mask: ``(b, v)`` nodes that exist.
        k: Number of nodes to keep.

    Returns:
        ``(b, k, h)``; rows of zeros where a graph has fewer nodes.
    """
    key = x[..., -1].masked_fill(~mask, -torch.inf)  # (b, v)
    order = key.argsort(dim=1, descending=True, stable=True)[:, :k]  # (b, min(v, k))
    x = (x * mask[..., None]).gather(1, order[..., None].expand(-1, -1, x.shape[2]))
    return nn.functional.pad(x, (0, 0, 0, k - x.shape[1]))


class DGCNN(nn.Module):
    """Network of AceNAS, figure 4: graph convolutions, sort pooling, 1-d convolutions, heads.

    See :class:`~archrank.rankers.AceNAS` for the arguments.
    """

    def __init__(
        self,
        n_ops: int,
        n_extra: int,
        width: int,
        layers: int,
        k: int,
        dropout: float,
        pooling: str,
        head: int,
        heads: int,
    ) -> None:
        super().__init__()
        self.k, self.pooling = k, pooling
        widths = [n_ops] + [width] * layers
        if pooling == "dgcnn":
            widths[-1] = 1
        self.convs = nn.ModuleList(GraphConv(a, b) for a, b in pairwise(widths))
        kept = width if pooling == "dgl" else sum(widths[1:])
        # Convolutions as matrix products: with five positions, oneDNN's take several times as long.
        self.per_node = nn.Linear(kept, width // 2)  # Conv1d(1, H/2, kernel=stride=channels)
        self.over_nodes = nn.Linear(width // 2 * KERNEL, width)  # Conv1d(H/2, H, 5)
        self.fusion = nn.Linear(width * (k // 2 - KERNEL + 1) + n_extra, EMBEDDING)
        self.heads = nn.ModuleList(mlp(EMBEDDING, (head,), dropout) for _ in range(heads))

    def forward(self, flow: Tensor, x: Tensor, mask: Tensor, extra: Tensor) -> Tensor:
        """Score graphs, once per head: ``(b, m)``, or ``(b,)`` with a single head.

        Args:
            flow: ``(b, v, v)`` messages, row = receiver.
            x: ``(b, v, o)`` one-hot operations.
            mask: ``(b, v)`` nodes that exist.
            extra: ``(b, f)`` numbers beside the graph.
        """
        outputs = []
        for conv in self.convs:
            x = conv(flow, x)  # (b, v, h)
            x = x.relu() if self.pooling == "dgl" else x.tanh()
            outputs.append(x)
        if self.pooling == "dgl":
            x = sort_pool(x.sort(2).values, mask, self.k)  # (b, k, h)
        else:
            x = sort_pool(torch.cat(outputs, 2), mask, self.k)  # (b, k, (layers - 1) h + 1)
        x = self.per_node(x).relu().transpose(1, 2)  # (b, h / 2, k)
        x = nn.functional.max_pool1d(x, 2)  # (b, h / 2, k / 2)
        x = x.unfold(2, KERNEL, 1).transpose(1, 2).flatten(2)  # (b, k / 2 - 4, h / 2 * 5)
        x = self.over_nodes(x).relu().transpose(1, 2).flatten(1)  # (b, h (k / 2 - 4))
        x = self.fusion(torch.cat([x, extra], 1))  # (b, 128), no activation
        scores = torch.cat([head(x) for head in self.heads], 1)  # (b, m)
        return scores.squeeze(1)
