"""The run: durable, resumable, parallel.

Each name loads when it is first asked for, so that importing this package does not load optuna.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archrank.lazy import lazy

if TYPE_CHECKING:
    from archrank.study.cluster import Cluster
    from archrank.study.objectives import Constraint, Objective
    from archrank.study.record import Record
    from archrank.study.study import Study
    from archrank.study.worker import process_pool

_HOMES = {
    "Cluster": "cluster",
    "Constraint": "objectives",
    "Objective": "objectives",
    "Record": "record",
    "Study": "study",
    "process_pool": "worker",
}

__all__ = ["Cluster", "Constraint", "Objective", "Record", "Study", "process_pool"]

__getattr__, __dir__ = lazy(__name__, _HOMES)
