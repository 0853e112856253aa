"""Multi-layer perceptron of the Surgery study.

Ning et al., "A Surgery of the Neural Architecture Evaluators", 2020, section 5 and appendix, with
the training of GATES (Ning et al., ECCV 2020, section 4.1): margin ranking of pairs within a
batch, Adam, a constant learning rate, no early stopping.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import nn

from archrank.rankers.kit.encoding import Encoding, encode, width
from archrank.rankers.kit.neural import Fitting, Inputs
from archrank.rankers.kit.objectives import Objective, ObjectiveRanker
from archrank.types import Archs

if TYPE_CHECKING:
    from archrank.spaces.base import Space


def perceptron(inputs: int, hidden: Sequence[int], dropout: float = 0.0) -> nn.Sequential:
    """Make hidden layers with ReLU and dropout, then one score: ``(b, inputs)`` -> ``(b,)``."""
    layers: list[nn.Module] = []
    for size in hidden:
        layers += [nn.Linear(inputs, size), nn.ReLU(), nn.Dropout(dropout)]
        inputs = size
    return nn.Sequential(*layers, nn.Linear(inputs, 1), nn.Flatten(0))


class MLP(ObjectiveRanker):
    """Multi-layer perceptron on choices or features.

    Args:
        space: The space of the architectures.
        encoding: ``ordinal`` takes the indices of the chosen options as plain numbers, as
            published, although indices of operations have no order; ``one_hot`` assumes no order;
            ``features`` are those of the space.
        objective: Loss of the training: a name of :data:`archrank.losses.LOSSES`, or a function of
            scores and standardised labels; published: ``hinge``.
        margin: Margin of ``hinge`` and ``warp``, in units of the raw score.
        hidden: Width of each hidden layer.
        dropout: Dropout probability after each hidden layer.
        epochs: Passes over the labels.
        batch_size: Labels per step; pairs are formed within a batch.
        lr: Learning rate of Adam, constant.
        device: Device of torch to compute on, such as ``"cpu"`` or ``"cuda"``.
        seed: Seed of weights, batches, pairs and dropout.

    Example:
        >>> import numpy as np
        >>> from archrank.spaces import NASBench201
        >>> space = NASBench201()
        >>> archs = space.sample(20, rng=np.random.default_rng(0))
        >>> ranker = MLP(space, "one_hot", epochs=3).fit(archs, space.cost(archs)["macs"])
        >>> ranker.predict(archs).shape
        (20,)
    """

    def __init__(
        self,
        space: Space,
        encoding: Encoding = "ordinal",
        *,
        objective: Objective = "hinge",
        margin: float = 0.1,
        hidden: Sequence[int] = (300, 300, 300, 300, 300),
        dropout: float = 0.1,
        epochs: int = 200,
        batch_size: int = 512,
        lr: float = 1e-3,
        device: str = "cpu",
        seed: int = 0,
    ) -> None:
        self.space = space
        self.encoding = encoding
        self.objective = objective
        self.margin = margin
        self.hidden = hidden
        self.dropout = dropout
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.device = device
        self.seed = seed

    def _inputs(self, archs: Archs) -> Inputs:
        return (torch.from_numpy(encode(self.space, archs, self.encoding)),)  # (n, f)

    def _fitting(self) -> Fitting:
        return Fitting(self.epochs, self.batch_size, self.lr)

    def _network(self) -> nn.Module:
        return perceptron(width(self.space, self.encoding), self.hidden, self.dropout)
