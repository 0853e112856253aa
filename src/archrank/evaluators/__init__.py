"""Evaluators: measure architectures, truly or approximately.

Each loads when it is first asked for, so that importing this package loads neither pandas nor
torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archrank.evaluators.base import Evaluations as Evaluations
from archrank.evaluators.base import Evaluator as Evaluator
from archrank.lazy import lazy
from archrank.metrics import Metric as Metric
from archrank.registry import Registry

if TYPE_CHECKING:
    from archrank.evaluators.block_costs import BlockCosts as BlockCosts
    from archrank.evaluators.combined import Combined as Combined
    from archrank.evaluators.command_latency import CommandLatency as CommandLatency
    from archrank.evaluators.cost import Cost as Cost
    from archrank.evaluators.function import Function as Function
    from archrank.evaluators.latency import Latency as Latency
    from archrank.evaluators.one_shot import OneShot as OneShot
    from archrank.evaluators.predicted_latency import PredictedLatency as PredictedLatency
    from archrank.evaluators.scoped import Scoped as Scoped
    from archrank.evaluators.stored_forest import StoredForest as StoredForest
    from archrank.evaluators.table import Table as Table
    from archrank.evaluators.told import Told as Told
    from archrank.evaluators.training import Training as Training
    from archrank.evaluators.zero_cost import ZeroCost as ZeroCost

EVALUATORS = Registry(
    "evaluator",
    {
        "block_costs": "archrank.evaluators:BlockCosts",
        "combined": "archrank.evaluators:Combined",
        "command_latency": "archrank.evaluators:CommandLatency",
        "cost": "archrank.evaluators:Cost",
        "function": "archrank.evaluators:Function",
        "latency": "archrank.evaluators:Latency",
        "one_shot": "archrank.evaluators:OneShot",
        "predicted_latency": "archrank.evaluators:PredictedLatency",
        "table": "archrank.evaluators:Table",
        "told": "archrank.evaluators:Told",
        "training": "archrank.evaluators:Training",
        "zero_cost": "archrank.evaluators:ZeroCost",
    },
)

_HOMES = {
    "BlockCosts": "block_costs",
    "Combined": "combined",
    "CommandLatency": "command_latency",
    "Cost": "cost",
    "Function": "function",
    "Latency": "latency",
    "OneShot": "one_shot",
    "PredictedLatency": "predicted_latency",
    "Scoped": "scoped",
    "StoredForest": "stored_forest",
    "Table": "table",
    "Told": "told",
    "Training": "training",
    "ZeroCost": "zero_cost",
}

__all__, __getattr__, __dir__ = lazy(
    __name__, _HOMES, "EVALUATORS", "Evaluations", "Evaluator", "Metric"
)
