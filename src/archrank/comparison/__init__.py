"""Comparison of runs: curves, means with intervals, paired tests, evaluations to a target.

Each name loads on first use, so that importing this package loads nothing heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archrank.lazy import lazy

if TYPE_CHECKING:
    from archrank.comparison.comparing import compare as compare
    from archrank.comparison.comparison import Comparison as Comparison

_HOMES = {"Comparison": "comparison", "compare": "comparing"}

__all__, __getattr__, __dir__ = lazy(__name__, _HOMES)
