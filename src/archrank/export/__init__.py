"""Trained networks as files: training an architecture again, keeping it, reading it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archrank.lazy import lazy

if TYPE_CHECKING:
    from archrank.export.loading import Exported as Exported
    from archrank.export.loading import load as load
    from archrank.export.network import export_network as export_network

_HOMES = {"Exported": "loading", "export_network": "network", "load": "loading"}

__all__, __getattr__, __dir__ = lazy(__name__, _HOMES)
