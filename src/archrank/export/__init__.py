"""Trained networks as files: training an architecture again, keeping it, reading it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archrank.lazy import lazy

if TYPE_CHECKING:
    from archrank.export.found_by import searched as searched
    from archrank.export.loading import Exported as Exported
    from archrank.export.loading import load as load
    from archrank.export.network import export_network as export_network
    from archrank.export.supernet import export_subnetwork as export_subnetwork
    from archrank.export.supernet import stand_alone as stand_alone

_HOMES = {
    "Exported": "loading",
    "export_network": "network",
    "export_subnetwork": "supernet",
    "load": "loading",
    "searched": "found_by",
    "stand_alone": "supernet",
}

__all__, __getattr__, __dir__ = lazy(__name__, _HOMES)
