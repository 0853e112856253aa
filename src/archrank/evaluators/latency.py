"""Latency: the time that one call of a network takes on this machine."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archrank.checks import instance
from archrank.errors import FAILURES, EvaluationError, describe
from archrank.evaluators.timed import TimedNetworks
from archrank.hardware.measured import processor
from archrank.hardware.protocol import LatencyProtocol

if TYPE_CHECKING:
    from archrank.hardware.latency import Timing
    from archrank.tasks.base import Task

SHORT = LatencyProtocol(repeats=50)


class Latency(TimedNetworks):
    """Times each network in evaluation mode and averages without the extremes, in milliseconds.

    The protocol is that of HAT and RankNAS (:mod:`archrank.hardware`), with fewer runs unless told
    otherwise: a forward pass of most networks; of translation Transformers, the encoder once and
    the decoder step by step. ``latency_spread`` is the standard deviation over the mean of the
    runs; at 1.5 % or more a measurement is noisy even though it was made three times.

    A network is timed when no training and no other measurement of archrank runs on the machine:
    workers that train finish first, and wait then (:mod:`archrank.isolation`).

    Args:
        task: shape of the inputs, which are made up.
        protocol: numbers of runs, threads, batch, lengths, type; ``None``: the published one with
            50 runs instead of 300.
        device: ``"cpu"`` or a CUDA device.
        waiting: called where others have to end before a network is timed; ``None``: nobody is.

    Raises:
        EvaluationError: no such device.

    Example:
        >>> import numpy as np
        >>> from archrank.spaces import NASBench201
        >>> from archrank.tasks import Digits
        >>> evaluator = Latency(Digits(), LatencyProtocol(repeats=5)).bind(NASBench201())
        >>> bool(evaluator.evaluate(np.ones((1, 6), dtype=np.uint8))["latency_ms"][0] > 0)
        True
    """

    def __init__(
        self,
        task: Task,
        protocol: LatencyProtocol | None = None,
        device: str = "cpu",
        *,
        waiting: Callable[[], object] | None = None,
    ) -> None:
        from archrank.tasks.base import Task

        instance(task, Task, "Latency: task", "such as tasks.Digits()")
        if protocol is not None:
            instance(protocol, LatencyProtocol, "Latency: protocol")
        instance(device, str, "Latency: device", "such as 'cpu'")
        if device != "cpu":
            from archrank.torch_state import require_device

            require_device(device, EvaluationError, instead="Measure on 'cpu' instead")
        super().__init__(task, waiting)
        self.protocol = protocol if protocol is not None else SHORT
        self.device = device

    def time(self, arch: NDArray[np.uint8]) -> Timing | str:
        """Time the network of ``arch: (d,)``; return the reason where that fails.

        Warns:
            IsolationWarning: trainings cannot be kept from running beside.
        """
        import torch

        from archrank.hardware.latency import measure_parts
        from archrank.hardware.workloads import workload
        from archrank.training.loop import initialise

        try:
            network = initialise(lambda: self.networks.build(arch), 0)
            network = network.to(self.device, getattr(torch, self.protocol.dtype))
            parts = workload(network, self.task, self.protocol, self.device)
            return measure_parts(network, parts, self.protocol, self.device, self.waiting)
        except (ImportError, OSError):
            raise  # the installation, not the architecture
        except FAILURES as error:
            return describe(error)

    def careful(self) -> Latency:
        """Return an evaluator of the same latency by the published protocol of 300 runs or more."""
        careful = copy(self)
        repeats = max(LatencyProtocol().repeats, self.protocol.repeats)
        careful.protocol = replace(self.protocol, repeats=repeats)
        return careful

    def conditions(self) -> dict[str, str]:
        """Return the device and the task's name."""
        return {"device": self.device, "task": self.task.name}

    def describe(self) -> dict[str, Any]:
        """Return the protocol and the processor: latencies of two machines do not compare."""
        return {
            "evaluator": "latency",
            "task": self.task.identity(),
            "device": self.device,
            "processor": processor(self.device),
            "protocol": self.protocol.describe(),
        }
