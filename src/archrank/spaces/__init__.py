"""Search spaces: what can be built, as integer arrays."""

from archrank.registry import Registry
from archrank.spaces.base import Choice, Graphs, Space
from archrank.spaces.custom.options import Bool, Categorical, Float, Int, Ordered
from archrank.spaces.custom.repeat import Repeat
from archrank.spaces.custom.space import CustomSpace, from_choices
from archrank.spaces.custom.subset import Subset
from archrank.spaces.edge_cells.base import EdgeCellSpace
from archrank.spaces.edge_cells.custom import CustomCells
from archrank.spaces.edge_cells.nasbench201 import NASBench201
from archrank.spaces.edge_cells.transnas101 import TransNAS101Micro
from archrank.spaces.images import Scale
from archrank.spaces.mobile.attentive_small import AttentiveSmall
from archrank.spaces.mobile.attentivenas import AttentiveNAS
from archrank.spaces.mobile.fbnet import FBNet
from archrank.spaces.mobile.proxylessnas import ProxylessNAS
from archrank.spaces.nasbench101.space import NASBench101
from archrank.spaces.nds.space import NDS
from archrank.spaces.networks import Networks
from archrank.spaces.restricted import RestrictedSpace
from archrank.spaces.samplers.flops import FlopsSampler
from archrank.spaces.samplers.latency import LinearLatency
from archrank.spaces.transformers.gpt_s import GPTL, GPTM, GPTS
from archrank.spaces.transformers.hat import HAT
from archrank.spaces.transformers.hat_averages import HATAverages
from archrank.spaces.transformers.ranknas import RankNASLanguageModel, RankNASTranslation

SPACES = Registry(
    "space",
    {
        "attentive_small": "archrank.spaces.mobile.attentive_small:AttentiveSmall",
        "attentive_small_32": "archrank.spaces.mobile.attentive_small:attentive_small_32",
        "attentivenas": "archrank.spaces.mobile.attentivenas:AttentiveNAS",
        "fbnet": "archrank.spaces.mobile.fbnet:FBNet",
        "fbnet_cifar": "archrank.spaces.mobile.fbnet:fbnet_cifar",
        "fbnet_wide": "archrank.spaces.mobile.fbnet:fbnet_wide",
        "gpt_l": "archrank.spaces.transformers.gpt_s:GPTL",
        "gpt_m": "archrank.spaces.transformers.gpt_s:GPTM",
        "gpt_s": "archrank.spaces.transformers.gpt_s:GPTS",
        "hat": "archrank.spaces.transformers.hat:HAT",
        "hat_averages": "archrank.spaces.transformers.hat_averages:HATAverages",
        "hat_small": "archrank.spaces.transformers.named:hat_small",
        "hat_union": "archrank.spaces.transformers.named:hat_union",
        "hat_wmt": "archrank.spaces.transformers.named:hat_wmt",
        "nasbench101": "archrank.spaces.nasbench101.space:NASBench101",
        "nasbench201": "archrank.spaces.edge_cells.nasbench201:NASBench201",
        "nds_amoeba": "archrank.spaces.nds.named:amoeba",
        "nds_amoeba_in": "archrank.spaces.nds.named:amoeba_in",
        "nds_darts": "archrank.spaces.nds.named:darts",
        "nds_darts_fixwd": "archrank.spaces.nds.named:darts_fixwd",
        "nds_darts_in": "archrank.spaces.nds.named:darts_in",
        "nds_enas": "archrank.spaces.nds.named:enas",
        "nds_enas_fixwd": "archrank.spaces.nds.named:enas_fixwd",
        "nds_enas_in": "archrank.spaces.nds.named:enas_in",
        "nds_nasnet": "archrank.spaces.nds.named:nasnet",
        "nds_nasnet_in": "archrank.spaces.nds.named:nasnet_in",
        "nds_pnas": "archrank.spaces.nds.named:pnas",
        "nds_pnas_fixwd": "archrank.spaces.nds.named:pnas_fixwd",
        "nds_pnas_in": "archrank.spaces.nds.named:pnas_in",
        "proxylessnas": "archrank.spaces.mobile.proxylessnas:ProxylessNAS",
        "ranknas": "archrank.spaces.transformers.ranknas:RankNASTranslation",
        "ranknas_lm": "archrank.spaces.transformers.ranknas:RankNASLanguageModel",
        "ranknas_lm_small": "archrank.spaces.transformers.named:ranknas_lm_small",
        "ranknas_small": "archrank.spaces.transformers.named:ranknas_small",
        "ranknas_wmt": "archrank.spaces.transformers.named:ranknas_wmt",
        "transnas101_micro": "archrank.spaces.edge_cells.transnas101:TransNAS101Micro",
    },
)

__all__ = [
    "GPTL",
    "GPTM",
    "GPTS",
    "HAT",
    "NDS",
    "SPACES",
    "AttentiveNAS",
    "AttentiveSmall",
    "Bool",
    "Categorical",
    "Choice",
    "CustomCells",
    "CustomSpace",
    "EdgeCellSpace",
    "FBNet",
    "Float",
    "FlopsSampler",
    "Graphs",
    "HATAverages",
    "Int",
    "LinearLatency",
    "NASBench101",
    "NASBench201",
    "Networks",
    "Ordered",
    "ProxylessNAS",
    "RankNASLanguageModel",
    "RankNASTranslation",
    "Repeat",
    "RestrictedSpace",
    "Scale",
    "Space",
    "Subset",
    "TransNAS101Micro",
    "from_choices",
]
