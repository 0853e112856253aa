"""Latency measurement of one network on one device, by the protocol of RankNAS.

Hu et al., "RankNAS: Efficient Neural Architecture Search by Pairwise Ranking", EMNLP 2021, section
4.1 (after HAT): run the network 300 times, drop the fastest and the slowest 10 %, average the rest.

    >>> import torch
    >>> network = torch.nn.Linear(4, 2)
    >>> measure_latency(network, torch.zeros(1, 4), repeats=20) > 0
    True
"""

from __future__ import annotations

import gc
from time import perf_counter_ns

import numpy as np
import torch
from torch import nn

from archrank.hardware.protocol import require_counts, require_trim
from archrank.networks.inputs import Inputs, run
from archrank.torch_state import mode, torch_threads
from archrank.types import Floats

REPEATS, TRIM = 300, 0.1  # published


def measure_latency(
    network: nn.Module,
    x: Inputs,
    *,
    repeats: int = REPEATS,
    warmup: int = 10,
    trim: float = TRIM,
    threads: int = 1,
) -> float:
    """Measure the mean time of one call ``network(x)`` in milliseconds, without the extremes.

    Args:
        network: Network on the device of ``x``; it runs in evaluation mode, without gradients.
        x: One batch, ``(b, ...)``; or a tuple of such tensors, the network's arguments.
        repeats: Calls that are timed, one by one.
        warmup: Calls before them that are not timed.
        trim: Share of the calls to drop at either end, 0 to below 0.5.
        threads: CPU threads of torch.

    Raises:
        EvaluationError: A count is too small, or ``trim`` leaves no call to average.
    """
    require_trim("latency", trim)
    from scipy.stats import trim_mean

    times = time_calls(network, x, repeats=repeats, warmup=warmup, threads=threads)
    return float(trim_mean(times, trim))


def time_calls(
    network: nn.Module, x: Inputs, *, repeats: int = REPEATS, warmup: int = 10, threads: int = 1
) -> Floats:
    """Measure each of ``repeats`` calls ``network(x)`` in milliseconds: ``(repeats,)``.

    On a GPU, the clock is read only after each call has finished.

    Raises:
        EvaluationError: ``repeats`` or ``threads`` below 1, or ``warmup`` below 0.
    """
    require_counts("latency", repeats=(repeats, 1), warmup=(warmup, 0), threads=(threads, 1))
    device = (x[0] if isinstance(x, tuple) else x).device
    ticks = np.zeros((repeats, 2), dtype=np.int64)  # start and end, ns
    collecting = gc.isenabled()
    with mode(network, training=False), torch_threads(threads), torch.inference_mode():
        for _ in range(warmup):
            run(network, x)
        _wait(device)
        gc.disable()  # a garbage collection during a call would count as time of the network
        try:
            for call in ticks:
                call[0] = perf_counter_ns()
                run(network, x)
                _wait(device)
                call[1] = perf_counter_ns()
        finally:
            if collecting:
                gc.enable()
    times: Floats = (ticks[:, 1] - ticks[:, 0]) / 1e6
    return times


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
