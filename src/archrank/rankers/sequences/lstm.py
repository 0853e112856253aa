"""LSTM of the Surgery study (Ning et al., 2020), which reads the operations one by one.

It is trained like :class:`archrank.rankers.mlp.MLP`. The head's size is not published; three
layers of 200 are the default of the authors' code.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from archrank.rankers.kit.neural import Fitting, Inputs
from archrank.rankers.kit.objectives import Objective, ObjectiveRanker
from archrank.rankers.mlp import perceptron
from archrank.types import Archs

if TYPE_CHECKING:
    from archrank.spaces.base import Space


class SequenceNetwork(nn.Module):
    """Embedding, one LSTM layer, and a perceptron on its last output: ``(b, l)`` -> ``(b,)``."""

    def __init__(
        self, n_tokens: int, embedding: int, state: int, hidden: Sequence[int], dropout: float
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(n_tokens, embedding)
        self.lstm = nn.LSTM(embedding, state, batch_first=True)
        self.head = perceptron(state, hidden, dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        """Score sequences: ``(b, l)`` -> ``(b,)``."""
        outputs, _ = self.lstm(self.embedding(tokens))  # (b, l, state)
        scores: Tensor = self.head(outputs[:, -1])  # (b,)
        return scores


class LSTM(ObjectiveRanker):
    """Long short-term memory (LSTM) that reads the space's tokens.

    Args:
        space: The space of the architectures; must have tokens.
        objective: Loss of the training: a name of :data:`archrank.losses.LOSSES`, or a function of
            scores and standardised labels; published: ``hinge``.
        margin: Margin of ``hinge`` and ``warp``, in units of the raw score.
        embedding: Size of a token's embedding.
        state: Size of the LSTM's state.
        hidden: Width of each hidden layer of the head.
        dropout: Dropout probability after each hidden layer of the head.
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
        >>> LSTM(space, epochs=3).fit(archs, space.cost(archs)["macs"]).predict(archs).shape
        (20,)
    """

    def __init__(
        self,
        space: Space,
        objective: Objective = "hinge",
        *,
        margin: float = 0.1,
        embedding: int = 100,
        state: int = 100,
        hidden: Sequence[int] = (200, 200, 200),
        dropout: float = 0.1,
        epochs: int = 200,
        batch_size: int = 512,
        lr: float = 1e-3,
        device: str = "cpu",
        seed: int = 0,
    ) -> None:
        self.space = space
        self.objective = objective
        self.margin = margin
        self.embedding = embedding
        self.state = state
        self.hidden = hidden
        self.dropout = dropout
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.device = device
        self.seed = seed

    def _inputs(self, archs: Archs) -> Inputs:
        return (torch.from_numpy(np.ascontiguousarray(self.space.tokens(archs))),)  # (n, l)

    def _fitting(self) -> Fitting:
        return Fitting(self.epochs, self.batch_size, self.lr)

    def _network(self) -> nn.Module:
        return SequenceNetwork(
            self.space.n_tokens, self.embedding, self.state, self.hidden, self.dropout
        )
