"""Reproduction of published tables: the paper's figures next to ours, from published measurements.

``catalogue.REPRODUCTIONS`` lists the reproductions, ``reproduce`` runs one. Modules load on first
use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archrank.lazy import lazy

if TYPE_CHECKING:
    from archrank.reproduce.base import Claim, Comparison, Plan, Reproduction, Row
    from archrank.reproduce.engine import reproduce

_HOMES = {
    "Claim": "base",
    "Comparison": "base",
    "Plan": "base",
    "Reproduction": "base",
    "Row": "base",
    "reproduce": "engine",
}

__all__ = ["Claim", "Comparison", "Plan", "Reproduction", "Row", "reproduce"]

__getattr__, __dir__ = lazy(__name__, _HOMES)
