"""GATES (Ning et al., ECCV 2020): encode a cell by simulating the data that flows through it.

As trained in "A Surgery of the Neural Architecture Evaluators" (Ning et al., 2020, appendix C):
hinge loss on pairs of labels.
"""

from __future__ import annotations

from itertools import pairwise
from math import sqrt
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn

from archrank.errors import SpaceError, UnknownNameError
from archrank.rankers.graphs import layers as graph
from archrank.rankers.kit.neural import Fitting, Inputs
from archrank.rankers.kit.objectives import Objective, ObjectiveRanker
from archrank.spaces.base import Graphs
from archrank.types import Archs

if TYPE_CHECKING:
    from archrank.spaces.base import Space

MARGIN = 0.1
OP_WIDTH, NODE_WIDTH, START_WIDTH = 48, 48, 96  # embeddings of operations, of nodes, layer 0


class GATES(ObjectiveRanker):
    r"""Graph-based neural architecture encoding that models operations as gates.

    Information :math:`x_u` of node :math:`u` passes an operation :math:`o` as
    :math:`\sigma(W_a E_o + b_a) \odot W x_u`. The input node starts with a learnt embedding, all
    others with zeros, and an MLP scores the embedding of the output node.

    * ``form="edge"``, operations on edges: :math:`x'_v = \sum_u \sigma(W_a E_{uv} + b_a) \odot
      W x_u + [v = 0] W x_v`; an absent edge (``none``) passes nothing.
    * ``form="node"``, operations on nodes: :math:`x'_v = \sigma(W_a E_v + b_a) \odot
      \sum_u W x_u + W x_v`.

    ReLU between layers. The loss is :math:`\max(0, m - (s_i - s_j))` over pairs with
    :math:`y_i > y_j`, at most ``4 b`` random ones of a batch. Scores are raw, where the released
    code applies a logistic function at prediction, which does not change their order.

    Arguments that are ``None`` take the published value of the form, with one exception: the edge
    form has a width of 64 instead of 128. From 78 labels of NAS-Bench-201 its Kendall tau is .747
    against .734, and varies half as much over seeds. ``width=128`` is the published network.

    Args:
        space: A space with graphs.
        form: ``edge`` or ``node``. ``None`` takes ``edge`` for cells with operations on edges,
            ``node`` for other spaces.
        objective: Loss of the training: a name of :data:`archrank.losses.LOSSES`, or a function of
            scores and standardised labels; published: ``hinge``.
        layers: Number of graph layers; published: 5 (edge), 4 (node).
        width: Channels of each layer; ``None`` takes 64 (edge) or 128 (node).
        head: Hidden widths of the MLP; published: five of 300 (edge), one of 200 (node).
        dropout: Dropout probability in the MLP.
        margin: Margin of ``hinge`` and ``warp``, in units of the raw score.
        epochs: Passes over the labels; the weights after the last one are kept.
        batch_size: Labels per step.
        lr: Learning rate of Adam.
        device: Device of torch to compute on, such as ``"cpu"`` or ``"cuda"``.
        seed: Seed of initial weights, batches, pairs and dropout.

    Example:
        >>> import numpy as np
        >>> from archrank.spaces import NASBench201
        >>> space = NASBench201()
        >>> archs = space.sample(20, rng=np.random.default_rng(0))
        >>> ranker = GATES(space, epochs=2).fit(archs, space.cost(archs)["macs"])
        >>> ranker.predict(archs).shape
        (20,)
    """

    def __init__(
        self,
        space: Space,
        *,
        form: Literal["edge", "node"] | None = None,
        objective: Objective = "hinge",
        layers: int | None = None,
        width: int | None = None,
        head: tuple[int, ...] | None = None,
        dropout: float = 0.1,
        margin: float = MARGIN,
        epochs: int = 200,
        batch_size: int = 512,
        lr: float = 1e-3,
        device: str = "cpu",
        seed: int = 0,
    ) -> None:
        self.space = space
        self.form = form
        self.objective = objective
        self.layers = layers
        self.width = width
        self.head = head
        self.dropout = dropout
        self.margin = margin
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.device = device
        self.seed = seed

    def _graphs(self, archs: Archs) -> Graphs:
        """Return the cells for the edge form, and the space's own graphs for the node form."""
        if self.form not in (None, "edge", "node"):
            raise UnknownNameError("form of GATES", str(self.form), ("edge", "node"))
        if self.form == "node":
            return self.space.graph(archs)
        try:
            return self.space.edge_graph(archs)
        except SpaceError as error:
            if self.form == "edge":
                raise SpaceError(f"{error}; use GATES(space, form='node')") from None
        return self.space.graph(archs)

    def _on_edges(self, graphs: Graphs) -> bool:
        return graphs.edge_ops is not None and self.form != "node"

    def _inputs(self, archs: Archs) -> Inputs:
        graphs = self._graphs(archs)
        start, end = graph.terminals(graphs)
        flow = graph.edges(graphs)  # (n, t, s)
        if not self._on_edges(graphs):
            return flow, start, end, graph.extra(graphs), graph.one_hot(graphs)
        ops = torch.from_numpy(graphs.edge_ops).long().transpose(1, 2)  # (n, t, s)
        kinds = nn.functional.one_hot(ops, self._n_ops(graphs))  # (n, t, s, o)
        routes = (kinds * flow[..., None]).flatten(2)  # (n, t, s * o)
        return routes, start, end, graph.extra(graphs)

    def _n_ops(self, graphs: Graphs) -> int:
        if not self._on_edges(graphs):
            return len(graphs.op_names)
        return len(graphs.edge_op_names)

    def _network(self) -> nn.Module:
        graphs = self._graphs(graph.first(self.space))
        on_edges = self._on_edges(graphs)
        layers = self.layers if self.layers is not None else (5 if on_edges else 4)
        head = self.head if self.head is not None else ((300,) * 5 if on_edges else (200,))
        layer = EdgeFlow if on_edges else NodeFlow
        width = self.width if self.width is not None else (64 if on_edges else 128)
        widths = [START_WIDTH] + [width] * layers
        return GATESNetwork(
            self._n_ops(graphs),
            [layer(a, b) for a, b in pairwise(widths)],
            graph.mlp(widths[-1] + graph.sizes(graphs)[1], head, self.dropout),
        )

    def _fitting(self) -> Fitting:
        return Fitting(self.epochs, self.batch_size, self.lr)


