"""Samplers: which architectures one update of a supernet trains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archrank.lazy import lazy
from archrank.registry import Registry

if TYPE_CHECKING:
    from archrank.supernets.samplers.base import Sampler as Sampler
    from archrank.supernets.samplers.costliest import Costliest as Costliest
    from archrank.supernets.samplers.de_isomorphic import DeIsomorphic as DeIsomorphic
    from archrank.supernets.samplers.fairnas import FairNAS as FairNAS
    from archrank.supernets.samplers.skip_prior import SkipPrior as SkipPrior
    from archrank.supernets.samplers.subset import Subset as Subset
    from archrank.supernets.samplers.uniform import Uniform as Uniform

SAMPLERS = Registry(
    "sampler",
    {
        "uniform": "archrank.supernets.samplers.uniform:Uniform",
        "fairnas": "archrank.supernets.samplers.fairnas:FairNAS",
        "de_isomorphic": "archrank.supernets.samplers.de_isomorphic:DeIsomorphic",
        "costliest": "archrank.supernets.samplers.costliest:Costliest",
        "skip_prior": "archrank.supernets.samplers.skip_prior:SkipPrior",
    },
)

_HOMES = {
    "Costliest": "costliest",
    "DeIsomorphic": "de_isomorphic",
    "FairNAS": "fairnas",
    "Sampler": "base",
    "SkipPrior": "skip_prior",
    "Subset": "subset",
    "Uniform": "uniform",
}

__all__, __getattr__, __dir__ = lazy(__name__, _HOMES, "SAMPLERS")
