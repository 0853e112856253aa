"""Measurements that the searches of HAT and RankNAS learn from, with their CPU time.

Latencies and losses are of the same random architectures. All is kept in the run folder.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from archrank.errors import EvaluationError
from archrank.evaluators.latency import Latency
from archrank.hardware.measured import LATENCY, described
from archrank.hardware.protocol import LatencyProtocol
from archrank.reproduce.base import Found
from archrank.reproduce.ranknas.trainings import Trainings, drawn
from archrank.reproduce.workplace import kept
from archrank.tasks.text.vocabulary import digest_of
from archrank.types import Archs, Floats

AT_ONCE = 20  # architectures that are timed together before they are kept


@dataclass(frozen=True)
class Labels:
    """Random architectures, measured for rankers.

    Attributes:
        archs: ``(n, d)``.
        values: Losses, or latencies in ms: ``(n,)``.
        cpu_seconds: CPU seconds of all measurements.
    """

    archs: Archs
    values: Floats
    cpu_seconds: float


@dataclass(frozen=True)
class Measured:
    """Losses and latencies of architectures under one supernet, on one device.

    Attributes:
        trainings: Supernet, and trainings from scratch.
        device: Device on which latencies are measured.
    """

    trainings: Trainings
    device: str = "cpu"

    @cached_property
    def quick(self) -> Trainings:
        """The supernet, scoring on the examples of a search's scores."""
        extent = self.trainings.extent
        return replace(self.trainings, extent=replace(extent, examples=extent.searched))

    @cached_property
    def thorough(self) -> Trainings:
        """The supernet, scoring on all validation data."""
        extent = self.trainings.extent
        return replace(self.trainings, extent=replace(extent, examples=extent.held_out))

    def sampled(self, n: int) -> Archs:
        """Draw random architectures, all different: ``(n, d)``; up to 2,000, fewer begin more."""
        rng = np.random.default_rng([self.trainings.seed, 3])
        return drawn(self.trainings.networks, n, rng=rng)

    def losses(self, n: int) -> Labels:
        """Measure the supernet's losses of random architectures."""
        archs = self.sampled(n)
        found = self.quick.scored(archs, "labels")
        return Labels(archs, np.array(found["loss"]), found["cpu_seconds"])

    def latencies(self, n: int) -> Labels:
        """Measure latencies of random architectures, each once, as HAT's table was made."""
        archs = self.sampled(n)
        protocol = LatencyProtocol(repeats=self.trainings.extent.calls, tries=1)
        parts = [self._timed(archs[k : k + AT_ONCE], protocol) for k in range(0, n, AT_ONCE)]
        values = np.concatenate([part[LATENCY] for part in parts])
        return Labels(archs, values, sum(part["cpu_seconds"] for part in parts))

    def confirmed(self, archs: Archs) -> Found:
        """Measure latencies by the whole published protocol: ``latency_ms``, ``cpu_seconds``."""
        return self._timed(archs, LatencyProtocol(repeats=self.trainings.extent.confirmed))

    def _timed(self, archs: Archs, protocol: LatencyProtocol) -> Found:
        trainings = self.trainings
        texts = trainings.networks.space.format(archs)
        about = {"archs": texts, **described(trainings.task, protocol, self.device)}

        def measure() -> Found:
            latency = Latency(trainings.task, protocol, self.device).bind(trainings.networks.space)
            with trainings.announced(f"timing {len(archs)} networks on {self.device}"):
                start = time.process_time()
                values = latency.evaluate(archs)[LATENCY]
                seconds = time.process_time() - start
            if not np.isfinite(values).all():
                failed = texts[int(np.flatnonzero(~np.isfinite(values))[0])]
                raise EvaluationError(f"the latency of {failed} cannot be measured")
            return {LATENCY: values.tolist(), "cpu_seconds": seconds}

        name = f"{digest_of(*texts)[:12]}-{protocol.repeats}.json"
        folder = trainings.folder / trainings.space / f"latencies-{self.device}"
        return kept(folder / name, about, measure)
