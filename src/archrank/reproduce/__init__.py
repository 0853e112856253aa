"""Reproduction of published tables: the paper's figures next to ours, from published measurements.

``catalogue.REPRODUCTIONS`` lists the reproductions, ``reproduce`` runs one. Modules load on first
use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archrank.lazy import lazy

if TYPE_CHECKING:
    from archrank.reproduce.base import Claim as Claim
    from archrank.reproduce.base import Comparison as Comparison
    from archrank.reproduce.base import Plan as Plan
    from archrank.reproduce.base import Reproduction as Reproduction
    from archrank.reproduce.base import Row as Row
    from archrank.reproduce.engine import reproduce as reproduce

_HOMES = {
    "Claim": "base",
    "Comparison": "base",
    "Plan": "base",
    "Reproduction": "base",
    "Row": "base",
    "reproduce": "engine",
}

__all__, __getattr__, __dir__ = lazy(__name__, _HOMES)
