"""Search strategies: each chooses the next architectures from the evaluations so far.

Each loads when it is first asked for, so that importing this package does not load scipy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archrank.lazy import lazy
from archrank.registry import Registry

if TYPE_CHECKING:
    from archrank.strategies.acenas import AceNASSearch as AceNASSearch
    from archrank.strategies.base import Strategy as Strategy
    from archrank.strategies.bucket_evolution import BucketEvolution as BucketEvolution
    from archrank.strategies.exhaustive import Exhaustive as Exhaustive
    from archrank.strategies.guided import Guided as Guided
    from archrank.strategies.history import History as History
    from archrank.strategies.patient_random import PatientRandom as PatientRandom
    from archrank.strategies.population_evolution import PopulationEvolution as PopulationEvolution
    from archrank.strategies.promoted import Promoted as Promoted
    from archrank.strategies.promoted import Shorts as Shorts
    from archrank.strategies.proxyless import ProxylessAceNAS as ProxylessAceNAS
    from archrank.strategies.pruned import Pruned as Pruned
    from archrank.strategies.random import Random as Random
    from archrank.strategies.ranknas import RankNASSearch as RankNASSearch
    from archrank.strategies.regularized_evolution import (
        RegularizedEvolution as RegularizedEvolution,
    )

STRATEGIES = Registry(
    "strategy",
    {
        "guided": "archrank.strategies.guided:Guided",
        "random": "archrank.strategies.random:Random",
        "exhaustive": "archrank.strategies.exhaustive:Exhaustive",
        "evolution": "archrank.strategies.regularized_evolution:RegularizedEvolution",
        "acenas": "archrank.strategies.acenas:AceNASSearch",
        "acenas_proxyless": "archrank.strategies.proxyless:ProxylessAceNAS",
        "ranknas": "archrank.strategies.ranknas:RankNASSearch",
    },
    plural="strategies",
)

_HOMES = {
    "AceNASSearch": "acenas",
    "BucketEvolution": "bucket_evolution",
    "Exhaustive": "exhaustive",
    "Guided": "guided",
    "History": "history",
    "PatientRandom": "patient_random",
    "PopulationEvolution": "population_evolution",
    "Promoted": "promoted",
    "ProxylessAceNAS": "proxyless",
    "Pruned": "pruned",
    "Random": "random",
    "RankNASSearch": "ranknas",
    "RegularizedEvolution": "regularized_evolution",
    "Shorts": "promoted",
    "Strategy": "base",
}

__all__, __getattr__, __dir__ = lazy(__name__, _HOMES, "STRATEGIES")
