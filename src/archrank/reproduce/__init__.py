"""Published tables, run again on the published measurements: paper beside ours.

``catalogue.REPRODUCTIONS`` lists them, ``reproduce`` runs one. Each loads when first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archrank.reproduce.base import Claim, Outcome, Plan, Reproduction, Row
    from archrank.reproduce.run import reproduce

_HOMES = {
    "Claim": "base",
    "Outcome": "base",
    "Plan": "base",
    "Reproduction": "base",
    "Row": "base",
    "reproduce": "run",
}

__all__ = ["Claim", "Outcome", "Plan", "Reproduction", "Row", "reproduce"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
