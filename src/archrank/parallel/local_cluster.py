"""A Dask cluster of this machine: a scheduler, and workers that have the resources of calls."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Any

from archrank.errors import SettingsError

GPU = "GPU"  # name of the resource that is one GPU; each worker then sees one alone


def start_local(workers: int | None, resources: Mapping[str, float]) -> Any:
    """Start a scheduler and workers on this machine; ``close()`` ends them.

    Args:
        workers: worker processes; ``None`` is one per core, or per GPU where calls need GPUs.
        resources: of one call; each worker has as much, so it makes one call at a time.

    Raises:
        SettingsError: calls need a GPU, and there are fewer than workers.
    """
    from distributed import Nanny, Scheduler, SpecCluster

    devices = _devices(workers, resources)
    quiet: dict[str, Any] = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
    specs: dict[str, Any] = {}
    for i in range(len(devices)):
        options = {"nthreads": 1, "host": "127.0.0.1", "resources": dict(resources), **quiet}
        options["silence_logs"] = logging.ERROR
        options["env"] = {"CUDA_VISIBLE_DEVICES": devices[i]} if devices[i] is not None else {}
        specs[f"worker{i}"] = {"cls": Nanny, "options": options}
    scheduler = {"cls": Scheduler, "options": {"host": "127.0.0.1", "port": 0, **quiet}}
    return SpecCluster(scheduler=scheduler, workers=specs, silence_logs=logging.CRITICAL)


def _devices(workers: int | None, resources: Mapping[str, float]) -> list[str | None]:
    """Return the GPU of each worker, ``None`` without one.

    Raises:
        SettingsError: there are too few.
    """
    each = resources.get(GPU, 0)
    if not each:
        return [None] * (workers or _cores())
    import torch

    there = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = [str(i) for i in range(torch.cuda.device_count())]
    names = there.split(",")[: len(names)] if there else names
    sets = [names[i : i + int(each)] for i in range(0, len(names) - int(each) + 1, int(each))]
    if len(sets) < (workers or 1):
        raise SettingsError(
            f"--cluster local --resources {GPU}={each:g}: this machine has {len(names)} GPU"
            f"{'s' * (len(names) != 1)}, fewer than {workers or 1} x {each:g}; give fewer "
            "--workers, or leave --resources out"
        )
    return [",".join(each) for each in sets[: workers or len(sets)]]


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def read_resources(texts: tuple[str, ...]) -> dict[str, float]:
    """Read resources of a call, each as ``NAME=NUMBER``.

    Raises:
        SettingsError: text of another form, a number that is not positive, parts of a GPU, or a
            name twice.

    Example:
        >>> read_resources(("GPU=1",))
        {'GPU': 1.0}
    """
    found: dict[str, float] = {}
    for text in texts:
        name, _, number = text.partition("=")
        try:
            value = float(number)
        except ValueError:
            value = float("nan")
        if not name.strip() or not 0 < value < float("inf"):
            raise SettingsError(
                f"--resources {text}: expected NAME=NUMBER, as workers were started with, such as "
                "GPU=1"
            )
        if name == GPU and value != int(value):
            raise SettingsError(f"--resources {text}: a call has whole GPUs, such as GPU=1")
        if name in found:
            raise SettingsError(f"--resources {text}: {name} is given twice")
        found[name] = value
    return found
