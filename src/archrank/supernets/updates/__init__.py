"""Update rules: how a batch and some architectures become one update of a supernet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archrank.lazy import lazy

if TYPE_CHECKING:
    from archrank.supernets.updates.base import Session as Session
    from archrank.supernets.updates.base import UpdateRule as UpdateRule
    from archrank.supernets.updates.base import Updates as Updates
    from archrank.supernets.updates.mean_per_weight import MeanPerWeight as MeanPerWeight
    from archrank.supernets.updates.sandwich import Sandwich as Sandwich

_HOMES = {
    "MeanPerWeight": "mean_per_weight",
    "Sandwich": "sandwich",
    "Session": "base",
    "UpdateRule": "base",
    "Updates": "base",
}

__all__, __getattr__, __dir__ = lazy(__name__, _HOMES)
