"""Latency of one network on one device, measured by the protocol of HAT and RankNAS.

Hu et al., "RankNAS: Efficient Neural Architecture Search by Pairwise Ranking", EMNLP 2021, section
4.1 (after HAT): run the network 300 times, drop the fastest and the slowest 10 %, average the rest.

    >>> import torch
    >>> network = torch.nn.Linear(4, 2)
    >>> protocol = LatencyProtocol(repeats=20)
    >>> measure_latency(network, torch.zeros(1, 4), protocol).ms > 0
    True
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import perf_counter_ns
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from archrank.hardware.protocol import LatencyProtocol
from archrank.hardware.workloads import Part, whole_pass
from archrank.isolation import alone
from archrank.networks.inputs import Inputs
from archrank.torch_state import mode, torch_threads
from archrank.types import Floats

PUBLISHED = LatencyProtocol()


class Timing(NamedTuple):
    """Measured latency.

    Attributes:
        ms: Mean time in milliseconds, without the extremes; the sum of all parts.
        spread: Standard deviation over mean, of what was averaged; both summed over the parts.
        parts: Mean of each part with a name, such as ``encoder`` and ``decoder``.
        tries: Number of times that all was measured; this is the one of the least spread.
        noisy: True if its spread is not below the protocol's.
    """

    ms: float
    spread: float
    parts: Mapping[str, float]
    tries: int
    noisy: bool


def measure_latency(network: nn.Module, x: Inputs, protocol: LatencyProtocol = PUBLISHED) -> Timing:
    """Measure the time of one call ``network(x)``.

    Args:
        network: Network on the device of ``x``; it runs in evaluation mode, without gradients.
        x: One batch, ``(b, ...)``; or a tuple of such tensors, the network's arguments.
        protocol: Numbers of runs and threads. Types, batches and lengths are those of ``x``.

    Warns:
        IsolationWarning: trainings cannot be kept from running beside.
    """
    device = (x[0] if isinstance(x, tuple) else x).device
    return measure_parts(network, [whole_pass(network, x)], protocol, device)


def measure_parts(
    network: nn.Module,
    parts: Sequence[Part],
    protocol: LatencyProtocol = PUBLISHED,
    device: str | torch.device = "cpu",
    waiting: Callable[[], object] = lambda: None,
) -> Timing:
    """Measure the parts of a network's work, one after the other.

    No training, evaluation or other measurement of archrank runs on this machine meanwhile, see
    :mod:`archrank.isolation`.

    Args:
        network: Is in evaluation mode meanwhile.
        parts: Work on ``device``, see :func:`~archrank.hardware.workloads.workload`.
        protocol: Numbers of runs and threads.
        device: Device whose work is waited for.
        waiting: Called once if others have to end before.

    Warns:
        IsolationWarning: trainings cannot be kept from running beside.
    """
    device = torch.device(device)
    best: Timing | None = None
    with alone(waiting), mode(network, training=False), _quiet(protocol.threads):
        for tried in range(1, protocol.tries + 1):
            times = [time_runs(part.run, protocol, device) for part in parts]
            found = _timing(parts, times, protocol, tried)
            if best is None or found.spread < best.spread:
                best = found
            if not best.noisy:
                break
    assert best is not None  # there is at least one try
    return best._replace(tries=tried)


def time_runs(run: Callable[[], object], protocol: LatencyProtocol, device: torch.device) -> Floats:
    """Measure each of the protocol's runs in milliseconds: ``(repeats,)``.

    Work of a CPU is timed by the clock, that of a GPU between two events of its stream; the next
    run begins after both.
    """
    for _ in range(protocol.warmup):
        run()
    time_one = _by_events if device.type == "cuda" else _by_clock
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return np.array([time_one(run, device) for _ in range(protocol.repeats)])


def _by_clock(run: Callable[[], object], device: torch.device) -> float:
    start = perf_counter_ns()
    run()
    return (perf_counter_ns() - start) / 1e6


def _by_events(run: Callable[[], object], device: torch.device) -> float:
    with torch.cuda.device(device):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
        start.record()
        run()
        end.record()
        torch.cuda.synchronize(device)
    return float(start.elapsed_time(end))


def _timing(
    parts: Sequence[Part], times: Sequence[Floats], protocol: LatencyProtocol, tried: int
) -> Timing:
    """Average without the extremes."""
    drop = int(protocol.trim * protocol.repeats)
    kept = [np.sort(t)[drop : len(t) - drop] for t in times]
    means = [float(t.mean()) for t in kept]
    total = sum(means)
    spread = sum(float(t.std()) for t in kept) / total if total > 0 else 0.0
    named = {p.name: mean for p, mean in zip(parts, means, strict=True) if p.name}
    return Timing(total, spread, named, tried, spread >= protocol.spread)


@contextmanager
def _quiet(threads: int) -> Iterator[None]:
    """Run without gradients and without collecting garbage, which would count as time."""
    collecting = gc.isenabled()
    with torch_threads(threads), torch.inference_mode():
        gc.disable()
        try:
            yield
        finally:
            if collecting:
                gc.enable()
