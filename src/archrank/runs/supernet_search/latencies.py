"""Latency of every architecture of a space: measured of some, predicted of the others.

As in RankNAS (Hu et al., EMNLP 2021), which ranks by predicted latency; the ranker is calibrated to
milliseconds, since limits are milliseconds. What is chosen in the end is measured by the full
protocol before it is believed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from archrank.errors import ArchrankError, SettingsError
from archrank.formatting import significant
from archrank.hardware.measured import LATENCY, MeasuredLatencies
from archrank.hardware.protocol import LatencyProtocol
from archrank.isolation import WAITING
from archrank.rankers import RANKERS
from archrank.runs.supernet_search.memory import Memory
from archrank.runs.supernet_search.results import Finalist, SubnetSearch
from archrank.runs.supernet_search.settings import Limits, SubnetSettings
from archrank.types import Archs, Floats

if TYPE_CHECKING:
    from archrank.rankers.calibrated_latency import CalibratedLatency
    from archrank.spaces.networks import Networks

KIND, BASELINES = "default", ("linear", "decoder_layers")
AT_ONCE = 16  # architectures that are measured together before they are kept
FULL = LatencyProtocol().repeats

SLOWER = 1.1  # measured over predicted, from where a machine is told to be slower than it was

Watch = Callable[[str, int, int], object]


@dataclass(frozen=True)
class Latencies:
    """Measurements of latency of one search.

    Attributes:
        networks: of its space and task.
        memory: keeps what is measured.
        protocol: of the measurements that a ranker learns from.
        device: where they are made.
        watch: called with the progress.
        table: of latencies that were measured before; ``None``: there is none.
    """

    networks: Networks
    memory: Memory
    protocol: LatencyProtocol
    device: str
    watch: Watch
    table: MeasuredLatencies | None = None

    @classmethod
    def of(
        cls,
        networks: Networks,
        settings: SubnetSettings,
        memory: Memory,
        watch: Watch,
        table: MeasuredLatencies | None,
    ) -> Latencies:
        """Return measurements as the table was made, or else as the settings say, on the CPU."""
        protocol = LatencyProtocol(repeats=settings.repeats) if table is None else table.protocol
        device = "cpu" if table is None else table.device
        return cls(networks, memory, protocol, device, watch, table)

    def measure(self, archs: Archs, *, full: bool = False) -> Floats:
        """Measure latencies, ms: ``(n,)``; NaN where that fails.

        Args:
            archs: ``(n, d)``.
            full: by the published protocol of 300 runs.
        """
        from archrank.evaluators.latency import Latency

        protocol = self.protocol
        if full:
            protocol = replace(protocol, repeats=max(FULL, protocol.repeats))
        assert self.networks.task is not None  # a supernet was trained on one
        latency = Latency(
            self.networks.task,
            protocol,
            self.device,
            waiting=lambda: self.watch(WAITING, 0, len(archs)),
        ).bind(self.networks.space)
        return self.memory.measure(
            f"full_{LATENCY}" if full else LATENCY,
            archs,
            lambda rows: latency.evaluate(rows)[LATENCY],
            at_once=AT_ONCE,
            progress=partial(self.watch, f"measuring latencies{' of the best' if full else ''}"),
        )

    def confirm(self, found: SubnetSearch) -> SubnetSearch:
        """Measure the best within each limit again, by the full protocol, until all best are so.

        A finalist that exceeds a limit then is not the best within it any more; a note tells.
        """
        confirmed: set[str] = set()
        while True:
            new = [f for f in found.winners.values() if f and f.architecture not in confirmed]
            if not new:
                return found
            winner = new[0]
            confirmed.add(winner.architecture)
            ms = float(self.measure(self.networks.space.parse([winner.architecture]), full=True)[0])
            again = replace(winner, metrics={**winner.metrics, LATENCY: ms})
            after = replace(
                found,
                finalists=tuple(again if f == winner else f for f in found.finalists),
            )
            found = replace(after, notes=(*found.notes, *_lost(found, winner, again)))


def _lost(found: SubnetSearch, old: Finalist, new: Finalist) -> list[str]:
    """Tell the limits within which a finalist was the best and that it does not keep now."""
    limits = {text: most for text, most in found.limits.items() if found.cost == LATENCY}
    limits |= {bound.text: bound.most for bound in found.others if bound.cost == LATENCY}
    first, again = old.value(LATENCY), new.value(LATENCY)
    return [
        f"{old.architecture} does not keep {text}: {significant(again)} ms by {FULL} runs, "
        f"{significant(first)} ms before"
        for text, most in limits.items()
        if first <= most and not again <= most
    ]


def slower_now(found: SubnetSearch, predicted: Floats) -> list[str]:
    """Tell that latencies of finalists are above what was predicted, as on a machine that is busy.

    Args:
        found: with measured latencies.
        predicted: latencies of its finalists with the margin, which nine in ten keep, ``(k,)``.

    Returns:
        A note, or none. A ranker that is wrong about some of them is wrong in both directions; the
        median tells the machine.
    """
    measured = np.array([finalist.value(LATENCY) for finalist in found.finalists])
    known = np.isfinite(measured)
    if not known.any():
        return []
    times = float(np.median(measured[known] / predicted[known]))
    if times <= SLOWER:
        return []
    return [
        f"finalists take {significant(times)} times as long as is predicted, with its margin, from "
        "the latencies that were measured first: is this machine busier now? Search again while it "
        "is idle, or measure those again"
    ]


def archs_to_time(networks: Networks, n: int, *, rng: np.random.Generator) -> Archs:
    """Draw architectures evenly over all sizes, after the smallest and the largest: ``(k, d)``."""
    prior = networks.flops_prior
    drawn = prior.sample(n - 2, rng=rng, targets=rng.choice(prior.targets, n - 2))
    return np.concatenate([networks.smallest[None], networks.largest[None], drawn])


def predicted_latency(
    networks: Networks, archs: Archs, ms: Floats
) -> tuple[Callable[[Archs], Floats], dict[str, float]]:
    """Return a function that predicts milliseconds with a margin, and how good predictions are.

    Args:
        networks: of the architectures.
        archs: ``(k, d)`` architectures that were measured.
        ms: their latencies, ``(k,)``.

    Returns:
        ``(n, d) -> (n,)``, latencies that nine in ten architectures keep; and by name the labels,
        the margin, tau and mean error in milliseconds of held-out predictions, beside those of
        baselines that suit the space.

    Raises:
        LabelError: too few latencies are known, or all are equal.
    """
    known = np.isfinite(ms)
    found = _calibrated(KIND, networks, archs[known], ms[known])
    judged = {"labels": float(known.sum()), "margin": found.margin}
    judged |= {"tau": found.held_out.tau, "error_ms": found.held_out.error_ms}
    for name in BASELINES:
        try:
            plain = _calibrated(name, networks, archs[known], ms[known]).held_out
        except ArchrankError:  # the space has no layers to count
            continue
        judged |= {f"tau_{name}": plain.tau, f"error_ms_{name}": plain.error_ms}
    return found.upper_ms, judged


def _calibrated(name: str, networks: Networks, archs: Archs, ms: Floats) -> CalibratedLatency:
    from archrank.rankers.calibrated_latency import CalibratedLatency

    return CalibratedLatency(RANKERS.get(name)(networks.space)).fit(archs, ms)


def read_latencies(
    path: Path | None, limits: Limits, networks: Networks
) -> MeasuredLatencies | None:
    """Read a table of latencies that can be measured again here; ``None`` without a path.

    Raises:
        SettingsError: no limit is one of the latency.
        TableError: it cannot be read, or is of another task, device or version.
    """
    if path is None:
        return None
    if LATENCY not in limits.costs:
        raise SettingsError(
            f"--latency-table {path} serves limits of latency_ms, and there is none: add --limit "
            "'latency_ms<=...', or leave the table out"
        )
    assert networks.task is not None  # a supernet was trained on one
    table = MeasuredLatencies.read(path, networks.space)
    table.require_here(networks.task)
    return table
