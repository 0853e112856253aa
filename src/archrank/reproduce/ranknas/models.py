"""Networks that the searches of a repetition find, trained from scratch and timed, by method."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from archrank.reproduce.base import Announce, Claim, Found, nobody
from archrank.reproduce.ranknas.extent import Extent
from archrank.reproduce.ranknas.measured import Measured
from archrank.reproduce.ranknas.searching import Searches
from archrank.reproduce.ranknas.trainings import Trainings
from archrank.spaces.base import Space
from archrank.types import Archs, Floats

TRANSFORMER, HAT, RANKNAS, RANDOM = "Transformer", "HAT", "RankNAS", "random search"
NAMES = {"cpu": "CPU", "cuda": "GPU"}
Runs: TypeAlias = Sequence[Found]
"""Repetitions, each with the results of its methods by name."""


@dataclass(frozen=True)
class Repetition:
    """One supernet and the searches under it.

    Attributes:
        space: Name of the space.
        number: Seed of the supernet, the searches and the trainings from scratch.
        extent: Length of everything.
        folder: Where all is kept.
        methods: Names of the methods to compare.
        devices: Devices to search for; none: search for accuracy alone.
        announce: Told of trainings and measurements.
    """

    space: str
    number: int
    extent: Extent
    folder: Path
    methods: tuple[str, ...]
    devices: tuple[str, ...] = ()
    announce: Announce = nobody

    @property
    def trainings(self) -> Trainings:
        """Supernet, and trainings from scratch."""
        return Trainings(self.space, self.number, self.extent, self.folder, self.announce)

    def searches(self, device: str = "cpu") -> Searches:
        """Return the searches for a device, or for accuracy alone."""
        extent, measured = self.extent, Measured(self.trainings, device)
        if self.devices:
            return Searches(measured, extent.labels)
        return Searches(measured, extent.accurate, hardware_aware=False)


def devices() -> tuple[str, ...]:
    """Return the devices of this machine that latencies can be measured on."""
    import torch

    return ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",)


def usual(space: Space) -> Archs:
    """Return the Transformer of a space: ``(1, d)``.

    It has the largest option of every size, norms after the residual sum (Vaswani et al., 2017),
    and its decoder attends to the last layer of the encoder alone.
    """
    chosen: list[int] = []
    for choice in space.choices:
        options: list[Any] = list(choice.options)
        wanted = "post" if "post" in options else max(options)
        if choice.name.startswith("dec_arbitrary"):
            wanted = 1
        chosen.append(options.index(wanted))
    return space.canonical(np.array([chosen], dtype=np.uint8))


def compare(repetition: Repetition) -> Found:
    """Search by every method, train what is found from scratch, time it; once per device.

    Returns:
        By device (``accuracy`` where latency is no goal) and method: metrics of the network,
        ``params``, ``macs``, ``latency_ms``, and ``search`` as :class:`Searches` tells it; and by
        device the ``limit`` in ms; ``seconds`` in all.
    """
    start = time.perf_counter()
    found: Found = {}
    for device in repetition.devices or ("accuracy",):
        searches = repetition.searches("cpu" if device == "accuracy" else device)
        found[device] = _compared(repetition, searches) | {"limit": searches.limit}
    return found | {"seconds": time.perf_counter() - start}


def _compared(repetition: Repetition, searches: Searches) -> Found:
    trainings = repetition.trainings
    networks = trainings.networks
    made = {TRANSFORMER: usual(networks.space)}
    told: Found = {}
    for method in repetition.methods:
        if method != TRANSFORMER:
            told[method] = _searched(searches, method)
            made[method] = networks.space.parse([told[method]["arch"]])
    archs = np.concatenate([made[method] for method in repetition.methods])
    alone = trainings.alone(archs, seed=repetition.number)
    costs = networks.cost(archs)
    ms = searches.measured.confirmed(archs)["latency_ms"] if repetition.devices else None
    return {
        method: {
            **{name: value for name, value in alone[i].items() if name != "cpu_seconds"},
            **{name: float(values[i]) for name, values in costs.items()},
            "latency_ms": math.nan if ms is None else ms[i],
            "search": told.get(method),
        }
        for i, method in enumerate(repetition.methods)
    }


def _searched(searches: Searches, method: str) -> Found:
    if method == HAT:
        return searches.hat()
    found = searches.ranknas()
    return found if method == RANKNAS else searches.random(total(found))


def total(search: Found) -> float:
    """Return the CPU seconds of a search, without the supernet's training."""
    return float(sum(search["cpu_seconds"].values()))


def column(runs: Runs, method: str, name: str) -> Floats:
    """Return a number of a method in every repetition: ``(n,)``."""
    return np.array([run[method][name] for run in runs], dtype=np.float64)


def costs_of(runs: Runs, method: str) -> Floats:
    """Return the CPU seconds of a method's search in every repetition: ``(n,)``."""
    return np.array([total(run[method]["search"]) for run in runs])


def noise(runs: Runs, name: str) -> float:
    """Return the standard error of a difference of two means over repetitions; 0 of one.

    It is that of trainings of one network, the Transformer, which is the same in all of them.
    """
    values = column(runs, TRANSFORMER, name)
    return float(values.std(ddof=1) * math.sqrt(2 / len(values))) if len(values) > 1 else 0.0


def no_worse(runs: Runs, rival: str, name: str, text: str, *, published: bool = True) -> Claim:
    """Judge that RankNAS's network has no larger loss or perplexity than a rival's."""
    ours, theirs = column(runs, RANKNAS, name).mean(), column(runs, rival, name).mean()
    error = noise(runs, name)
    measured = f"{ours:.3f}, {rival} {theirs:.3f}"
    if len(runs) > 1:
        measured += f", noise {error:.3f}"
    return Claim(text, bool(ours - theirs <= error), measured, published)
