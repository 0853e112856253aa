"""Samplers: which architectures one update of a supernet trains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archrank.lazy import lazy
from archrank.supernets.samplers.named import SAMPLERS as SAMPLERS

if TYPE_CHECKING:
    from archrank.supernets.samplers.attentive_loss import AttentiveLoss as AttentiveLoss
    from archrank.supernets.samplers.attentive_ranker import AttentiveRanker as AttentiveRanker
    from archrank.supernets.samplers.attentive_set import AttentiveSet as AttentiveSet
    from archrank.supernets.samplers.base import Sampler as Sampler
    from archrank.supernets.samplers.costliest import Costliest as Costliest
    from archrank.supernets.samplers.de_isomorphic import DeIsomorphic as DeIsomorphic
    from archrank.supernets.samplers.fairnas import FairNAS as FairNAS
    from archrank.supernets.samplers.flops_prior import FlopsPrior as FlopsPrior
    from archrank.supernets.samplers.skip_prior import SkipPrior as SkipPrior
    from archrank.supernets.samplers.subset import Subset as Subset
    from archrank.supernets.samplers.uniform import Uniform as Uniform

_HOMES = {
    "AttentiveLoss": "attentive_loss",
    "AttentiveRanker": "attentive_ranker",
    "AttentiveSet": "attentive_set",
    "Costliest": "costliest",
    "DeIsomorphic": "de_isomorphic",
    "FairNAS": "fairnas",
    "FlopsPrior": "flops_prior",
    "Sampler": "base",
    "SkipPrior": "skip_prior",
    "Subset": "subset",
    "Uniform": "uniform",
}

__all__, __getattr__, __dir__ = lazy(__name__, _HOMES, "SAMPLERS")
