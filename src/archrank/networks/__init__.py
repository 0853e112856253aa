"""The plain ``nn.Module`` networks that spaces build; one file per family of networks."""

from __future__ import annotations

from archrank.networks.nasbench201 import NASBench201Network
from archrank.networks.operations import OPERATIONS, operation

__all__ = ["OPERATIONS", "NASBench201Network", "operation"]
