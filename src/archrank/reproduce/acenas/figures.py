"""AceNAS, Figs. 5, 6, 7 and 11, on NAS-Bench-201."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from archrank.criteria import pearson
from archrank.rankers.base import Ranker
from archrank.rankers.graphs.brp_nas import BRPNAS
from archrank.rankers.graphs.neural_predictor import NeuralPredictor
from archrank.reproduce.acenas.search import (
    ROUNDS,
    Search,
    pretrained,
    pretrained_each,
    run_search,
    run_walk,
)
from archrank.reproduce.acenas.tables import NOTES, SETTINGS, searches, walks
from archrank.reproduce.base import PICTURE, Claim, Comparison, Found, Plan, Row, summary
from archrank.reproduce.bench import Bench
from archrank.strategies.random import Random
from archrank.strategies.regularized_evolution import RegularizedEvolution

LABELS = 100  # in five rounds of 20
Runs = dict[tuple[str, str], list[Found]]
"""Searches by data set and method."""


def datasets(plan: Plan) -> tuple[str, ...]:
    """Return the data sets: CIFAR-10 and CIFAR-100; only CIFAR-100 if quick.

    ImageNet16-120 is not in the table.
    """
    return ("c100",) if plan.quick else ("c10", "c100")


def _searches(
    bench: Bench, plan: Plan, rankers: Mapping[str, Mapping[str, Ranker]], greedy: float = 0.5
) -> list[Search]:
    """Return the searches of rankers by method and data set."""
    return [
        Search(method, seed, bench, data, ranker, LABELS, greedy)
        for method, each in rankers.items()
        for data, ranker in each.items()
        for seed in range(plan.seeds)
    ]


def _grouped(jobs: Sequence[Search], found: Sequence[Found]) -> Runs:
    groups: Runs = {}
    for job, result in zip(jobs, found, strict=True):
        groups.setdefault((job.data, job.method), []).append(result)
    return groups


def compared(bench: Bench, plan: Plan) -> Runs:
    """Run AceNAS, Vanilla and BRP-NAS with 20, 40, ..., 100 labels, the rounds of one search.

    Vanilla learns random labels; its five training sets contain each other. BRP-NAS trains more
    epochs in each round, as in its code.
    """
    space = bench.space
    # 4 x 144, along the edges only: AceNAS's reimplementation of Wen et al.
    vanilla = plan.shortened(NeuralPredictor(space, variant="acenas", layers=4))
    brp = plan.shortened(BRPNAS(space))
    rankers = pretrained_each(bench, plan, datasets(plan))
    jobs = _searches(bench, plan, {"AceNAS": rankers})
    jobs += _searches(bench, plan, {"Vanilla": dict.fromkeys(rankers, vanilla)}, greedy=0.0)
    per_round = 50 if plan.epochs is None else plan.epochs
    jobs += [
        Search("BRP-NAS", seed, bench, data, brp, LABELS, epochs_per_round=per_round)
        for data in datasets(plan)
        for seed in range(plan.seeds)
    ]
    return _grouped(jobs, plan.map(run_search, jobs))


def _round(found: Sequence[Found], t: int) -> list[Found]:
    return [run["rounds"][t] for run in found]


def _mean(found: Sequence[Found], key: str) -> float:
    return float(np.mean([run[key] for run in found]))


def figure_5(bench: Bench, plan: Plan) -> Comparison:
    """Top-10 accuracy against labels."""
    runs = compared(bench, plan)
    rows = []
    means: dict[tuple[str, str, int], float] = {}
    for (data, method), found in runs.items():
        for t in range(ROUNDS):
            part = _round(found, t)
            labels = part[0]["labels"]
            row = summary(
                f"{data:4} {method:8} {labels:3} labels, top-10 test %",
                part,
                "top10",
                why=PICTURE,
                decimals=2,
            )
            rows.append(row)
            means[data, method, t] = row.ours
    claims = []
    for rival, most in (("Vanilla", 0.62), ("BRP-NAS", 0.11)):
        for data in datasets(plan):
            gaps = [means[data, "AceNAS", t] - means[data, rival, t] for t in range(ROUNDS)]
            text = f"AceNAS beats {rival} at every number of labels, at 20 by up to {most} over all"
            measured = f"{data}: " + " ".join(f"{gap:+.2f}" for gap in gaps)
            claims.append(Claim(f"{text} spaces", min(gaps) > 0, measured))
    return Comparison(rows, claims, NOTES)


def figure_6(bench: Bench, plan: Plan) -> Comparison:
    """Pearson correlation with top-10 accuracy over all methods, labels and seeds."""
    runs = compared(bench, plan)
    rows, claims = [], []
    for data in datasets(plan):
        points = [
            r for (d, _), found in runs.items() if d == data for run in found for r in run["rounds"]
        ]
        seconds = sum(r["seconds"] for r in points)
        reached = {}
        for key in ("ndcg", "tau"):
            values = pearson([r[key] for r in points], [r["top10"] for r in points])
            what = f"{data:4} correlation of {key} with top-10 accuracy"
            reached[key] = values
            rows.append(Row(what, values, seeds=len(points), seconds=seconds, why=PICTURE))
        ratio = reached["ndcg"] / reached["tau"] if reached["tau"] else math.nan
        text = "NDCG correlates 1.3 to 1.8 times as much as tau"
        measured = f"{data}: {ratio:.2f} times, over {len(points)} rankings"
        claims.append(Claim(text, bool(ratio >= 1.3), measured))
    return Comparison(rows, claims, NOTES)


def figure_7(bench: Bench, plan: Plan) -> Comparison:
    """Mean NDCG and top-10 accuracy of each method over all labels."""
    runs = compared(bench, plan)
    rows, claims = [], []
    for data in datasets(plan):
        reached = {}
        for (d, method), found in runs.items():
            if d != data:
                continue
            points = [r for run in found for r in run["rounds"]]
            head = f"{data:4} {method:8}"
            rows += [
                summary(f"{head} NDCG", points, "ndcg", why=PICTURE),
                summary(f"{head} top-10 test %", points, "top10", why=PICTURE, decimals=2),
            ]
            reached[method] = (rows[-2].ours, rows[-1].ours)
        ace = reached.pop("AceNAS")
        both = all(ace[0] > n and ace[1] > a for n, a in reached.values())
        text = "AceNAS has better NDCG and better accuracy than Vanilla and BRP-NAS"
        claims.append(Claim(text, both, data))
    return Comparison(rows, claims, NOTES)


def figure_11(bench: Bench, plan: Plan) -> Comparison:
    """Test accuracy of the cell that is best in validation so far, on CIFAR-100."""
    evolution = RegularizedEvolution(
        population=20, tournament=5, batch_size=1, skip_isomorphic=False
    )
    ranker = pretrained(bench, plan, "c100")
    runs = {"AceNAS": plan.map(run_search, searches(bench, ranker, "c100", plan.seeds, LABELS))}
    for method, strategy in (("Random", Random(skip_isomorphic=False)), ("RE", evolution)):
        runs[method] = plan.map(run_walk, walks(bench, plan, method, strategy, 110))
    rows, last = [], {}
    for method, found in runs.items():
        for labels in (20, 40, 60, 80, 100, 110):
            part = [
                {"test": run["incumbent"][labels - 1], "seconds": run["seconds"] * labels / 110}
                for run in found
            ]
            why = PICTURE if method == "AceNAS" else f"{PICTURE}; {SETTINGS}"
            what = f"c100 {method:6} {labels:3} labels, test %"
            rows.append(summary(what, part, "test", why=why, decimals=2))
        last[method] = rows[-1].ours
    text = "AceNAS improves consistently on the baselines, with jumps at 20, 40, ..., 100 labels"
    claim = Claim(text, last["AceNAS"] > max(last["Random"], last["RE"]), "at 110 labels")
    return Comparison(rows, [claim], NOTES)
