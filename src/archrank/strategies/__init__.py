"""Search strategies: each chooses the next architectures from the evaluations so far."""

from archrank.registry import Registry
from archrank.strategies.base import Strategy
from archrank.strategies.exhaustive import Exhaustive
from archrank.strategies.guided import Guided
from archrank.strategies.history import History
from archrank.strategies.random import Random
from archrank.strategies.regularized_evolution import RegularizedEvolution

STRATEGIES = Registry(
    "strategy",
    {
        "guided": "archrank.strategies.guided:Guided",
        "random": "archrank.strategies.random:Random",
        "exhaustive": "archrank.strategies.exhaustive:Exhaustive",
        "evolution": "archrank.strategies.regularized_evolution:RegularizedEvolution",
    },
    plural="strategies",
)

__all__ = [
    "STRATEGIES",
    "Exhaustive",
    "Guided",
    "History",
    "Random",
    "RegularizedEvolution",
    "Strategy",
]