class GATESNetwork(nn.Module):
    """Embeddings, flow layers, and an MLP on the output node."""

    def __init__(self, n_ops: int, layers: list[EdgeFlow] | list[NodeFlow], head: nn.Module):
        super().__init__()
        self.ops = nn.Parameter(torch.randn(n_ops, OP_WIDTH))  # E
        self.start = nn.Parameter(torch.randn(1, NODE_WIDTH))  # of the input; others are zero
        self.lift = nn.Linear(NODE_WIDTH, START_WIDTH)
        self.layers = nn.ModuleList(layers)
        self.head = head

    def forward(
        self, routes: Tensor, start: Tensor, end: Tensor, extra: Tensor, *kinds: Tensor
    ) -> Tensor:
        """Score graphs: ``start``, ``end`` ``(b, v)``, ``extra (b, f)`` -> ``(b,)``.

        ``routes`` and ``kinds`` are passed on to the layers.
        """
        x = self.lift(start[..., None] * self.start)  # (b, v, 96)
        for i, layer in enumerate(self.layers):
            x = layer(x if i == 0 else x.relu(), self.ops, routes, start, *kinds)  # (b, v, h)
        out = torch.bmm(end[:, None], x).squeeze(1)  # (b, h)
        score: Tensor = self.head(torch.cat([out, extra], 1)).squeeze(1)  # (b,)
        return score


class EdgeFlow(nn.Module):
    """Layer of the edge form: operations on edges; only the input node adds its old embedding."""

    def __init__(self, width_in: int, width_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width_in, width_out))  # W
        self.gate = nn.Linear(OP_WIDTH, width_out)  # W_a, b_a
        nn.init.uniform_(self.weight, -1 / sqrt(width_out), 1 / sqrt(width_out))

    def forward(self, x: Tensor, ops: Tensor, routes: Tensor, start: Tensor) -> Tensor:
        """Update the node embeddings: ``(b, v, in) -> (b, v, h)``.

        Args:
            x: ``(b, v, in)`` embeddings of nodes.
            ops: ``(o, 48)`` embeddings of operations.
            routes: ``(b, v, v o)`` 1 where a node receives from a sender by an operation.
            start: ``(b, v)`` 1 at input nodes.
        """
        sent = x @ self.weight  # (b, v, h)
        passed = sent[:, :, None] * self.gate(ops).sigmoid()  # (b, v, o, h)
        received = torch.bmm(routes, passed.flatten(1, 2))  # (b, v, v o) x (b, v o, h)
        return received + start[..., None] * sent


class NodeFlow(EdgeFlow):
    """Layer of the node form: operations on nodes; every node adds its old embedding."""

    def forward(  # type: ignore[override]  # one tensor more: the operation of each node
        self, x: Tensor, ops: Tensor, routes: Tensor, start: Tensor, kinds: Tensor
    ) -> Tensor:
        """Update the node embeddings: ``(b, v, in) -> (b, v, h)``.

        Args:
            x: ``(b, v, in)`` embeddings of nodes.
            ops: ``(o, 48)`` embeddings of operations.
            routes: ``(b, v, v)`` 1 where a node (row) receives from a sender.
            start: ``(b, v)`` 1 at input nodes; not used by this form.
            kinds: ``(b, v, o)`` one-hot operation of each node.
        """
        sent = x @ self.weight  # (b, v, h)
        gates = kinds @ self.gate(ops).sigmoid()  # (b, v, h)
        out: Tensor = gates * torch.bmm(routes, sent) + sent
        return out
