"""Dry run of a training: some updates, and the time and memory that they take."""

from __future__ import annotations

import itertools
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from archrank.supernets.checkpoints import packed

if TYPE_CHECKING:
    from archrank.supernets.training import SupernetTraining

UPDATES = 2  # the first one is slow: kernels are made, and the prior of FLOPs is drawn
STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class DryRun:
    """Costs of a training.

    Attributes:
        seconds: duration of each update.
        cpu_seconds: CPU time of each; a busy machine makes the duration longer.
        peak_bytes: most memory at a time: on a CPU the whole process's, on a GPU that of tensors;
            ``None`` where the system does not tell.
        params: weights of the supernet.
        checkpoint_bytes: size of a checkpoint.
    """

    seconds: tuple[float, ...]
    cpu_seconds: tuple[float, ...]
    peak_bytes: int | None
    params: int
    checkpoint_bytes: int


def dry_run(training: SupernetTraining, updates: int = UPDATES) -> DryRun:
    """Take the first updates of a training, and measure them; writes nothing.

    Args:
        training: freshly made; its weights change.
        updates: how many; an epoch's at most.

    Raises:
        ArchrankError: as :meth:`SupernetTraining.run_epoch
            <archrank.supernets.training.SupernetTraining.run_epoch>`.
    """
    times = [(time.perf_counter(), time.process_time())]
    with closing(training.updates()) as made:
        for _ in itertools.islice(made, updates):
            if training.device.type == "cuda":
                torch.cuda.synchronize(training.device)
            times.append((time.perf_counter(), time.process_time()))
    peak = peak_memory(training.device)
    wall, cpu = np.diff(times, axis=0).T.tolist()
    return DryRun(
        tuple(wall),
        tuple(cpu),
        peak,
        sum(p.numel() for p in training.supernet.parameters()),
        len(packed(*training.state())),
    )


def peak_memory(device: torch.device) -> int | None:
    """Return the most bytes that were in use at a time, ``None`` if the system does not tell.

    On a GPU these are the bytes of tensors, on a CPU the resident memory of this process.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if STATUS.exists():  # unlike getrusage, it does not count who started this process
        lines = (line.split() for line in STATUS.read_text().splitlines())
        return next((1024 * int(line[1]) for line in lines if line[0] == "VmHWM:"), None)
    if sys.platform == "win32":
        return None
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most
