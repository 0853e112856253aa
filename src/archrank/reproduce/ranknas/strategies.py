"""RankNAS, Fig. 7: losses of what search strategies find under its ranker."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial

import numpy as np

from archrank.reproduce.base import (
    NOTHING,
    PICTURE,
    Claim,
    Comparison,
    Found,
    Plan,
    Row,
    summary,
)
from archrank.reproduce.bench import Bench
from archrank.reproduce.paired import above
from archrank.reproduce.ranknas.charts import Curve, curves
from archrank.reproduce.ranknas.extent import Extent, extent_of, told, workplace
from archrank.reproduce.ranknas.learning import learn
from archrank.reproduce.ranknas.trainings import Trainings
from archrank.reproduce.workplace import kept
from archrank.strategies.evaluated import Evaluated, Measure, ScoreSearch
from archrank.strategies.patient_random import PatientRandom
from archrank.types import Archs, Floats

SPACE = "hat_small"
EVOLUTION, RANDOM, SUPERNET = (
    "RankNAS, evolution",
    "RankNAS, random search",
    "the supernet's loss, random search",
)
STRATEGIES = (EVOLUTION, RANDOM, SUPERNET)


def counts(extent: Extent) -> list[int]:
    """Return the numbers of scored architectures after which the best so far is looked at."""
    evolution = extent.evolution
    return list(
        range(evolution.size, evolution.evaluations + 1, evolution.mutants + evolution.mixtures)
    )


def search(trainings: Trainings) -> Found:
    """Search a supernet by every strategy, several times under the ranker's scores; once.

    Returns:
        ``tau`` of the ranker; CPU ``seconds`` until it was fitted; for each strategy ``losses`` of
        the best so far by the supernet, ``(repetitions, counts)``, mean CPU ``seconds`` of a
        search, and the numbers of architectures after which the published random search ``stops``.
    """
    about = {"extent": asdict(trainings.extent), "task": trainings.task.identity()}
    path = trainings.folder / SPACE / f"strategies-{trainings.seed}.json"
    return kept(path, about, partial(_search, trainings))


def _search(trainings: Trainings) -> Found:
    extent = trainings.extent
    learnt = learn(trainings, extent.labels)
    evolution = extent.evolution
    batches = math.ceil(evolution.evaluations / evolution.size)
    random = PatientRandom(batch=evolution.size, patience=batches, batches=batches)  # never stops
    fast = replace(trainings, extent=replace(extent, examples=extent.searched))
    spent: list[float] = []

    def own(archs: Archs) -> Floats:
        found = fast.scored(archs, "random-search")
        spent.append(found["cpu_seconds"])
        return -np.array(found["loss"], dtype=np.float64)

    plans: dict[str, tuple[ScoreSearch, Measure, int]] = {
        EVOLUTION: (evolution, learnt.ranker.predict, extent.repetitions),
        RANDOM: (random, learnt.ranker.predict, extent.repetitions),
        SUPERNET: (random, own, 1),  # it costs as much as hundreds of the others
    }
    found: Found = {"tau": learnt.tau, "seconds": learnt.cpu_seconds}
    for name, (strategy, score, repetitions) in plans.items():
        start = time.process_time()
        seen = [_run(trainings, strategy, score, r) for r in range(repetitions)]
        seconds = sum(spent) if score is own else time.process_time() - start
        found[name] = {
            "losses": [_losses(trainings, each) for each in seen],
            "seconds": seconds / repetitions,
            "stops": [_stop(each.scores, extent.random) for each in seen],
        }
    return found


def _run(trainings: Trainings, strategy: ScoreSearch, score: Measure, repetition: int) -> Evaluated:
    """Search once without a limit; of equal scores, fewer MACs are better."""
    networks = trainings.networks
    return strategy.run(
        networks.space,
        score,
        lambda archs: networks.cost(archs)["macs"],
        start=networks.space.sample(0, rng=np.random.default_rng(0)),
        seed=1_000 * trainings.seed + repetition,
    )


def _losses(trainings: Trainings, seen: Evaluated) -> list[float]:
    """Return the supernet's loss of the best so far by the search's scores: ``(counts,)``."""
    places = np.arange(len(seen))
    rows = [int(seen.take(places < n).best()[0]) for n in counts(trainings.extent)]
    unique, where = np.unique(rows, return_inverse=True)
    found = trainings.losses(seen.archs[unique], "best-so-far")
    return [float(loss) for loss in found[where]]


def _stop(scores: Floats, patient: PatientRandom) -> int:
    """Return the number of architectures after which a random search of these scores stops."""
    best, vain = -np.inf, 0
    for end in range(patient.batch, len(scores) + 1, patient.batch):
        now = float(np.nanmax(scores[end - patient.batch : end], initial=-np.inf))
        best, vain = (now, 0) if now > best else (best, vain + 1)
        if vain == patient.patience:
            return end
    return len(scores)


def figure_7(bench: Bench | None, plan: Plan) -> Comparison:
    """Losses, by the supernet, of the best that each strategy has found so far."""
    extent = extent_of(plan)
    with workplace(plan) as folder:
        jobs = [Trainings(SPACE, seed, extent, folder, plan.announce) for seed in range(plan.seeds)]
        runs = plan.map(search, jobs)
    at = counts(extent)
    rows = [summary("RankNAS's ranker: tau with the supernet's losses", runs, "tau", why=NOTHING)]
    rows += [row for name in STRATEGIES for row in _rows(name, runs, at)]
    rows += _rows_of_random(runs, at)
    chart = curves(
        "Losses of what the strategies find",
        "architectures scored",
        "validation loss, by the supernet",
        _curves(runs, at),
        caption=(
            "Means over supernets and repetitions; bands are one standard deviation on either "
            "side, differences between supernets left out."
        ),
    )
    return Comparison(rows, _claims(runs, at), (*_notes(extent), *told(plan)), (chart,))


def _table(runs: Sequence[Found], name: str) -> list[Floats]:
    """Return the losses of a strategy by supernet: ``(repetitions, counts)`` each."""
    return [np.array(run[name]["losses"], dtype=np.float64) for run in runs]


def _rows(name: str, runs: Sequence[Found], at: Sequence[int]) -> list[Row]:
    rows = []
    for place in sorted({0, len(at) // 4, len(at) - 1}):
        each = [
            {"value": losses[:, place].mean(), "seconds": run["seconds"] + run[name]["seconds"]}
            for losses, run in zip(_table(runs, name), runs, strict=True)
        ]
        rows.append(
            summary(f"{name}, {at[place]:,} architectures: loss", each, "value", why=PICTURE)
        )
    spent = [{"value": run[name]["seconds"], "seconds": run[name]["seconds"]} for run in runs]
    rows.append(summary(f"{name}: CPU s of a search", spent, "value", why=NOTHING, decimals=2))
    return rows


def _rows_of_random(runs: Sequence[Found], at: Sequence[int]) -> list[Row]:
    """Tell when the published random search stops, and its loss there."""
    places = [
        np.maximum(np.searchsorted(at, run[RANDOM]["stops"], side="right") - 1, 0) for run in runs
    ]
    stopped = [
        {
            "n": float(np.mean(run[RANDOM]["stops"])),
            "loss": float(np.mean([row[i] for row, i in zip(losses, where, strict=True)])),
            "seconds": run["seconds"],
        }
        for losses, where, run in zip(_table(runs, RANDOM), places, runs, strict=True)
    ]
    head = f"{RANDOM}, stopped as published"
    return [
        summary(f"{head}: architectures", stopped, "n", why=NOTHING, decimals=0),
        summary(f"{head}: loss", stopped, "loss", why=NOTHING),
    ]


def _curves(runs: Sequence[Found], at: Sequence[int]) -> list[Curve]:
    tables = {name: _table(runs, name) for name in STRATEGIES}
    ends = [np.mean([each[i][:, -1].mean() for each in tables.values()]) for i in range(len(runs))]
    made = []
    for name, each in tables.items():
        centred = np.concatenate([losses - end for losses, end in zip(each, ends, strict=True)])
        spread = centred.std(axis=0, ddof=1) if len(centred) > 1 else np.zeros(len(at))
        mean = centred.mean(axis=0) + np.mean(ends)
        made.append(Curve(name, np.array(at, dtype=np.float64), mean, spread))
    return made


def reached(losses: Floats, goals: Floats, at: Sequence[int]) -> Floats:
    """Return the number of architectures after which each search is as good as its goal.

    Args:
        losses: ``(repetitions, counts)``.
        goals: ``(repetitions,)``.
        at: Counts; the last one where a goal is not reached.
    """
    good = losses <= goals[:, None]
    places = np.where(good.any(axis=1), good.argmax(axis=1), len(at) - 1)
    found: Floats = np.array(at, dtype=np.float64)[places]
    return found


def _claims(runs: Sequence[Found], at: Sequence[int]) -> list[Claim]:
    evolution, random, own = (_table(runs, name) for name in STRATEGIES)
    ours, theirs = (
        np.array([reached(a, b[:, -1], at).mean() for a, b in zip(each, random, strict=True)])
        for each in (evolution, random)
    )
    ends = [np.array([each[:, -1].mean() for each in of]) for of in (evolution, random, own)]
    rule = "(counts as held if the difference, paired by supernet, is above its standard error)"
    return [
        Claim(
            "evolution converges faster than random search under the same ranker",
            bool(ours.mean() < theirs.mean()),
            f"as good as random search after {at[-1]:,} architectures: evolution after "
            f"{ours.mean():,.0f}, random search itself after {theirs.mean():,.0f}",
        ),
        Claim(
            f"evolution ends better than random search under the same ranker {rule}",
            above(ends[1] - ends[0]),
            f"losses {ends[0].mean():.4f} and {ends[1].mean():.4f}",
        ),
        Claim(
            "RankNAS with evolution ends better than random search under the supernet's loss, of "
            f"as many architectures {rule}",
            above(ends[2] - ends[0]),
            f"losses {ends[0].mean():.4f} and {ends[2].mean():.4f}",
            published=False,
        ),
    ]


def _notes(extent: Extent) -> Sequence[str]:
    return (
        f"the ranker learns {extent.labels} losses of the supernet of {SPACE}; every strategy "
        f"scores {extent.evolution.evaluations:,} architectures, under the ranker "
        f"{extent.repetitions} times for each supernet, under the supernet's loss once; without a "
        "limit of the latency",
        f"losses are the supernet's, of {extent.examples} validation examples; the search under "
        f"the supernet's loss compares losses of {extent.searched}, as those of Tables 1 to 3",
    )
