"""Rankers: models that learn from a few scored architectures to order all the others.

A ranker's module is imported when the ranker is first used, so that importing this package loads
none of scikit-learn, LightGBM and torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archrank.lazy import lazy
from archrank.registry import Registry

if TYPE_CHECKING:
    from archrank.rankers.across_spaces import AcrossSpaces as AcrossSpaces
    from archrank.rankers.base import NotFittedError as NotFittedError
    from archrank.rankers.base import Ranker as Ranker
    from archrank.rankers.calibrated import Calibrated as Calibrated
    from archrank.rankers.calibrated_latency import CalibratedLatency as CalibratedLatency
    from archrank.rankers.decoder_layers import DecoderLayers as DecoderLayers
    from archrank.rankers.ensemble import Ensemble as Ensemble
    from archrank.rankers.gaussian_process import GaussianProcess as GaussianProcess
    from archrank.rankers.graphs.acenas import AceNAS as AceNAS
    from archrank.rankers.graphs.brp_nas import BRPNAS as BRPNAS
    from archrank.rankers.graphs.gates import GATES as GATES
    from archrank.rankers.graphs.neural_predictor import NeuralPredictor as NeuralPredictor
    from archrank.rankers.hat_latency import HATLatency as HATLatency
    from archrank.rankers.linear import Linear as Linear
    from archrank.rankers.mlp import MLP as MLP
    from archrank.rankers.recursive.ranker import Recursive as Recursive
    from archrank.rankers.sequences.lstm import LSTM as LSTM
    from archrank.rankers.transferred import Transferred as Transferred
    from archrank.rankers.trees.attentivenas import AttentiveNASForest as AttentiveNASForest
    from archrank.rankers.trees.gbdt import GBDT as GBDT
    from archrank.rankers.trees.gbdt import RankNAS as RankNAS
    from archrank.rankers.trees.nas_gbdt import NASGBDT as NASGBDT
    from archrank.rankers.trees.random_forest import RandomForest as RandomForest

RANKERS = Registry(
    "ranker",
    {
        "acenas": "archrank.rankers:AceNAS",
        "attentivenas": "archrank.rankers:AttentiveNASForest",
        "brp_nas": "archrank.rankers:BRPNAS",
        "decoder_layers": "archrank.rankers:DecoderLayers",
        "default": "archrank.rankers:GaussianProcess",
        "ensemble": "archrank.rankers.ensemble:default_ensemble",
        "gates": "archrank.rankers:GATES",
        "gaussian_process": "archrank.rankers:GaussianProcess",
        "gbdt": "archrank.rankers:GBDT",
        "hat_latency": "archrank.rankers:HATLatency",
        "linear": "archrank.rankers:Linear",
        "lstm": "archrank.rankers:LSTM",
        "mlp": "archrank.rankers:MLP",
        "nas_gbdt": "archrank.rankers:NASGBDT",
        "neural_predictor": "archrank.rankers:NeuralPredictor",
        "random_forest": "archrank.rankers:RandomForest",
        "ranknas": "archrank.rankers:RankNAS",
        "recursive": "archrank.rankers:Recursive",
    },
)

_HOMES = {
    "AceNAS": "graphs.acenas",
    "AcrossSpaces": "across_spaces",
    "AttentiveNASForest": "trees.attentivenas",
    "BRPNAS": "graphs.brp_nas",
    "Calibrated": "calibrated",
    "CalibratedLatency": "calibrated_latency",
    "DecoderLayers": "decoder_layers",
    "Ensemble": "ensemble",
    "GATES": "graphs.gates",
    "GBDT": "trees.gbdt",
    "GaussianProcess": "gaussian_process",
    "HATLatency": "hat_latency",
    "LSTM": "sequences.lstm",
    "Linear": "linear",
    "MLP": "mlp",
    "NASGBDT": "trees.nas_gbdt",
    "NeuralPredictor": "graphs.neural_predictor",
    "NotFittedError": "base",
    "RandomForest": "trees.random_forest",
    "RankNAS": "trees.gbdt",
    "Ranker": "base",
    "Recursive": "recursive.ranker",
    "Transferred": "transferred",
}

__all__, __getattr__, __dir__ = lazy(__name__, _HOMES, "RANKERS")
