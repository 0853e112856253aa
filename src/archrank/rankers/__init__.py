"""Rankers: models that learn from a few scored architectures to order all the others.

A ranker's module is imported when the ranker is first used, so that importing this package loads
none of scikit-learn, LightGBM and torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archrank.lazy import lazy
from archrank.registry import Registry

if TYPE_CHECKING:
    from archrank.rankers.base import NotFittedError, Ranker
    from archrank.rankers.ensemble import Ensemble
    from archrank.rankers.gaussian_process import GaussianProcess
    from archrank.rankers.graphs.acenas import AceNAS
    from archrank.rankers.graphs.brp_nas import BRPNAS
    from archrank.rankers.graphs.gates import GATES
    from archrank.rankers.graphs.neural_predictor import NeuralPredictor
    from archrank.rankers.hat_latency import HATLatency
    from archrank.rankers.mlp import MLP
    from archrank.rankers.recursive.ranker import Recursive
    from archrank.rankers.sequences.lstm import LSTM
    from archrank.rankers.trees.attentivenas import AttentiveNASForest
    from archrank.rankers.trees.gbdt import GBDT, RankNAS
    from archrank.rankers.trees.nas_gbdt import NASGBDT
    from archrank.rankers.trees.random_forest import RandomForest

RANKERS = Registry(
    "ranker",
    {
        "acenas": "archrank.rankers.graphs.acenas:AceNAS",
        "attentivenas": "archrank.rankers.trees.attentivenas:AttentiveNASForest",
        "brp_nas": "archrank.rankers.graphs.brp_nas:BRPNAS",
        "default": "archrank.rankers.gaussian_process:GaussianProcess",
        "ensemble": "archrank.rankers.ensemble:default_ensemble",
        "gates": "archrank.rankers.graphs.gates:GATES",
        "gaussian_process": "archrank.rankers.gaussian_process:GaussianProcess",
        "gbdt": "archrank.rankers.trees.gbdt:GBDT",
        "hat_latency": "archrank.rankers.hat_latency:HATLatency",
        "lstm": "archrank.rankers.sequences.lstm:LSTM",
        "mlp": "archrank.rankers.mlp:MLP",
        "nas_gbdt": "archrank.rankers.trees.nas_gbdt:NASGBDT",
        "neural_predictor": "archrank.rankers.graphs.neural_predictor:NeuralPredictor",
        "random_forest": "archrank.rankers.trees.random_forest:RandomForest",
        "ranknas": "archrank.rankers.trees.gbdt:RankNAS",
        "recursive": "archrank.rankers.recursive.ranker:Recursive",
    },
)

_HOMES = {
    "AceNAS": "graphs.acenas",
    "AttentiveNASForest": "trees.attentivenas",
    "BRPNAS": "graphs.brp_nas",
    "Ensemble": "ensemble",
    "GATES": "graphs.gates",
    "GBDT": "trees.gbdt",
    "GaussianProcess": "gaussian_process",
    "HATLatency": "hat_latency",
    "LSTM": "sequences.lstm",
    "MLP": "mlp",
    "NASGBDT": "trees.nas_gbdt",
    "NeuralPredictor": "graphs.neural_predictor",
    "NotFittedError": "base",
    "RandomForest": "trees.random_forest",
    "RankNAS": "trees.gbdt",
    "Ranker": "base",
    "Recursive": "recursive.ranker",
}

__all__ = [
    "BRPNAS",
    "GATES",
    "GBDT",
    "LSTM",
    "MLP",
    "NASGBDT",
    "RANKERS",
    "AceNAS",
    "AttentiveNASForest",
    "Ensemble",
    "GaussianProcess",
    "HATLatency",
    "NeuralPredictor",
    "NotFittedError",
    "RandomForest",
    "RankNAS",
    "Ranker",
    "Recursive",
]

__getattr__, __dir__ = lazy(__name__, _HOMES)
