"""Evaluators: measure architectures, truly or approximately.

Each loads when it is first asked for, so that importing this package loads neither pandas nor
torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archrank.evaluators.base import Evaluations, Evaluator
from archrank.lazy import lazy
from archrank.metrics import Metric
from archrank.registry import Registry

if TYPE_CHECKING:
    from archrank.evaluators.combined import Combined
    from archrank.evaluators.cost import Cost
    from archrank.evaluators.function import Function
    from archrank.evaluators.latency import Latency
    from archrank.evaluators.scoped import Scoped
    from archrank.evaluators.table import Table
    from archrank.evaluators.training import Training
    from archrank.evaluators.zero_cost import ZeroCost

EVALUATORS = Registry(
    "evaluator",
    {
        "combined": "archrank.evaluators.combined:Combined",
        "cost": "archrank.evaluators.cost:Cost",
        "function": "archrank.evaluators.function:Function",
        "latency": "archrank.evaluators.latency:Latency",
        "table": "archrank.evaluators.table:Table",
        "training": "archrank.evaluators.training:Training",
        "zero_cost": "archrank.evaluators.zero_cost:ZeroCost",
    },
)

_HOMES = {
    "Combined": "combined",
    "Cost": "cost",
    "Function": "function",
    "Latency": "latency",
    "Scoped": "scoped",
    "Table": "table",
    "Training": "training",
    "ZeroCost": "zero_cost",
}

__all__ = [
    "EVALUATORS",
    "Combined",
    "Cost",
    "Evaluations",
    "Evaluator",
    "Function",
    "Latency",
    "Metric",
    "Scoped",
    "Table",
    "Training",
    "ZeroCost",
]

__getattr__, __dir__ = lazy(__name__, _HOMES)
