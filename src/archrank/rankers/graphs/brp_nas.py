"""BRP-NAS (Dudziak et al., NeurIPS 2020): a graph network that predicts the better of two."""

from __future__ import annotations

from functools import cmp_to_key
from itertools import pairwise
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.special import expit
from torch import Tensor, nn
from torch.nn.functional import embedding_bag, logsigmoid

from archrank.rankers.graphs import layers as graph
from archrank.rankers.kit.neural import Fitting, Inputs, NeuralRanker
from archrank.spaces.base import Graphs
from archrank.types import Archs, Bools, Floats

if TYPE_CHECKING:
    from archrank.spaces.base import Space

REFERENCES = 512  # largest number of labelled architectures that a prediction compares with
SCORED = 16_384  # architectures embedded at a time


class BRPNAS(NeuralRanker):
    r"""Binary relation predictor: four graph convolutions, a global node, a linear relation.

    The graph is first simplified: ``none`` nodes are deleted, ``skip`` nodes are replaced by edges,
    and nodes that lie on no path from input to output are removed. A global node that receives
    messages from all others is added; its embedding represents the graph. Every other node
    receives messages from itself and its successors, without normalisation.

    For embeddings :math:`e_1, e_2` the relation is a softmax over two outputs of a linear layer
    (section 4.1). Only the difference of the outputs matters, so
    :math:`P(1 \succ 2) = \sigma(p^\top e_1 + q^\top e_2 + c)`, and each architecture is embedded
    only once for all its comparisons. The loss is the divergence from
    :math:`\mathrm{softmax}(y_1, y_2)`, with labels scaled to [0, 1], summed over ordered pairs.

    Differences from the paper: every step embeds a batch of architectures and compares all its
    ordered pairs (as AceNAS's reimplementation does), where the paper draws pairs and embeds both
    members of each, which costs over a hundred times as much. The score is the mean probability of
    winning against the labelled architectures, over both orders of a pair. ``comparator=True`` is
    the published form, a comparison sort with the relation as comparator, which need not be
    transitive; scores are then positions among the architectures of one ``predict``. Numbers are
    float32; the released code uses float64.

    Args:
        space: A space with graphs.
        comparator: Score by a comparison sort, as published.
        layers: Number of graph layers.
        width: Channels of each graph layer.
        dropout: Dropout probability after each layer.
        epochs: Passes over the labels; the released code takes ``50 t`` in round ``t`` of 5.
        batch_size: Architectures per step; 8 make 56 ordered pairs, where the paper draws 64.
        lr: Initial learning rate of AdamW, falling to 0 along a cosine.
        weight_decay: Weight decay of AdamW.
        patience: Epochs without a lower training loss after which training stops.
        device: Device of torch to compute on, such as ``"cpu"`` or ``"cuda"``.
        seed: Seed of initial weights, batches and dropout.

    Example:
        >>> from archrank.spaces import NASBench201
        >>> space = NASBench201()
        >>> archs = space.sample(20, rng=np.random.default_rng(0))
        >>> ranker = BRPNAS(space, width=16, epochs=2).fit(archs, space.cost(archs)["macs"])
        >>> ranker.predict(archs).shape
        (20,)
    """

    def __init__(
        self,
        space: Space,
        *,
        comparator: bool = False,
        layers: int = 4,
        width: int = 600,
        dropout: float = 0.2,
        epochs: int = 250,
        batch_size: int = 8,
        lr: float = 3.5e-4,
        weight_decay: float = 5e-4,
        patience: int | None = 35,
        device: str = "cpu",
        seed: int = 0,
    ) -> None:
        self.space = space
        self.comparator = comparator
        self.layers = layers
        self.width = width
        self.dropout = dropout
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.weight_decay = weight_decay
        self.patience = patience
        self.device = device
        self.seed = seed

    def _inputs(self, archs: Archs) -> Inputs:
        graphs = self.space.graph(archs)
        adjacency, kept = simplify(graphs, *self._removable(graphs))
        n, v = kept.shape
        flow = np.zeros((n, v + 1, v + 1), dtype=np.float32)  # node 0 is the global one
        flow[:, 1:, 1:] = adjacency
        flow[:, 0, 1:] = graphs.mask
        flow[:, np.arange(v + 1), np.arange(v + 1)] = 1
        kinds = np.eye(len(graphs.op_names), dtype=np.float32)[graphs.ops] * kept[..., None]
        x = np.zeros((n, v + 1, len(graphs.op_names) + 1), dtype=np.float32)
        x[:, 1:, :-1] = kinds
        x[:, 0, -1] = 1
        used = np.delete(np.arange(x.shape[2]), self._removable(graphs))
        return torch.from_numpy(flow), torch.from_numpy(x[..., used]), graph.extra(graphs)

    def _removable(self, graphs: Graphs) -> tuple[list[int], list[int]]:
        """Return the operations that delete a node, and those that replace it by edges."""
        return list(graphs.none_ops), list(graphs.skip_ops)

    def _network(self) -> nn.Module:
        graphs = self.space.graph(graph.first(self.space))
        n_ops, n_extra = graph.sizes(graphs)
        n_ops += 1 - sum(map(len, self._removable(graphs)))
        return BRPNetwork(n_ops, n_extra, self.width, self.layers, self.dropout)

    def _fitting(self) -> Fitting:
        return Fitting(
            self.epochs,
            self.batch_size,
            self.lr,
            self.weight_decay,
            optimizer="adamw",
            schedule="cosine",
            patience=self.patience,
        )

    def _targets(self, scores: Floats) -> Floats:
        unit: Floats = (scores - scores.min()) / np.ptp(scores)
        return unit

    def _loss(self, outputs: Tensor, targets: Tensor, generator: torch.Generator) -> Tensor:
        guess = outputs[:, :1] + outputs[:, 1]  # (b, b) logits of "row beats column"
        truth = targets[:, None] - targets  # (b, b)
        p = truth.sigmoid()
        divergence = p * (logsigmoid(truth) - logsigmoid(guess))
        divergence = divergence + (1 - p) * (logsigmoid(-truth) - logsigmoid(-guess))
        return divergence.fill_diagonal_(0).sum()

    def _criterion(self, outputs: Tensor, targets: Tensor) -> float:
        """Return minus the training loss of the epoch."""
        size, generator = self.batch_size, torch.Generator()  # nothing is drawn
        batches = zip(torch.split(outputs, size), torch.split(targets, size), strict=True)
        return -sum(float(self._loss(o, t, generator)) for o, t in batches)

    def _fit(self, archs: Archs, scores: Floats) -> None:
        super()._fit(archs, scores)
        self.references_ = self._outputs(self.network_, archs[:REFERENCES])  # (k, 2)

    @torch.no_grad()
    def _outputs(self, network: nn.Module, archs: Archs) -> Floats:
        r"""Compute the two parts of the logit, :math:`p^\top e, q^\top e`: ``(n, 2)``."""
        assert isinstance(network, BRPNetwork)
        parts = []
        for start in range(0, len(archs), SCORED):
            flow, x, extra = self._inputs(archs[start : start + SCORED])
            embedded = embed_distinct(network, flow, x)  # (n, h)
            parts.append(network.relate(embedded, extra.to(embedded)))
        outputs: Floats = torch.cat(parts).double().cpu().numpy()
        return outputs

    def _predict(self, archs: Archs, return_std: bool) -> tuple[Floats, Floats | None]:
        p, q = self._outputs(self.network_, archs).T  # (n,) each, float64
        if self.comparator:
            return _sorted_positions(p, q), None
        score = np.zeros(len(p))
        for p_other, q_other in self.references_.tolist():
            score += expit(p + q_other) - expit(p_other + q)
        return 0.5 + score / (2 * len(self.references_)), None


