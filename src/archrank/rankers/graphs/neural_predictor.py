"""Neural Predictor (Wen et al., ECCV 2020): a graph network that regresses accuracy."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn

from archrank.errors import UnknownNameError
from archrank.rankers.graphs import layers as graph
from archrank.rankers.kit.neural import Fitting, Inputs
from archrank.rankers.kit.objectives import Objective, ObjectiveRanker
from archrank.types import Archs

if TYPE_CHECKING:
    from archrank.spaces.base import Space

EMBEDDING = 128


class NeuralPredictor(ObjectiveRanker):
    r"""Graph convolutions along and against the edges, mean pooling, squared error.

    Layer: :math:`X' = \frac12 \mathrm{ReLU}(\hat A X W^+) + \frac12 \mathrm{ReLU}(\hat A^\top X
    W^-)` with :math:`A + I` normalised by rows in each direction, then dropout (section 3.2). The
    mean over nodes passes two linear layers, with no activation between them. The paper's first
    stage, a classifier that drops the worst, is left out, as in all reimplementations.

    ``variant="acenas"`` is the baseline "Vanilla" of AceNAS's released code: symmetric
    normalisation along the edges only, ReLU in the head, Adam 2e-4; use it with ``layers=4``.

    Args:
        space: A space with graphs.
        variant: ``wen`` or ``acenas``.
        objective: Loss of the training: a name of :data:`archrank.losses.LOSSES`, or a function of
            scores and standardised labels; published: ``mse``.
        layers: Number of graph layers; NASLib takes 4.
        width: Channels of each layer.
        dropout: Dropout probability after each layer (``wen``) and in the head.
        epochs: Passes over the labels.
        batch_size: Labels per step.
        lr: Initial learning rate of Adam, falling to 0 along a cosine; ``None`` takes 1e-4
            (``wen``) or 2e-4 (``acenas``).
        weight_decay: Weight of the L2 penalty.
        device: Device of torch to compute on, such as ``"cpu"`` or ``"cuda"``.
        seed: Seed of initial weights, batches and dropout.

    Example:
        >>> import numpy as np
        >>> from archrank.spaces import NASBench201
        >>> space = NASBench201()
        >>> archs = space.sample(20, rng=np.random.default_rng(0))
        >>> ranker = NeuralPredictor(space, epochs=2).fit(archs, space.cost(archs)["macs"])
        >>> ranker.predict(archs).shape
        (20,)
    """

    def __init__(
        self,
        space: Space,
        *,
        variant: Literal["wen", "acenas"] = "wen",
        objective: Objective = "mse",
        layers: int = 3,
        width: int = 144,
        dropout: float = 0.1,
        epochs: int = 300,
        batch_size: int = 10,
        lr: float | None = None,
        weight_decay: float = 1e-3,
        device: str = "cpu",
        seed: int = 0,
    ) -> None:
        self.space = space
        self.variant = variant
        self.objective = objective
        self.layers = layers
        self.width = width
        self.dropout = dropout
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.weight_decay = weight_decay
        self.device = device
        self.seed = seed

    def _inputs(self, archs: Archs) -> Inputs:
        graphs = self.space.graph(archs)
        forward = graph.edges(graphs, "forward", loops=True)
        if self.variant == "acenas":
            flows: Inputs = (graph.symmetric(forward),)
        else:
            backward = graph.edges(graphs, "backward", loops=True)
            flows = graph.averaging(forward), graph.averaging(backward)
        mask = torch.from_numpy(graphs.mask.astype("float32"))
        share = mask / mask.sum(1, keepdim=True).clamp(min=1)  # (n, v)
        return graph.one_hot(graphs), share, graph.extra(graphs), *flows

    def _network(self) -> nn.Module:
        if self.variant not in ("wen", "acenas"):
            raise UnknownNameError("variant of NeuralPredictor", self.variant, ("wen", "acenas"))
        n_ops, n_extra = graph.sizes(self.space.graph(graph.first(self.space)))
        widths = [n_ops] + [self.width] * self.layers
        pairs = list(pairwise(widths))
        head: nn.Module
        if self.variant == "acenas":
            layers: list[nn.Module] = [OneWay(a, b) for a, b in pairs]
            fusion = nn.Linear(self.width + n_extra, self.width)
            head = nn.Sequential(fusion, graph.mlp(self.width, (self.width,), self.dropout))
        else:
            layers = [BothWays(a, b, self.dropout) for a, b in pairs]
            head = nn.Sequential(
                nn.Linear(self.width + n_extra, EMBEDDING, bias=False),
                nn.Dropout(self.dropout),
                nn.Linear(EMBEDDING, 1, bias=False),
            )
        return MeanPooled(layers, head)

    def _fitting(self) -> Fitting:
        lr = self.lr if self.lr is not None else (2e-4 if self.variant == "acenas" else 1e-4)
        return Fitting(self.epochs, self.batch_size, lr, self.weight_decay, schedule="cosine")


class BothWays(nn.Module):
    """Messages from predecessors and from successors, each with its own weights (section 3.2)."""

    def __init__(self, width_in: int, width_out: int, dropout: float) -> None:
        super().__init__()
        self.ahead = graph.GraphConv(width_in, width_out, bias=False)  # W-
        self.back = graph.GraphConv(width_in, width_out, bias=False)  # W+
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, forward: Tensor, backward: Tensor) -> Tensor:
        """Convolve ``x (b, v, in)`` along two flows ``(b, v, v)`` -> ``(b, v, out)``."""
        both = self.ahead(forward, x).relu() + self.back(backward, x).relu()  # (b, v, out)
        out: Tensor = self.dropout(both / 2)
        return out


class OneWay(nn.Module):
    """Graph convolution along the edges, followed by ReLU."""

    def __init__(self, width_in: int, width_out: int) -> None:
        super().__init__()
        self.conv = graph.GraphConv(width_in, width_out)

    def forward(self, x: Tensor, flow: Tensor) -> Tensor:
        """Convolve ``x (b, v, in)`` along ``flow (b, v, v)`` -> ``(b, v, out)``."""
        out: Tensor = self.conv(flow, x).relu()
        return out


class MeanPooled(nn.Module):
    """Graph layers, then the mean over nodes, then a head."""

    def __init__(self, layers: list[nn.Module], head: nn.Module) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.head = head

    def forward(self, x: Tensor, share: Tensor, extra: Tensor, *flows: Tensor) -> Tensor:
        """Score graphs: ``x (b, v, o)``, ``share (b, v)``, ``extra (b, f)`` -> ``(b,)``.

        ``share`` holds the weights of the mean over nodes; they sum to 1.
        """
        for layer in self.layers:
            x = layer(x, *flows)  # (b, v, h)
        pooled = torch.bmm(share[:, None], x).squeeze(1)  # (b, h)
        score: Tensor = self.head(torch.cat([pooled, extra], 1)).squeeze(1)  # (b,)
        return score
