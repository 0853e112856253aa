"""RankNAS, Table 4: predicted ranks of architectures and those of trainings from scratch."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from archrank.reproduce.base import (
    NOTHING,
    Claim,
    Comparison,
    Found,
    Plan,
    Row,
    summary,
)
from archrank.reproduce.bench import Bench
from archrank.reproduce.ranknas.extent import Extent, extent_of, told, workplace
from archrank.reproduce.ranknas.fits import DEFAULT, MAKERS, RANKNAS
from archrank.reproduce.ranknas.scratch import (
    CRITERIA,
    JUDGES,
    agreement,
    judged,
    judges,
    truth_of,
)
from archrank.reproduce.ranknas.trainings import Trainings, drawn, networks_of
from archrank.types import Archs, Floats

HAT = "HAT"
WHAT = {HAT: "HAT (the supernet's loss)", RANKNAS: "RankNAS", DEFAULT: "default ranker"}
SIZES = {"params": "parameters", "macs": "MACs"}
NAMES = {"hat_small": "small space", "ranknas_small": "large space"}
PUBLISHED = {
    ("hat_small", HAT): {"tau": 0.827, "rho": 0.913},
    ("hat_small", RANKNAS): {"tau": 0.883, "rho": 0.945},
    ("ranknas_small", HAT): {"tau": 0.754, "rho": 0.842},
    ("ranknas_small", RANKNAS): {"tau": 0.826, "rho": 0.907},
}
THEIRS = (
    "theirs: IWSLT'14, 200 random architectures of the whole space, by test BLEU; ours: phrases, "
    "fewer ones within a band of sizes"
)
RESAMPLED = 400  # samples of the architectures, for intervals


def predict(trainings: Trainings) -> Found:
    """Score the architectures that judge ranks by the supernet, and by rankers of other losses.

    Returns:
        For each ranker ``scores`` of all of them, and its CPU ``seconds``: training of the
        supernet, scoring, fit.
    """
    space, extent = trainings.networks.space, trainings.extent
    archs = judges(trainings.space, extent)
    rng = np.random.default_rng([trainings.seed, 1])
    labelled = drawn(trainings.networks, extent.labels, rng=rng, band=extent.band, but=archs)
    trained = trainings.trained()["cpu_seconds"]
    own = trainings.scored(archs, "judges")
    labels = trainings.scored(labelled, "labels-of-band")
    scores = -np.array(own["loss"])
    found: Found = {
        HAT: {"scores": scores.tolist(), "seconds": trained + own["cpu_seconds"]},
    }
    learnt = -np.array(labels["loss"])
    finite = np.isfinite(learnt)
    for name in (RANKNAS, DEFAULT):
        start = time.process_time()
        ranker = MAKERS[name](space, trainings.seed).fit(labelled[finite], learnt[finite])
        seconds = trained + labels["cpu_seconds"] + time.process_time() - start
        found[name] = {"scores": ranker.predict(archs).tolist(), "seconds": seconds}
    return found


@dataclass(frozen=True, eq=False)
class Ranked:
    """A space: architectures that were trained from scratch, and their scores by each supernet."""

    name: str
    archs: Archs
    alone: list[Found]
    runs: list[Found]
    extent: Extent

    def scores(self, ranker: str) -> list[Floats]:
        """Return the scores by each supernet: ``(n,)`` of those that were trained."""
        return [np.array(run[ranker]["scores"], dtype=np.float64) for run in self.runs]

    def agreements(self, ranker: str, judge: str, criterion: str) -> list[Found]:
        """Return tau or rho of each supernet's scores, with the CPU seconds."""
        truth = truth_of(self.alone, judge)
        return [
            {
                "value": agreement(criterion, scores, truth),
                "seconds": run[ranker]["seconds"],
            }
            for scores, run in zip(self.scores(ranker), self.runs, strict=True)
        ]

    def mean(self, ranker: str) -> float:
        """Return the mean tau over supernets, by validation loss."""
        found = self.agreements(ranker, "valid_loss", "tau")
        return float(np.mean([each["value"] for each in found]))

    def feature(self) -> tuple[str, Floats]:
        """Return the feature whose |tau| with validation losses is highest, and its values."""
        space = networks_of(self.name, self.extent).space
        columns = space.features(self.archs).T.astype(np.float64)
        truth = truth_of(self.alone, "valid_loss")
        taus = [agreement("tau", column, truth) for column in columns]
        best = int(np.argmax(np.abs(taus)))
        return space.feature_names[best], columns[best] * np.sign(taus[best])