def _sorted_positions(p: Floats, q: Floats) -> Floats:
    """Sort by comparisons, ``P(i beats j) > 1/2``, and return positions, 0 is worst: ``(n,)``."""
    first, second = p.tolist(), q.tolist()
    order = sorted(range(len(p)), key=cmp_to_key(lambda i, j: first[i] + second[j]))
    positions = np.empty(len(p))
    positions[order] = np.arange(len(p))
    return positions


def simplify(graphs: Graphs, none: list[int], skip: list[int]) -> tuple[Bools, Bools]:
    """Delete ``none`` nodes, replace ``skip`` nodes by edges, remove nodes that lie on no path.

    Returns:
        Adjacency ``(n, v, v)`` of the same size, in which removed nodes have no edges, and a mask
        of the remaining nodes ``(n, v)``.
    """
    a: Bools = graphs.adjacency & graphs.mask[:, :, None] & graphs.mask[:, None, :]
    bridged = np.isin(graphs.ops, skip)
    removed = np.isin(graphs.ops, none) | ~graphs.mask
    a = a & ~removed[:, :, None] & ~removed[:, None, :]
    for node in range(a.shape[1]):
        through = a[:, :, node, None] & a[:, node, None, :] & bridged[:, node, None, None]
        a = (a | through) & _without(bridged, node)
    start, end = (t.numpy() > 0 for t in graph.terminals(graphs))
    for _ in range(a.shape[1]):  # nodes reached from the inputs, and that reach the outputs
        start = start | (a & start[:, :, None]).any(1)
        end = end | (a & end[:, None, :]).any(2)
    kept: Bools = start & end & ~removed & ~bridged
    return a & kept[:, :, None] & kept[:, None, :], kept


