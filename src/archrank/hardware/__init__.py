"""Latency of networks on real devices: measured, or looked up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archrank.lazy import lazy

if TYPE_CHECKING:
    from archrank.hardware.latency import measure_latency, time_calls
    from archrank.hardware.look_up import pixel1_latency
    from archrank.hardware.running import mode, torch_threads

_HOMES = {
    "measure_latency": "latency",
    "mode": "running",
    "pixel1_latency": "look_up",
    "time_calls": "latency",
    "torch_threads": "running",
}

__all__ = ["measure_latency", "mode", "pixel1_latency", "time_calls", "torch_threads"]

__getattr__, __dir__ = lazy(__name__, _HOMES)
