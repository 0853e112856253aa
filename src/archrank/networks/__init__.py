"""Plain ``nn.Module`` networks that spaces build; one file per family of networks."""

from __future__ import annotations

from archrank.networks.attentivenas import AttentiveNASNetwork
from archrank.networks.fbnet import FBNetNetwork
from archrank.networks.grouped import GroupedNASBench201
from archrank.networks.language_models import GPT, LanguageModel
from archrank.networks.nasbench101 import NASBench101Network
from archrank.networks.nasbench201 import NASBench201Network
from archrank.networks.nds import NDSNetwork
from archrank.networks.operations import OPERATIONS, operation
from archrank.networks.proxylessnas import ProxylessNASNetwork
from archrank.networks.transformer import EncoderDecoder

__all__ = [
    "GPT",
    "OPERATIONS",
    "AttentiveNASNetwork",
    "EncoderDecoder",
    "FBNetNetwork",
    "GroupedNASBench201",
    "LanguageModel",
    "NASBench101Network",
    "NASBench201Network",
    "NDSNetwork",
    "ProxylessNASNetwork",
    "operation",
]
