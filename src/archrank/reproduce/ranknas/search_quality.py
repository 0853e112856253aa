"""RankNAS, Fig. 6: the accuracy of a ranker and what a search under it finds.

The paper compares two rankers of different accuracy, and does not say how they were made. Here the
accurate one learns the losses of a trained supernet, the inaccurate one fewer, of an early
checkpoint.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

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
from archrank.reproduce.ranknas.scratch import (
    agreement,
    judged,
    judges,
    trained_alone,
    truth_of,
)
from archrank.reproduce.ranknas.trainings import Trainings, networks_of
from archrank.strategies.population_evolution import PopulationEvolution
from archrank.types import Floats

SPACE = "ranknas_small"
ACCURATE, INACCURATE = "accurate ranker", "inaccurate ranker"
RANKERS = (ACCURATE, INACCURATE)
GENERATIONS = (0, 2, 6, 15, 30)  # after which the best so far is trained from scratch


def generations(evolution: PopulationEvolution) -> tuple[int, ...]:
    """Return the generations whose best so far is trained, the last one among them."""
    last = evolution.generations
    return (*(g for g in GENERATIONS if g < last), last)


def search(trainings: Trainings) -> Found:
    """Search under each ranker.

    Returns:
        For each ranker ``tau`` with the supernet's losses, its ``scores`` of the architectures that
        judge ranks, CPU ``seconds``, and ``best``: the best so far, as text, after each of
        :func:`generations`.
    """
    networks, extent = trainings.networks, trainings.extent
    evolution = extent.evolution
    found: Found = {}
    for name, n, early in ((ACCURATE, extent.labels, False), (INACCURATE, extent.few, True)):
        learnt = learn(trainings, n, early=early)
        seen = evolution.run(
            networks.space,
            learnt.ranker.predict,
            lambda archs: networks.cost(archs)["macs"],  # of equal scores
            start=networks.space.sample(0, rng=np.random.default_rng(0)),
            seed=trainings.seed,
        )
        ends = [scored(evolution, g) for g in generations(evolution)]
        best = [seen.archs[seen.take(np.arange(len(seen)) < end).best()] for end in ends]
        found[name] = {
            "tau": learnt.tau,
            "scores": learnt.ranker.predict(judges(SPACE, extent)).tolist(),
            "best": networks.space.format(np.concatenate(best)),
            "seconds": learnt.cpu_seconds,
        }
    return found


def scored(evolution: PopulationEvolution, generation: int) -> int:
    """Return the number of architectures that are scored until the end of a generation."""
    return evolution.size + generation * (evolution.mutants + evolution.mixtures)


def figure_6(bench: Bench | None, plan: Plan) -> Comparison:
    """Losses from scratch of the best so far, under an accurate and an inaccurate ranker."""
    extent = extent_of(plan)
    with workplace(plan) as folder:
        jobs = [Trainings(SPACE, seed, extent, folder, plan.announce) for seed in range(plan.seeds)]
        runs = plan.map(search, jobs)
        texts = sorted({text for run in runs for name in RANKERS for text in run[name]["best"]})
        space = networks_of(SPACE, extent).space
        alone = trained_alone(plan, jobs[0], space.parse(texts))
        random = judged(plan, SPACE, extent, folder)
    results, truth = dict(zip(texts, alone, strict=True)), truth_of(random, "valid_loss")
    found = {name: [_finished(run[name], results, truth) for run in runs] for name in RANKERS}
    typical = float(np.nanmean(-truth))
    rows = [row for name, each in found.items() for row in _rows(name, each, extent)]
    rows.append(Row("random architectures of a band of sizes: mean loss", typical, why=NOTHING))
    chart = curves(
        "Best so far under two rankers, trained from scratch",
        "architectures ranked",
        "validation loss, from scratch",
        [_curve(name, each, extent) for name, each in found.items()],
        level=("random architectures, mean", typical),
        caption="Means over supernets; bands are one standard deviation on either side.",
    )
    return Comparison(rows, _claims(found), (*_notes(extent, len(texts)), *told(plan)), (chart,))


def _finished(own: Found, results: Mapping[str, Found], truth: Floats) -> Found:
    """Add what trainings from scratch tell of a ranker and of what was found under it."""
    tau = agreement("tau", np.array(own["scores"], dtype=np.float64), truth)
    keys = ("valid_loss", "test_bleu")
    best = {key: [results[text][key] for text in own["best"]] for key in keys}
    return {**own, **best, "scratch": tau}


def _rows(name: str, found: Sequence[Found], extent: Extent) -> list[Row]:
    rows = [
        summary(f"{name}: tau with the supernet's losses", found, "tau", why=PICTURE),
        summary(f"{name}: tau with trainings from scratch", found, "scratch", why=PICTURE),
    ]
    evolution = extent.evolution
    for i, generation in enumerate(generations(evolution)):
        for key, word, decimals in (("valid_loss", "loss", 3), ("test_bleu", "BLEU", 1)):
            each = [{"value": run[key][i], "seconds": run["seconds"]} for run in found]
            what = f"{name}, best of {scored(evolution, generation):,}: {word} from scratch"
            rows.append(summary(what, each, "value", why=PICTURE, decimals=decimals))
    return rows


def _curve(name: str, found: Sequence[Found], extent: Extent) -> Curve:
    evolution = extent.evolution
    at = np.array([scored(evolution, g) for g in generations(evolution)], dtype=np.float64)
    losses = np.array([run["valid_loss"] for run in found], dtype=np.float64)
    tau = np.mean([run["tau"] for run in found])
    spread = losses.std(axis=0, ddof=1) if len(losses) > 1 else np.zeros(len(at))
    return Curve(f"{name}, tau {tau:.2f}", at, losses.mean(axis=0), spread)


def _claims(found: Mapping[str, Sequence[Found]]) -> list[Claim]:
    def each(name: str, key: str) -> Floats:
        values = [run[key][-1] if key == "valid_loss" else run[key] for run in found[name]]
        return np.array(values, dtype=np.float64)

    taus = [float(each(name, "scratch").mean()) for name in RANKERS]
    losses = [each(name, "valid_loss") for name in RANKERS]
    better = losses[1] - losses[0]
    error = better.std(ddof=1) / math.sqrt(len(better)) if len(better) > 1 else math.nan
    more = f" ± {error:.3f}" if math.isfinite(error) else ""
    return [
        Claim(
            "the two rankers differ in accuracy",
            taus[0] > taus[1],
            f"tau with trainings from scratch {taus[0]:.3f} and {taus[1]:.3f}",
        ),
        Claim(
            "inaccurate ranking leads to worse search results (counts as held if the difference, "
            "paired by supernet, is above its standard error)",
            above(better),
            f"final losses from scratch {losses[0].mean():.3f} and {losses[1].mean():.3f}, "
            f"difference {better.mean():+.3f}{more}",
        ),
    ]


def _notes(extent: Extent, trained: int) -> Sequence[str]:
    return (
        f"the accurate ranker learns {extent.labels} losses of the trained supernet, the "
        f"inaccurate one {extent.few} of its checkpoint after epoch {extent.early}; both are "
        f"RankNAS's, and each search scores {extent.evolution.evaluations:,} architectures of "
        f"{SPACE}",
        f"{trained} different architectures were trained from scratch; those by which tau is "
        "measured are the same as in Table 4, and in one run folder are trained once",
    )
