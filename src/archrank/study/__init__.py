"""The run: durable, resumable, parallel.

Each name loads when it is first asked for, so that importing this package does not load optuna.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archrank.lazy import lazy

if TYPE_CHECKING:
    from archrank.study.objectives import Constraint as Constraint
    from archrank.study.objectives import Objective as Objective
    from archrank.study.record import Record as Record
    from archrank.study.study import Study as Study

_HOMES = {
    "Constraint": "objectives",
    "Objective": "objectives",
    "Record": "record",
    "Study": "study",
}

__all__, __getattr__, __dir__ = lazy(__name__, _HOMES)