def _without(bridged: Bools, node: int) -> Bools:
    """Replace ``node`` by edges from its predecessors to its successors: ``(n, v, v)``.

    Only in graphs where ``bridged`` marks the node.
    """
    here = bridged & (np.arange(bridged.shape[1]) == node)  # (n, v)
    edges: Bools = ~(here[:, :, None] | here[:, None, :])
    return edges


def embed_distinct(network: BRPNetwork, flow: Tensor, x: Tensor) -> Tensor:
    """Embed the global nodes, without dropout: ``(n, v, v), (n, v, o) -> (n, h)``.

    A layer's output for a node depends only on the multiset of messages that the node receives.
    Nodes with the same multiset, in one graph or in several, are therefore computed once: the
    140,625 nodes of NAS-Bench-201 become about a hundred rows in the first layer and a few thousand
    in the last. Multisets are compared by sums of random 64-bit codes, one code per message.
    """
    n, v = x.shape[:2]
    device = network.relation.weight.device
    carried, number = np.unique(x.flatten(0, 1).numpy(), axis=0, return_inverse=True)
    number = number.reshape(n, v)
    weights = flow.numpy()  # (n, t, s)
    h = torch.from_numpy(carried).to(device)  # (distinct, o)
    rng = np.random.default_rng(0)
    last = len(network.convs) - 1
    for i, (conv, norm) in enumerate(zip(network.convs, network.norms, strict=True)):
        if i == last:
            weights = weights[:, :1]  # only the global node is read
        codes = rng.integers(2**63, size=len(h), dtype=np.uint64)
        sums = (weights.astype(np.uint64) * codes[number][:, None]).sum(2)  # (n, t), modulo 2**64
        _, first, inverse = np.unique(sums, return_index=True, return_inverse=True)
        graphs = first // weights.shape[1]
        senders = torch.from_numpy(number[graphs]).to(device)  # (distinct, s)
        times = torch.from_numpy(weights.reshape(-1, v)[first]).to(device)
        heard = embedding_bag(senders, h, mode="sum", per_sample_weights=times)
        h = norm(conv(heard)).relu()  # (distinct, h)
        number = inverse.reshape(n, -1)
    return h[torch.from_numpy(number[:, 0]).to(device)]


class BRPNetwork(nn.Module):
    """Graph layers, then a linear layer from the global node to the two parts of the logit."""

    def __init__(self, n_ops: int, n_extra: int, width: int, layers: int, dropout: float) -> None:
        super().__init__()
        widths = [n_ops] + [width] * layers
        self.convs = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        for conv in self.convs:
            bound = 1 / sqrt(width)
            nn.init.uniform_(conv.weight, -bound, bound)  # type: ignore[arg-type]
            nn.init.uniform_(conv.bias, -bound, bound)  # type: ignore[arg-type]
        self.norms = nn.ModuleList(nn.LayerNorm(b) for b in widths[1:])
        self.dropout = nn.Dropout(dropout)
        self.relation = nn.Linear(2 * (width + n_extra), 2)  # "1 is better", "2 is better"

    def forward(self, flow: Tensor, x: Tensor, extra: Tensor) -> Tensor:
        r"""Compute both parts of the logit, :math:`p^\top e, q^\top e`: ``(b, 2)``.

        Args:
            flow: ``(b, v, v)`` messages, row = receiver.
            x: ``(b, v, o)`` one-hot operations.
            extra: ``(b, f)`` numbers beside the graph.
        """
        last = len(self.convs) - 1
        for i, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            if i == last:
                flow = flow[:, :1]  # only the global node is read
            x = conv(torch.bmm(flow, x))  # (b, v, h)
            x = self.dropout(norm(x).relu())
        return self.relate(x[:, 0], extra)

    def relate(self, embedded: Tensor, extra: Tensor) -> Tensor:
        """Map ``embedded (b, h)`` and ``extra (b, f)`` to both parts of the logit: ``(b, 2)``."""
        e = torch.cat([embedded, extra], 1)
        weight = self.relation.weight[0] - self.relation.weight[1]  # (2 h,)
        bias = self.relation.bias[0] - self.relation.bias[1]
        first, second = weight.view(2, -1)
        return torch.stack([e @ first + bias, e @ second], 1)
