"""Latency: the time that one call of a network takes on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archrank.checks import instance
from archrank.errors import FAILURES, EvaluationError, describe
from archrank.evaluators.base import Evaluations, Evaluator
from archrank.hardware.protocol import require_counts, require_trim
from archrank.metrics import Metric
from archrank.types import Archs

if TYPE_CHECKING:
    from typing_extensions import Self

    from archrank.spaces.base import Space
    from archrank.tasks.base import Task


class Latency(Evaluator):
    """Times each network in evaluation mode and averages without the extremes, in milliseconds.

    The protocol is RankNAS's (:mod:`archrank.hardware.latency`), with fewer repeats unless told
    otherwise. A clock is not repeatable: measure on a machine that does nothing else, with as many
    workers as it has idle cores at most.

    Args:
        task: shape of the inputs, which are random numbers.
        batch_size: inputs per call.
        device: ``"cpu"`` or a CUDA device.
        repeats: timed calls; RankNAS has 300.
        warmup: calls before them.
        trim: share of the calls that is dropped at either end.
        threads: of the CPU.

    Raises:
        EvaluationError: settings that leave nothing to measure, or no such device.

    Example:
        >>> import numpy as np
        >>> from archrank.spaces import NASBench201
        >>> from archrank.tasks import Digits
        >>> evaluator = Latency(Digits(), repeats=5).bind(NASBench201())
        >>> bool(evaluator.evaluate(np.ones((1, 6), dtype=np.uint8))["latency_ms"][0] > 0)
        True
    """

    metrics = (Metric("latency_ms", "minimize", "ms"),)
    task: Task

    def __init__(
        self,
        task: Task,
        batch_size: int = 1,
        device: str = "cpu",
        *,
        repeats: int = 50,
        warmup: int = 5,
        trim: float = 0.1,
        threads: int = 1,
    ) -> None:
        from archrank.tasks.base import Task

        require_counts(
            "Latency",
            batch_size=(batch_size, 1),
            repeats=(repeats, 1),
            warmup=(warmup, 0),
            threads=(threads, 1),
        )
        require_trim("Latency", trim)
        instance(task, Task, "Latency: task", "such as tasks.Digits()")
        instance(device, str, "Latency: device", "such as 'cpu'")
        if device != "cpu":
            _require_device(device)
        self.task = task
        self.batch_size = batch_size
        self.device = device
        self.repeats = repeats
        self.warmup = warmup
        self.trim = trim
        self.threads = threads

    def bind(self, space: Space, *, task: Task | None = None, seed: int = 0) -> Self:
        """Return a copy for ``space``."""
        bound = super().bind(space, task=self.task, seed=seed)
        bound._networks = space.networks(self.task)
        return bound

    def evaluate(self, archs: Archs) -> Evaluations:
        """Time each of ``archs: (n, d)``, one after the other."""
        rows = self.space.validate(archs)
        times = np.full(len(rows), np.nan)
        reasons: list[str | None] = [None] * len(rows)
        for i, arch in enumerate(rows):
            found = self._time(arch)
            if isinstance(found, str):
                reasons[i] = found
            else:
                times[i] = found
        return Evaluations({"latency_ms": times}, reasons)

    def _time(self, arch: NDArray[np.uint8]) -> float | str:
        """Return the milliseconds per call, or the reason for a failure."""
        from archrank.hardware.latency import measure_latency
        from archrank.networks.inputs import to_device
        from archrank.training.loop import initialise

        x = to_device(self.task.example(self.batch_size), self.device)
        try:
            network = initialise(lambda: self.networks.build(arch), 0).to(self.device)
            return measure_latency(
                network,
                x,
                repeats=self.repeats,
                warmup=self.warmup,
                trim=self.trim,
                threads=self.threads,
            )
        except (ImportError, OSError):
            raise  # the installation, not the architecture
        except FAILURES as error:
            return describe(error)

    def conditions(self) -> dict[str, str]:
        """Return the device and the task's name."""
        return {"device": self.device, "task": self.task.name}

    def describe(self) -> dict[str, Any]:
        """Return the protocol and the processor: latencies of two machines do not compare."""
        return {
            "evaluator": "latency",
            "task": self.task.identity(),
            "batch_size": self.batch_size,
            "device": self.device,
            "processor": _processor(self.device),
            "repeats": self.repeats,
            "warmup": self.warmup,
            "trim": self.trim,
            "threads": self.threads,
        }


def _require_device(device: str) -> None:
    """Raise ``EvaluationError`` unless torch can put a tensor on ``device``."""
    import torch

    try:
        torch.empty(1, device=device)
    except Exception as error:
        first = str(error).splitlines()[0]
        raise EvaluationError(
            f"Latency: no device {device!r} here ({first}); use 'cpu', or 'cuda' with a GPU"
        ) from None


def _processor(device: str) -> str:
    """Return the name of the processor that computes on ``device``."""
    if device != "cpu":
        import torch

        if torch.device(device).type == "cuda":
            return torch.cuda.get_device_name(device)
    from archrank.environment import environment

    return environment()["processor"]
