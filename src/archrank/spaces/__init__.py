"""Search spaces: what can be built, as integer arrays."""

from archrank.registry import Registry
from archrank.spaces.attentivenas import AttentiveNAS
from archrank.spaces.base import Choice, Graphs, Space
from archrank.spaces.cells import EdgeCellSpace
from archrank.spaces.custom import CustomSpace
from archrank.spaces.custom_cells import CustomCells
from archrank.spaces.flops_sampling import FlopsSampler
from archrank.spaces.gpt_s import GPTS
from archrank.spaces.hat import HAT
from archrank.spaces.linear_latency import LinearLatency
from archrank.spaces.nasbench101 import NASBench101
from archrank.spaces.nasbench201 import NASBench201
from archrank.spaces.nds import NDS
from archrank.spaces.proxylessnas import ProxylessNAS
from archrank.spaces.ranknas import RankNASLanguageModel, RankNASTranslation
from archrank.spaces.transnas101 import TransNAS101Micro
from archrank.spaces.vector import VectorSpace

SPACES = Registry(
    "space",
    {
        "attentivenas": "archrank.spaces.attentivenas:AttentiveNAS",
        "gpt_s": "archrank.spaces.gpt_s:GPTS",
        "hat": "archrank.spaces.hat:HAT",
        "hat_wmt": "archrank.spaces.translation_named:hat_wmt",
        "nasbench101": "archrank.spaces.nasbench101:NASBench101",
        "nasbench201": "archrank.spaces.nasbench201:NASBench201",
        "nds_amoeba": "archrank.spaces.nds_named:amoeba",
        "nds_amoeba_in": "archrank.spaces.nds_named:amoeba_in",
        "nds_darts": "archrank.spaces.nds_named:darts",
        "nds_darts_fixwd": "archrank.spaces.nds_named:darts_fixwd",
        "nds_darts_in": "archrank.spaces.nds_named:darts_in",
        "nds_enas": "archrank.spaces.nds_named:enas",
        "nds_enas_fixwd": "archrank.spaces.nds_named:enas_fixwd",
        "nds_enas_in": "archrank.spaces.nds_named:enas_in",
        "nds_nasnet": "archrank.spaces.nds_named:nasnet",
        "nds_nasnet_in": "archrank.spaces.nds_named:nasnet_in",
        "nds_pnas": "archrank.spaces.nds_named:pnas",
        "nds_pnas_fixwd": "archrank.spaces.nds_named:pnas_fixwd",
        "nds_pnas_in": "archrank.spaces.nds_named:pnas_in",
        "proxylessnas": "archrank.spaces.proxylessnas:ProxylessNAS",
        "ranknas": "archrank.spaces.ranknas:RankNASTranslation",
        "ranknas_lm": "archrank.spaces.ranknas:RankNASLanguageModel",
        "ranknas_wmt": "archrank.spaces.translation_named:ranknas_wmt",
        "transnas101_micro": "archrank.spaces.transnas101:TransNAS101Micro",
    },
)

__all__ = [
    "GPTS",
    "HAT",
    "NDS",
    "SPACES",
    "AttentiveNAS",
    "Choice",
    "CustomCells",
    "CustomSpace",
    "EdgeCellSpace",
    "FlopsSampler",
    "Graphs",
    "LinearLatency",
    "NASBench101",
    "NASBench201",
    "ProxylessNAS",
    "RankNASLanguageModel",
    "RankNASTranslation",
    "Space",
    "TransNAS101Micro",
    "VectorSpace",
]
