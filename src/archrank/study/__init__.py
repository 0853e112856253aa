"""The run: durable, resumable, parallel.

Each name loads when it is first asked for, so that importing this package does not load optuna.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archrank.study.objectives import Constraint, Objective
    from archrank.study.record import Record
    from archrank.study.study import Study
    from archrank.study.worker import dask_cluster, process_pool

_HOMES = {
    "Constraint": "objectives",
    "Objective": "objectives",
    "Record": "record",
    "Study": "study",
    "dask_cluster": "worker",
    "process_pool": "worker",
}

__all__ = ["Constraint", "Objective", "Record", "Study", "dask_cluster", "process_pool"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
