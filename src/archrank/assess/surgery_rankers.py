"""Rankers of the Surgery study as published, including their regression variants."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from archrank.losses import mse
from archrank.rankers.base import Ranker
from archrank.rankers.graphs.gates import GATES
from archrank.rankers.kit.neural import NeuralRanker
from archrank.rankers.mlp import MLP
from archrank.rankers.sequences.lstm import LSTM
from archrank.rankers.trees.random_forest import RandomForest
from archrank.spaces.base import Space
from archrank.types import Floats


class SigmoidRegression(NeuralRanker):
    """Regression of the authors' code: squared error between ``sigmoid(score)`` and the accuracy.

    Labels are accuracies in [0, 1]. They are not standardised, unlike with ``objective="mse"`` of
    :class:`archrank.rankers.MLP`.
    """

    def _targets(self, scores: Floats) -> Floats:
        return scores

    def _loss(self, outputs: Tensor, targets: Tensor, generator: torch.Generator) -> Tensor:
        return mse(outputs.sigmoid(), targets)


class RegressionMLP(SigmoidRegression, MLP):
    """MLP trained by regression."""


class RegressionLSTM(SigmoidRegression, LSTM):
    """LSTM trained by regression."""


class RegressionGATES(SigmoidRegression, GATES):
    """GATES trained by regression."""


def gates(space: Space) -> Ranker:
    """Make GATES with the published width."""
    return GATES(space, width=128)


def regression_gates(space: Space) -> Ranker:
    """Make GATES with the published width, trained by regression."""
    return RegressionGATES(space, width=128)


def forest(space: Space) -> Ranker:
    """Make the random forest on the indices of options as numbers (section 5.1)."""
    return RandomForest(space, encoding="ordinal")


RANKING: dict[str, Callable[[Space], Ranker]] = {
    "MLP": MLP,
    "LSTM": LSTM,
    "GATES": gates,
    "RF": forest,  # has no loss to choose
}
REGRESSION: dict[str, Callable[[Space], Ranker]] = {
    "MLP": RegressionMLP,
    "LSTM": RegressionLSTM,
    "GATES": regression_gates,
    "RF": forest,
}

TABLE_A1: dict[tuple[str, str], tuple[float, float, float]] = {
    ("MLP", "ranking"): (0.1330, 0.1560, 0.2481),
    ("LSTM", "ranking"): (0.5631, 0.6028, 0.5487),
    ("GATES", "ranking"): (0.7597, 0.7750, 0.7645),
    ("MLP", "regression"): (0.0111, 0.0548, 0.0467),
    ("LSTM", "regression"): (0.6024, 0.5784, 0.4656),
    ("GATES", "regression"): (0.2067, 0.7240, 0.7135),
    ("RF", "regression"): (0.4329, 0.4123, 0.4218),
}
"""Table A1: mean tau over model seeds from 78 labels, for each of three training sets."""
