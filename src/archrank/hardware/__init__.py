"""Latency of networks on real devices: measured, or looked up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archrank.lazy import lazy

if TYPE_CHECKING:
    from archrank.hardware.latency import measure_latency as measure_latency
    from archrank.hardware.latency import time_calls as time_calls
    from archrank.hardware.look_up import pixel1_latency as pixel1_latency

_HOMES = {
    "measure_latency": "latency",
    "pixel1_latency": "look_up",
    "time_calls": "latency",
}

__all__, __getattr__, __dir__ = lazy(__name__, _HOMES)
