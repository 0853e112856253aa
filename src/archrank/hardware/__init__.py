"""Latency of networks on real devices: measured, or looked up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archrank.lazy import lazy

if TYPE_CHECKING:
    from archrank.hardware.command import LatencyCommand as LatencyCommand
    from archrank.hardware.latency import Timing as Timing
    from archrank.hardware.latency import measure_latency as measure_latency
    from archrank.hardware.latency import measure_parts as measure_parts
    from archrank.hardware.look_up import block_latency as block_latency
    from archrank.hardware.look_up import pixel1_latency as pixel1_latency
    from archrank.hardware.protocol import LatencyProtocol as LatencyProtocol
    from archrank.hardware.workloads import Part as Part
    from archrank.hardware.workloads import workload as workload

_HOMES = {
    "LatencyCommand": "command",
    "LatencyProtocol": "protocol",
    "Part": "workloads",
    "Timing": "latency",
    "measure_latency": "latency",
    "block_latency": "look_up",
    "measure_parts": "latency",
    "pixel1_latency": "look_up",
    "workload": "workloads",
}

__all__, __getattr__, __dir__ = lazy(__name__, _HOMES)