def table_4(bench: Bench | None, plan: Plan) -> Comparison:
    """Tau and rho of predicted ranks with trainings from scratch, in both spaces."""
    extent = extent_of(plan)
    with workplace(plan) as folder:
        found = []
        for name in NAMES:
            jobs = [
                Trainings(name, seed, extent, folder, plan.announce) for seed in range(plan.seeds)
            ]
            runs = plan.map(predict, jobs)
            alone = judged(plan, name, extent, folder)
            found.append(Ranked(name, judges(name, extent), alone, runs, extent))
    rows = [row for space in found for row in _rows(space)]
    claims = [claim for space in found for claim in _claims(space)]
    return Comparison(rows, claims, (*map(_note, found), *_notes(extent), *told(plan)))


def _rows(space: Ranked) -> list[Row]:
    costs = networks_of(space.name, space.extent).cost(space.archs)
    feature, values = space.feature()
    plain = {SIZES[key]: costs[key] for key in SIZES}
    plain[f"best single feature ({feature})"] = values
    rows = []
    for judge, (word, _) in JUDGES.items():
        for criterion in CRITERIA:
            head, end = f"{NAMES[space.name]}, by {word}", criterion
            for ranker, what in WHAT.items():
                paper = PUBLISHED.get((space.name, ranker), {}).get(criterion)
                why = NOTHING if paper is None else THEIRS
                each = space.agreements(ranker, judge, criterion)
                rows.append(summary(f"{head}, {what}: {end}", each, "value", paper, why=why))
            truth = truth_of(space.alone, judge)
            for what, scores in plain.items():
                value = agreement(criterion, scores, truth)
                rows.append(Row(f"{head}, {what}: {end}", value, why=NOTHING))
    return rows


def _claims(space: Ranked) -> list[Claim]:
    hat, ours = space.mean(HAT), space.mean(RANKNAS)
    low, high = _gap(space)
    truth = truth_of(space.alone, "valid_loss")
    name, values = space.feature()
    single = agreement("tau", values, truth)
    where = NAMES[space.name]
    return [
        Claim(
            f"{where}: RankNAS ranks at least as well as HAT",
            ours >= hat,
            f"tau {ours:.3f} and {hat:.3f}; 95 % of samples of the architectures: {low:+.3f} to "
            f"{high:+.3f}",
        ),
        Claim(
            f"{where}: RankNAS ranks better than any single feature",
            ours > single,
            f"tau {ours:.3f}, {name} {single:.3f}",
            published=False,
        ),
    ]


def _gap(space: Ranked) -> tuple[float, float]:
    """Return the interval of RankNAS's tau minus HAT's, over samples of the architectures."""
    truth = truth_of(space.alone, "valid_loss")
    pairs = list(zip(space.scores(RANKNAS), space.scores(HAT), strict=True))
    rng = np.random.default_rng(0)
    gaps = []
    for rows in rng.integers(0, len(truth), (RESAMPLED, len(truth))):
        gap = [
            agreement("tau", ours[rows], truth[rows]) - agreement("tau", hat[rows], truth[rows])
            for ours, hat in pairs
        ]
        gaps.append(np.mean(gap))
    low, high = np.nanquantile(gaps, (0.025, 0.975))
    return float(low), float(high)


def _note(space: Ranked) -> str:
    params = networks_of(space.name, space.extent).cost(space.archs)["params"]
    ranges = []
    for judge, (word, _) in JUDGES.items():
        values = np.abs(truth_of(space.alone, judge))
        ranges.append(f"{word} {np.nanmin(values):.3f} to {np.nanmax(values):.3f}")
    spent = sum(each["cpu_seconds"] for each in space.alone)
    return (
        f"{NAMES[space.name]} ({space.name}): {len(params)} architectures of {params.min():,.0f} "
        f"to {params.max():,.0f} parameters trained from scratch, {spent:,.0f} CPU seconds: "
        f"{', '.join(ranges)}"
    )


def _notes(extent: Extent) -> Sequence[str]:
    low, high = extent.band
    return (
        f"architectures and labels are random ones between the quantiles {low:g} and {high:g} of "
        "parameter counts; all supernets are judged by the same trainings",
        f"RankNAS and the default ranker learn the supernet's losses of {extent.labels} others; "
        "seconds: CPU time of the supernet's training, of its losses, and of the fit",
        "the single feature is chosen by the very trainings that judge it",
    )
