"""Search of a supernet for a front of architectures, and for the best within each limit.

As Wang et al. search (AttentiveNAS, CVPR 2021): an accuracy ranker learns from sub-networks that
the supernet scores, an evolution looks for the front under its scores, and the supernet measures
the finalists with batch norms that are calibrated for each. Or as Hu et al. (RankNAS, EMNLP 2021,
section 4.2): of what is predicted to keep the limits, such as a latency, an evolution or random
search finds what a ranker of losses puts first.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from archrank.criteria.correlation import kendall_tau
from archrank.errors import EvaluationError, InfeasibleError, SettingsError
from archrank.files import write_json
from archrank.locking import locked
from archrank.rankers import RANKERS
from archrank.rows import distinct
from archrank.runs.named import instance_of
from archrank.runs.supernet_search.checking import check_search, same_search
from archrank.runs.supernet_search.latencies import (
    Latencies,
    archs_to_time,
    predicted_latency,
    read_latencies,
    slower_now,
)
from archrank.runs.supernet_search.memory import Memory
from archrank.runs.supernet_search.pruning import allowed_in
from archrank.runs.supernet_search.results import RESULTS, SAMPLED, Finalist, SubnetSearch
from archrank.runs.supernet_search.settings import Limits, SubnetSettings
from archrank.strategies.bucket_evolution import BucketEvolution
from archrank.strategies.evaluated import Evaluated, ScoreSearch
from archrank.strategies.patient_random import PatientRandom
from archrank.strategies.population_evolution import PopulationEvolution
from archrank.supernets.checkpoints import last_checkpoint, load_supernet
from archrank.supernets.scoring import one_shot_scores
from archrank.supernets.statistics import batch_norms
from archrank.tables.writing import write_table
from archrank.torch_state import require_device
from archrank.types import Archs, Floats

if TYPE_CHECKING:
    from archrank.importance import Pruning
    from archrank.metrics import Metric
    from archrank.rankers.base import Ranker
    from archrank.spaces.base import Space
    from archrank.spaces.networks import Networks
    from archrank.tasks.base import Task

TABLE = "evaluations.parquet"
MEASURED = ("examples", "statistics", "repeats")  # settings that measurements depend on
BUCKETS = 173.6  # of 10 MFLOPs in the published space, from its smallest to its largest network
FRONT = 64  # architectures of the predicted front that are measured
CALIBRATION, BATCH = 64, 256  # batches of training data that calibrate a finalist, as published
AT_ONCE = 64  # architectures that are scored together before they are kept

Watch: TypeAlias = Callable[[str, int, int], object]
"""Called with what is done, how much of it is finished, and how much there is."""


def search_supernet(
    checkpoint: Path,
    networks: Networks,
    settings: SubnetSettings,
    folder: Path,
    *,
    search: ScoreSearch | None = None,
    ranker: Ranker | None = None,
    loose: bool = False,
    device: str = "cpu",
    watch: Watch = lambda doing, done, of: None,
) -> SubnetSearch:
    """Search, or go on with a search that was stopped.

    What the supernet scores and what is timed is kept in ``folder`` as it is measured; all else is
    computed again from that in seconds. So a search with other limits, another ranker or seed in
    the same folder measures only what is new, and its results replace those before.
    ``evaluations.parquet`` lists what the evolution has seen, ``sampled.parquet`` the random
    architectures that the supernet has scored (all that it has scored, where no ranker does).

    Args:
        checkpoint: of the supernet, or the folder of its checkpoints.
        networks: of its space and task.
        settings: of the search.
        folder: where everything is kept.
        search: under the scores; ``None``: the published one that the settings name, of
            AttentiveNAS with buckets in proportion.
        ranker: of scores; ``None``: the one that the settings name.
        loose: accept limits that every architecture keeps, as a study's may be.
        device: where the supernet scores; latencies are measured on the CPU, or where those of
            the table were.
        watch: called with the progress.

    Raises:
        SettingsError: a limit outside of what the space has, a number that is too small, or no
            such device.
        ObjectiveError: a limit that cannot be read.
        TableError: a table of latencies that cannot be used.
        ResumeError: the supernet is of another space or task, or the folder holds measurements of
            another checkpoint, or made in another way.
        StorageError: the supernet cannot be read, or the folder cannot be written.
        EvaluationError: nothing that the supernet scores is finite.
        InfeasibleError: no architecture is predicted to keep a limit of the latency.
    """
    settings.check()
    require_device(device, SettingsError)
    path = last_checkpoint(checkpoint)
    supernet = load_supernet(path, networks).to(device)
    limits = check_search(networks, settings, loose=loose)
    assert networks.task is not None  # a supernet was trained on one
    table = read_latencies(settings.latency_table, limits, networks)
    with locked(folder, kind="folder", option="--out"):
        measured = {name: getattr(settings, name) for name in MEASURED}
        identity = {
            "checkpoint": sha256(path.read_bytes()).hexdigest()[:16],
            "networks": networks.fingerprint(),
            **measured,
        }
        if table is not None:
            identity["latency"] = table.circumstances
        same_search(folder, identity)
        memory = Memory(folder, networks.space)
        latencies = Latencies.of(networks, settings, memory, watch, table)
        parts = _Search(
            networks,
            networks.task,
            supernet,
            settings,
            limits,
            memory,
            watch,
            latencies,
            ranker,
            loose,
        )
        found = parts.run(search)
        parts.write_tables(folder, found.metric)
        write_json(folder / RESULTS, found.to_json())
    return found


def time_architectures(
    networks: Networks,
    settings: SubnetSettings,
    folder: Path,
    *,
    loose: bool = False,
    watch: Watch = lambda doing, done, of: None,
) -> None:
    """Measure latencies for a search to come, if a limit is one, and keep them in its folder.

    Needs no supernet, so that a limit is refused before one is trained.

    Args:
        networks: of a space and a task.
        settings: of the search.
        folder: of the search.
        loose: accept limits that every architecture keeps.
        watch: called with the progress.

    Raises:
        SettingsError: a limit of the latency below the fastest architecture that is measured, or
            what :func:`check_search` refuses.
        StorageError: the folder cannot be written.
    """
    limits = check_search(networks, settings, loose=loose)
    if "latency_ms" not in limits.costs:
        return
    assert networks.task is not None  # checked
    table = read_latencies(settings.latency_table, limits, networks)
    with locked(folder, kind="folder", option="--out"):
        memory = Memory(folder, networks.space)
        task = networks.task
        latencies = Latencies.of(networks, settings, memory, watch, table)
        parts = _Search(
            networks, task, None, settings, limits, memory, watch, latencies, None, loose
        )
        parts.cost("latency_ms")(networks.smallest[None])


@dataclass
class _Search:
    """One search: its parts, and what it has seen."""

    networks: Networks
    task: Task
    supernet: Any
    settings: SubnetSettings
    limits: Limits
    memory: Memory
    watch: Watch
    latencies: Latencies
    ranker: Ranker | None = None
    loose: bool = False

    def run(self, search: ScoreSearch | None) -> SubnetSearch:
        """Search from the ranker's labels to the finalists."""
        start = time.monotonic()
        cost = self.cost(self.limits.cost)
        ends = np.stack([self.networks.smallest, self.networks.largest])
        search = self._published(*cost(ends).tolist()) if search is None else search
        judged: dict[str, float] = {}
        score: Callable[[Archs], Floats] = self._own_score
        if self.settings.score_by == "ranker":
            score, judged = self._ranked()
        space, pruning = self._pruned()
        self.seen = search.run(
            space,
            score,
            cost,
            start=allowed_in(space, ends[:1]),
            limits=[bound.most for bound in self.limits.each],
            excess=self._excess if self.limits.others else None,
            seed=self.settings.seed,
            progress=partial(self.watch, "searching"),
        )
        self._require_some()
        if self.settings.score_by == "supernet":
            self.sampled = self.seen.archs, self._sign * self.seen.scores
        finalists = self._finalists()
        metric = self.metric
        found = SubnetSearch(
            space=self.networks.space.name,
            task=self.task.name,
            metric=f"valid_{metric.name}",
            direction="minimize" if metric.direction == "minimize" else "maximize",
            unit=metric.unit,
            cost=self.limits.cost,
            limits={bound.text: bound.most for bound in self.limits.each},
            others=self.limits.others,
            finalists=finalists,
            evaluations=len(self.seen),
            ranker=judged,
            strategy=self.settings.strategy,
            calibrated=self.calibrates,
            importance={} if pruning is None else pruning.importance,
            fixed={} if pruning is None else {k: str(v) for k, v in pruning.frozen.items()},
            latency=self._latency[1] if "latency_ms" in self.limits.costs else {},
        )
        if "latency_ms" in self.limits.costs:
            archs = self.networks.space.parse([f.architecture for f in finalists])
            slower = slower_now(found, self.cost("latency_ms")(archs))
            found = self.latencies.confirm(replace(found, notes=(*found.notes, *slower)))
        return replace(found, seconds=time.monotonic() - start)

    def _published(self, low: float, high: float) -> ScoreSearch:
        """Return the published search; ``low`` and ``high`` are the costs of the extremes."""
        if self.settings.strategy == "ranknas":
            return PopulationEvolution()
        if self.settings.strategy == "ranknas-random":
            return PatientRandom()
        return BucketEvolution(width=max((high - low) / BUCKETS, 1e-12))

    def _pruned(self) -> tuple[Space, Pruning | None]:
        """Return the space that is searched, and what was fixed in it, if that is asked for.

        Decisions are fixed as in the best of the labelled architectures that keep the limits.
        """
        if self.settings.pruning is None:
            return self.networks.space, None
        archs, scores = self.labels
        over = self._excess(archs)
        if self.limits.each:
            cost, bound = self.cost(self.limits.cost)(archs), self.limits.each[0]
            over += np.maximum(cost / bound.most - 1.0, 0.0)
        best = archs[np.lexsort([-scores, over])[:1]]
        labels = [(archs, scores)]
        if "latency_ms" in self.limits.costs:
            self.cost("latency_ms")(best)  # measures them
            known = np.isfinite(self.timed[1])
            labels.append((self.timed[0][known], -self.timed[1][known]))
        for (rows, _), option in zip(labels, ("--archs", "--timed"), strict=False):
            self.settings.pruning.require_labels(len(rows), option)
        return self.settings.pruning.prune(self.learner, labels, best, seed=self.settings.seed)

    @cached_property
    def metric(self) -> Metric:
        """Metric that architectures are compared by."""
        return self.settings.metric_of(self.task)

    @cached_property
    def calibrates(self) -> bool:
        """Tell whether there are batch norms to calibrate."""
        return bool(batch_norms(self.supernet))

    def _require_some(self) -> None:
        """Refuse to go on where the evolution has found nothing."""
        name = self.networks.space.name
        if not len(self.seen):
            limits = " and ".join(b.text for b in (*self.limits.each[-1:], *self.limits.others))
            nothing, remedy = f"no architecture of {name} is found that keeps", ""
            if "latency_ms" in self.limits.costs:
                nothing = f"no architecture of {name} is predicted to keep"
                remedy = ", or measure more of them with --timed N"
            raise InfeasibleError(f"{nothing} {limits}; allow a little more{remedy}")
        if not np.isfinite(self.seen.scores).any():
            raise EvaluationError(
                f"none of {len(self.seen):,} scores of architectures of {name} is finite: the "
                "supernet has diverged; train it again at a lower learning rate"
            )

    def write_tables(self, folder: Path, metric: str) -> None:
        """Write what the evolution has seen, and what the supernet has scored: ``metric``."""

        def write(name: str, archs: Archs, score: str, values: Floats) -> None:
            shown = dict.fromkeys(("macs", "params", *self.limits.costs))
            costs = {cost: self.cost(cost)(archs) for cost in shown}
            strings = self.networks.space.format(archs)
            write_table(folder / name, strings, {score: values, **costs})

        write(TABLE, self.seen.archs, "score", self.seen.scores)
        archs, scores = self.sampled
        known = np.isfinite(scores)
        write(SAMPLED, archs[known], metric, scores[known])

    # ---- costs -----------------------------------------------------------------------------------

    def cost(self, name: str) -> Callable[[Archs], Floats]:
        """Return a cost, ``(n, d) -> (n,)``: counted, or predicted from measured ones."""
        return self._latency[0] if name == "latency_ms" else lambda a: self.networks.cost(a)[name]

    def _excess(self, archs: Archs) -> Floats:
        """Return the part by which architectures exceed limits that hold for all: ``(n,)``."""
        total = np.zeros(len(archs))
        for bound in self.limits.others:
            total += np.maximum(self.cost(bound.cost)(archs) / bound.most - 1.0, 0.0)
        return total

    @cached_property
    def _latency(self) -> tuple[Callable[[Archs], Floats], dict[str, float]]:
        """Predicted latency, from measured ones, and how good it is."""
        if self.latencies.table is not None:
            archs, ms = self.latencies.table.archs, self.latencies.table.ms
        else:
            rng = np.random.default_rng([self.settings.seed, 2])
            archs = archs_to_time(self.networks, self.settings.timed, rng=rng)
            ms = self.latencies.measure(archs)
        self.timed = archs, ms
        if np.isfinite(ms).any():
            ends = np.array([np.nanargmin(ms), np.nanargmax(ms)])
            names, found = self.networks.space.format(archs[ends]), (ms[ends[0]], ms[ends[1]])
            for bound in self.limits.all:
                if bound.cost == "latency_ms":
                    space = self.networks.space.name
                    bound.require_reachable(found, names, space, loose=self.loose)
        return predicted_latency(self.networks, archs, ms)

    # ---- scores ----------------------------------------------------------------------------------

    def _measured(self, split: Any, archs: Archs, *, final: bool, doing: str = "") -> Floats:
        """Return the metric with the supernet's weights: ``(n,)``.

        Progress is told where it is a step of its own, which has a name.
        """
        name = self.metric.name
        own: dict[str, Any] = {
            "statistics": self.settings.statistics,
            "examples": self.settings.examples or None,
        }
        if final:
            own = {"statistics": "recalibrated", "calibration": CALIBRATION, "batch_size": BATCH}

        def measure(rows: Archs) -> Floats:
            return one_shot_scores(self.supernet, self.task, rows, split=split, **own)[name]

        def progress(done: int, of: int) -> None:
            if doing:
                self.watch(doing, done, of)

        kind = f"{split}_{name}" if final else f"score_{name}"
        return self.memory.measure(kind, archs, measure, at_once=AT_ONCE, progress=progress)

    def _own_score(self, archs: Archs, doing: str = "") -> Floats:
        """Score by the supernet; higher is better: ``(n,)``."""
        return self._sign * self._measured("valid", archs, final=False, doing=doing)

    @property
    def _sign(self) -> float:
        """-1 where the metric is minimised."""
        return -1.0 if self.metric.direction == "minimize" else 1.0

    def _ranked(self) -> tuple[Callable[[Archs], Floats], dict[str, float]]:
        """Fit the ranker to half of some architectures that the supernet scores, judge it by half.

        Returns:
            Its prediction, and Kendall's tau of it and of MACs with the scores of the other half.
        """
        from sklearn.base import clone

        from archrank.rankers.base import Ranker

        space = self.networks.space
        name = self.settings.ranker
        if name == "default" and self.settings.as_ranknas:
            name = "ranknas"
        ranker: Ranker = (
            instance_of(RANKERS, name, Ranker, space=space)
            if self.ranker is None
            else clone(self.ranker)
        )
        rng = np.random.default_rng([self.settings.seed, 1])
        archs = distinct(space.sample(self.settings.labels, rng=rng))
        scores = self._own_score(archs, "scoring architectures")
        archs, scores = archs[np.isfinite(scores)], scores[np.isfinite(scores)]
        self.sampled = archs, self._sign * scores
        self.labels, self.learner = (archs, scores), ranker
        half = (len(archs) + 1) // 2
        ranker.fit(archs[:half], scores[:half])
        others, truth = archs[half:], scores[half:]
        judged = {
            "labels": half,
            "judged_on": len(others),
            "tau": kendall_tau(ranker.predict(others), truth),
            "tau_macs": kendall_tau(self.networks.cost(others)["macs"], truth),
        }
        return ranker.predict, {name: float(value) for name, value in judged.items()}

    # ---- finalists -------------------------------------------------------------------------------

    def _finalists(self) -> tuple[Finalist, ...]:
        """Measure the predicted front and the best within each limit."""
        bounds = tuple(bound.most for bound in self.limits.each)
        front = 0 if self.settings.as_ranknas else FRONT  # RankNAS looks for none
        rows = chosen(self.seen, bounds, self.settings.finalists, front)
        archs = self.seen.archs[rows]
        doing = "measuring finalists"
        valid = self._measured("valid", archs, final=True, doing=doing)
        test = self._measured("test", archs, final=True, doing=f"{doing} on test data")
        costs = self.networks.cost(archs)
        name = self.metric.name
        columns = {f"valid_{name}": valid, f"test_{name}": test, **costs}
        if "latency_ms" in self.limits.costs:
            columns["latency_ms"] = self.latencies.measure(archs)
        strings = self.networks.space.format(archs)
        predicted = self.seen.scores[rows].tolist()
        return tuple(
            Finalist(text, score, {key: float(column[i]) for key, column in columns.items()})
            for i, (text, score) in enumerate(zip(strings, predicted, strict=True))
        )


def chosen(seen: Evaluated, bounds: tuple[float, ...], k: int, of_front: int) -> Any:
    """Return the places of the finalists: the front, thinned evenly, and ``k`` within each bound.

    Of the front there are at most ``of_front``.

    Bounds of predicted costs may be missed by a little, so ``k`` within 95 % of each are added
    where the first are others.
    """
    front = seen.front()
    thin = front[np.unique(np.linspace(0, len(front) - 1, min(of_front, len(front))).astype(int))]
    best = [seen.best(k, bound * part) for bound in bounds for part in (1.0, 0.95)]
    return np.unique(np.concatenate([thin, *best, seen.best(k)]))
