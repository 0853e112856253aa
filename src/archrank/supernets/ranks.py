"""The processes that train one supernet together, and what they tell each other.

Gradients are summed here and not by ``torch.nn.parallel.DistributedDataParallel``, which divides
all of them by the number of processes and gives weights that no process used a gradient of zero:
their momentum and weight decay would move them. The processes train different architectures, so
the mean of a weight's gradient is over those architectures of all processes that used it. One
all-reduce of the gradients, the numbers of uses and the loss makes it exact.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from archrank.errors import SettingsError, WorkerError

TIMEOUT = 600.0  # seconds that a process waits for the others


@dataclass(frozen=True)
class Ranks:
    """One process among those that train a supernet together.

    Attributes:
        rank: number of this process; 0 writes checkpoints and shows progress.
        size: number of processes.
    """

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """True for the one process that writes and shows."""
        return self.rank == 0

    def add_up(self, numbers: Tensor) -> None:
        """Replace ``numbers`` by their sums over all processes, bit for bit the same in each.

        Raises:
            WorkerError: another process has ended, or does not answer.
        """
        if self.size > 1:
            self._together(lambda: dist.all_reduce(numbers))

    def told(self, value: Any = None) -> Any:
        """Return the ``value`` of the first process.

        Raises:
            WorkerError: another process has ended, or does not answer.
        """
        if self.size == 1:
            return value
        values = [value]
        self._together(lambda: dist.broadcast_object_list(values))
        return values[0]

    def _together(self, call: Any) -> None:
        try:
            call()
        except (RuntimeError, ValueError) as error:
            raise WorkerError(
                f"process {self.rank} of {self.size} waited for another one, which has ended or "
                f"does not answer: {' '.join(str(error).split())[:200]}"
            ) from None


@contextmanager
def processes(device: str = "cpu", timeout: float = TIMEOUT) -> Iterator[tuple[Ranks, str]]:
    """Join the processes that ``torchrun`` has started; without it there is this one alone.

    Args:
        device: ``"cpu"``, where they talk by gloo, or ``"cuda"``, by NCCL.
        timeout: seconds after which a process that does not answer is given up.

    Yields:
        This process among them, and its device: each has a GPU of its own.

    Raises:
        WorkerError: the others cannot be reached.
        SettingsError: this build of torch cannot join processes.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Ranks(), device
        return
    if not dist.is_available():
        raise SettingsError("this build of torch has no torch.distributed: start one process")
    cuda = torch.device(device).type == "cuda"
    try:
        dist.init_process_group("nccl" if cuda else "gloo", timeout=timedelta(seconds=timeout))
    except (RuntimeError, ValueError) as error:
        raise WorkerError(
            f"the {size} processes of this training did not find each other: "
            f"{' '.join(str(error).split())[:200]}"
        ) from None
    try:
        own = device
        if cuda:
            own = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
            torch.cuda.set_device(own)
        yield Ranks(dist.get_rank(), dist.get_world_size()), own
    finally:
        dist.destroy_process_group()
