"""The searches of HAT and of RankNAS under one supernet, each step with its CPU seconds.

HAT (Wang et al., ACL 2020) learns a predictor of latencies, and evolves architectures whose scores
are losses of the supernet itself. RankNAS (Hu et al., EMNLP 2021, sections 3 and 4.1) learns
rankers of losses and of latencies, fixes decisions that matter little to both, and evolves under
the rankers' scores. Here its finalists are measured before the best is chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np

from archrank.errors import SpaceError
from archrank.importance.pruning import THRESHOLDS
from archrank.rankers.calibrated_latency import CalibratedLatency
from archrank.rankers.hat_latency import HATLatency
from archrank.rankers.trees.gbdt import RankNAS
from archrank.reproduce.base import Found
from archrank.reproduce.ranknas.measured import Labels, Measured
from archrank.reproduce.ranknas.stopwatch import Progress, Stopwatch
from archrank.reproduce.workplace import kept
from archrank.rows import distinct
from archrank.runs.supernet_search.pruning import Prune
from archrank.spaces.base import Space
from archrank.strategies.evaluated import Evaluated
from archrank.types import Archs, Floats

LIMIT = 0.5  # quantile of the measured latencies that is the limit
HAT_TIMED = 2_000  # architectures whose latency HAT measures
PARTS = ("data", "rankers", "pruning", "search")
Cost = Callable[[Archs], Floats]


@dataclass(frozen=True)
class Searches:
    """Searches of one space under one supernet, for one device.

    Attributes:
        measured: Supernet, device, and what was measured of random architectures.
        labels: Random architectures that rankers learn from.
        hardware_aware: Keep a limit of the latency.
    """

    measured: Measured
    labels: int
    hardware_aware: bool = True

    @property
    def limit(self) -> float:
        """Limit of the latency in ms, a quantile of those of random architectures."""
        if not self.hardware_aware:
            return np.inf
        return float(np.quantile(self.measured.latencies(self.labels).values, LIMIT))

    def hat(self) -> Found:
        """Search as HAT, latency first.

        Its latencies are extrapolated: the predictor learns the labels that RankNAS has, and their
        costs are multiplied to those of 2,000.

        Returns:
            ``arch``: the winner; ``cpu_seconds`` of each of :data:`PARTS`; architectures ``scored``
            in all, and ``settled`` until the best did not change, with ``settled_seconds``.
        """
        timed = self.measured.latencies(self.labels)
        return self._kept("hat", lambda: self._hat(timed))

    def _hat(self, timed: Labels) -> Found:
        trainings = self.measured.quick
        space, seed, limit = trainings.networks.space, trainings.seed, self.limit
        watch = Stopwatch()
        predictor = HATLatency(space, seed=seed).fit(timed.archs, -timed.values)
        rankers = watch.seconds
        watch, quickest = Stopwatch(), timed.archs[[int(timed.values.argmin())]]

        def score(archs: Archs) -> Floats:
            found = watch.kept(lambda: trainings.scored(archs, "evolution"))
            return -np.array(found["loss"], dtype=np.float64)

        progress = Progress(watch)
        seen = trainings.extent.evolution.run(
            space,
            score,
            lambda archs: -predictor.predict(archs),
            start=quickest,
            limits=[limit],
            seed=seed,
            progress=progress,
        )
        winner = seen.archs[seen.best()] if len(seen) else quickest
        data = timed.cpu_seconds * HAT_TIMED / len(timed.archs)
        costs = (data, rankers, 0.0, watch.seconds)
        return self._told(winner, costs, seen, progress)

    def ranknas(self, *, prune: bool = True) -> Found:
        """Search as RankNAS: rankers, pruning, evolution; finalists are measured.

        Returns:
            As :meth:`hat`, and ``kept``: kinds of decisions that are searched.
        """
        losses = self.measured.losses(self.labels)
        timed = self.measured.latencies(self.labels) if self.hardware_aware else None
        name = "ranknas" if prune else "ranknas-unpruned"
        return self._kept(name, lambda: self._ranknas(losses, timed, prune))

    def _ranknas(self, losses: Labels, timed: Labels | None, prune: bool) -> Found:
        trainings, limit = self.measured.trainings, self.limit
        networks, seed = trainings.networks, trainings.seed
        archs, space = losses.archs, networks.space
        watch = Stopwatch()
        ranker = RankNAS(space, seed=seed).fit(archs, -losses.values)
        cost: Cost = lambda rows: networks.cost(rows)["params"]  # noqa: E731  # tells ties apart
        if timed is not None:
            cost = CalibratedLatency(RankNAS(space, seed=seed)).fit(archs, timed.values).upper_ms
        rankers = watch.seconds
        watch = Stopwatch()
        slow = np.zeros(len(archs)) if timed is None else np.maximum(timed.values - limit, 0.0)
        best = archs[np.lexsort([losses.values, slow])[:1]]
        inside, names = self._pruned(losses, timed, best) if prune else (space, ())
        pruning = watch.seconds
        watch = Stopwatch()
        progress = Progress(watch)
        seen = trainings.extent.evolution.run(
            inside,
            ranker.predict,
            cost,
            start=archs[:0],
            limits=[limit] if timed is not None else (),
            seed=seed,
            progress=progress,
        )
        rows = seen.best(trainings.extent.finalists)
        winner = self._chosen(np.concatenate([seen.archs[rows], best]), limit, watch)
        data = losses.cpu_seconds + (0.0 if timed is None else timed.cpu_seconds)
        costs = (data, rankers, pruning, watch.seconds)
        return self._told(winner, costs, seen, progress) | {"kept": list(names)}

    def _pruned(
        self, losses: Labels, timed: Labels | None, best: Archs
    ) -> tuple[Space, tuple[str, ...]]:
        """Return the pruned space, and the kinds of decisions that are left."""
        trainings = self.measured.trainings
        space = trainings.networks.space
        several = [(each.archs, -each.values) for each in (losses, timed) if each is not None]
        kind = "hardware_aware" if self.hardware_aware else "high_accuracy"
        rule = Prune(self.labels, THRESHOLDS[kind][1])
        ranker = RankNAS(space, seed=trainings.seed)
        try:
            inside, found = rule.prune(ranker, several, best, seed=trainings.seed)
        except SpaceError:  # nothing is so important
            return space, ()
        return inside, found.kept

    def random(self, seconds: float) -> Found:
        """Take the best by the supernet's loss of as many architectures as so many seconds allow.

        The architectures that rankers learn from are the first of them. The finalists are measured
        as those of RankNAS.

        Returns:
            As :meth:`hat`.
        """
        first = self.measured.losses(self.labels)
        n = max(self.labels + 1, round(seconds / first.cpu_seconds * self.labels))
        return self._kept("random", lambda: self._random(first, n), n=n)

    def _random(self, first: Labels, n: int) -> Found:
        watch = Stopwatch()
        archs = self.measured.sampled(n)
        more = watch.kept(lambda: self.measured.quick.scored(archs[self.labels :], "random"))
        losses = np.concatenate([first.values, more["loss"]])
        order = np.argsort(losses, kind="stable")
        finalists = archs[order[: self.measured.trainings.extent.finalists + 1]]
        winner = self._chosen(finalists, np.inf, watch)
        seen = Evaluated(archs, -losses, losses)
        costs = (first.cpu_seconds, 0.0, 0.0, watch.seconds)
        return self._told(winner, costs, seen, Progress(watch, [n], [watch.seconds]))

    def _chosen(self, archs: Archs, limit: float, watch: Stopwatch) -> Archs:
        """Return the best of finalists by loss on all validation data that keeps the limit: (1, d).

        Where none keeps it by the whole protocol, it is the fastest.
        """
        archs = distinct(self.measured.trainings.networks.space.canonical(archs))
        found = watch.kept(lambda: self.measured.thorough.scored(archs, "finalists"))
        order = np.argsort(found["loss"], kind="stable")
        if not np.isfinite(limit):
            return archs[order[:1]]
        ms: list[float] = []
        for row in order:
            again = watch.kept(partial(self.measured.confirmed, archs[[row]]))
            ms.append(again["latency_ms"][0])
            if ms[-1] <= limit:
                return archs[[row]]
        return archs[[order[int(np.argmin(ms))]]]

    def _told(
        self, winner: Archs, costs: Sequence[float], seen: Evaluated, progress: Progress
    ) -> Found:
        space = self.measured.trainings.networks.space
        settled, seconds = progress.settled(seen.scores)
        return {
            "arch": space.format(winner)[0],
            "cpu_seconds": dict(zip(PARTS, costs, strict=True)),
            "scored": len(seen),
            "settled": settled,
            "settled_seconds": seconds,
        }

    def _kept(self, name: str, search: Callable[[], Found], **about: Any) -> Found:
        """Return the results of a search that was made before, or make it."""
        trainings = self.measured.trainings
        goal = self.measured.device if self.hardware_aware else "accuracy"
        path = trainings.folder / trainings.space / f"searches-{trainings.seed}"
        about = {"extent": asdict(trainings.extent), "labels": self.labels, **about}
        about |= {"task": trainings.task.identity()}
        if self.hardware_aware:
            about["limit"] = self.limit

        def measure() -> Found:
            with trainings.announced(f"supernet {trainings.seed}, search {name} for {goal}"):
                return search()

        return kept(path / f"{name}-{goal}.json", about, measure)
