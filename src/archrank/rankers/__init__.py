"""Rankers: learn an order of architectures from few scores.

Each loads when it is first asked for, so that importing this package loads none of scikit-learn,
LightGBM and torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archrank.lazy import lazy
from archrank.registry import Registry

if TYPE_CHECKING:
    from archrank.rankers.acenas import AceNAS
    from archrank.rankers.attentivenas import AttentiveNASForest
    from archrank.rankers.base import NotFittedError, Ranker
    from archrank.rankers.brp_nas import BRPNAS
    from archrank.rankers.ensemble import Ensemble
    from archrank.rankers.gates import GATES
    from archrank.rankers.gaussian_process import GaussianProcess
    from archrank.rankers.gbdt import GBDT, RankNAS
    from archrank.rankers.hat_latency import HATLatency
    from archrank.rankers.lstm import LSTM
    from archrank.rankers.mlp import MLP
    from archrank.rankers.nas_gbdt import NASGBDT
    from archrank.rankers.neural_predictor import NeuralPredictor
    from archrank.rankers.random_forest import RandomForest
    from archrank.rankers.recursive import Recursive

RANKERS = Registry(
    "ranker",
    {
        "acenas": "archrank.rankers.acenas:AceNAS",
        "attentivenas": "archrank.rankers.attentivenas:AttentiveNASForest",
        "brp_nas": "archrank.rankers.brp_nas:BRPNAS",
        "default": "archrank.rankers.gaussian_process:GaussianProcess",
        "ensemble": "archrank.rankers.ensemble:default_ensemble",
        "gates": "archrank.rankers.gates:GATES",
        "gaussian_process": "archrank.rankers.gaussian_process:GaussianProcess",
        "gbdt": "archrank.rankers.gbdt:GBDT",
        "hat_latency": "archrank.rankers.hat_latency:HATLatency",
        "lstm": "archrank.rankers.lstm:LSTM",
        "mlp": "archrank.rankers.mlp:MLP",
        "nas_gbdt": "archrank.rankers.nas_gbdt:NASGBDT",
        "neural_predictor": "archrank.rankers.neural_predictor:NeuralPredictor",
        "random_forest": "archrank.rankers.random_forest:RandomForest",
        "ranknas": "archrank.rankers.gbdt:RankNAS",
        "recursive": "archrank.rankers.recursive:Recursive",
    },
)

_HOMES = {
    "AceNAS": "acenas",
    "AttentiveNASForest": "attentivenas",
    "BRPNAS": "brp_nas",
    "Ensemble": "ensemble",
    "GATES": "gates",
    "GBDT": "gbdt",
    "GaussianProcess": "gaussian_process",
    "HATLatency": "hat_latency",
    "LSTM": "lstm",
    "MLP": "mlp",
    "NASGBDT": "nas_gbdt",
    "NeuralPredictor": "neural_predictor",
    "NotFittedError": "base",
    "RandomForest": "random_forest",
    "RankNAS": "gbdt",
    "Ranker": "base",
    "Recursive": "recursive",
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
