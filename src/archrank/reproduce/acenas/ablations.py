"""AceNAS, Figs. 8, 9 and 14 on NAS-Bench-201, and an ablation of its search."""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np
from sklearn.base import clone

from archrank.rankers.base import Ranker
from archrank.reproduce.acenas.figures import LABELS
from archrank.reproduce.acenas.search import (
    QUICK_PRETRAINING,
    ROUNDS,
    TOP,
    Search,
    columns,
    one_shot,
    pretrained_each,
    published,
    run_search,
    search_result,
)
from archrank.reproduce.acenas.tables import NOTES, head_start
from archrank.reproduce.base import PICTURE, Claim, Comparison, Found, Plan, Row, summary
from archrank.reproduce.bench import Bench
from archrank.types import Floats

Rankers = Mapping[str, Mapping[str, Ranker]]
"""Rankers by title and data set."""

FIRST = 20  # evaluations of the first round, which is random
HELD_OUT = 1_000  # architectures of Fig. 14 that are not learnt, beside 4,000 that are
MINE = "not in the paper"


def datasets(bench: Bench, plan: Plan) -> tuple[str, ...]:
    """Return the data sets of the table; only CIFAR-100 if quick."""
    return tuple(
        data
        for data in ("c10", "c100", "in16")
        if f"{data}_val" in bench.columns and (data == "c100" or not plan.quick)
    )


def _run(jobs: list[Search], plan: Plan) -> dict[tuple[str, str], list[Found]]:
    """Run searches; return the results by data set and method, with test regrets.

    ``gap`` is that of the answer, ``way`` the mean over all evaluations after the first round.
    """
    groups: dict[tuple[str, str], list[Found]] = {}
    for job, found in zip(jobs, plan.map(run_search, jobs), strict=True):
        best = float(columns(job.bench, job.data)[1].max())
        later = best - np.asarray(found["incumbent"][FIRST:])
        gaps = {"gap": best - found["test"], "way": float(later.mean())}
        groups.setdefault((job.data, job.method), []).append(found | gaps)
    return groups


def _jobs(bench: Bench, plan: Plan, rankers: Rankers) -> list[Search]:
    return [
        Search(title, seed, bench, data, ranker, LABELS)
        for title, each in rankers.items()
        for data, ranker in each.items()
        for seed in range(plan.seeds)
    ]


def _by(scores: Floats, bench: Bench, data: str, n: int) -> Found:
    """Train the ``n`` best of a cheap score; return the gap of the answer to the best cell."""
    val, test = columns(bench, data)
    order = np.argsort(-scores, kind="stable")[:n]
    return {"gap": float(test.max()) - search_result(order, val, test)["test"], "seconds": 0.0}


def figure_8(bench: Bench, plan: Plan) -> Comparison:
    """Test regret of 100 trainings: the best 100 by one-shot accuracy, or AceNAS's 80 and 20."""
    rankers = pretrained_each(bench, plan, datasets(bench, plan))
    jobs = [
        Search("AceNAS", seed, bench, data, ranker, LABELS - 20, top=20)
        for data, ranker in rankers.items()
        for seed in range(plan.seeds)
    ]
    rows, claims = [], []
    for (data, _), found in _run(jobs, plan).items():
        best = _by(one_shot(bench, data), bench, data, LABELS)
        rows += [
            summary(f"{data:4} best 100 one-shot, regret", [best], "gap", why=PICTURE, decimals=2),
            summary(f"{data:4} AceNAS 80 + 20, regret", found, "gap", why=PICTURE, decimals=2),
        ]
        greedy, ours = rows[-2].ours, rows[-1].ours
        text = "AceNAS has smaller regret than greedy search on one-shot accuracies (by up to 3)"
        claims.append(Claim(text, ours < greedy, f"{data}: {ours:.2f}, greedy {greedy:.2f}"))
    return Comparison(rows, claims, NOTES)


def figure_9(bench: Bench, plan: Plan) -> Comparison:
    """Top-10 regret after 100 labels, for several losses and several pretrainings."""
    names = datasets(bench, plan)
    full = pretrained_each(bench, plan, names)
    rankers: Rankers = {
        "LambdaRank": full,
        "RankNet": _with(full, objective="ranknet_halves"),  # as released
        "MSE": _with(full, objective="mse"),
        "pretrained on FLOPs, params only": pretrained_each(bench, plan, names, labels="costs"),
        "pretrained on one-shot only": pretrained_each(bench, plan, names, labels="oneshot"),
        "no pretraining": dict.fromkeys(names, published(bench, plan)),
    }
    runs = _run(_jobs(bench, plan, rankers), plan)
    rows, means = [], {}
    for (data, title), found in runs.items():
        last = [run["rounds"][ROUNDS - 1] for run in found]
        own = title in ("pretrained on one-shot only", "no pretraining")
        row = summary(
            f"{data:4} {title}, top-10 regret",
            last,
            "regret10",
            why=MINE if own else PICTURE,
            decimals=2,
        )
        rows.append(row)
        means[data, title] = row.ours
    notes = (*NOTES, *(head_start(bench, data) for data in names))
    claims = [claim for data in names for claim in _claims_9(means, data)]
    return Comparison(rows, claims, notes)


def _with(rankers: Mapping[str, Ranker], **settings: object) -> dict[str, Ranker]:
    """Copy pretrained rankers, with other settings."""
    return {data: clone(ranker).set_params(**settings) for data, ranker in rankers.items()}


def _claims_9(means: Mapping[tuple[str, str], float], data: str) -> list[Claim]:
    ace, ranknet, mse, costs = (
        means[data, title]
        for title in ("LambdaRank", "RankNet", "MSE", "pretrained on FLOPs, params only")
    )
    measured = f"{data}: {ace:.2f}, RankNet {ranknet:.2f}, MSE {mse:.2f}"
    loss = "LambdaRank has smaller regret than RankNet and MSE"
    labels = "one-shot labels in pretraining reduce regret (by up to 0.39 over all spaces)"
    return [
        Claim(loss, ace < min(ranknet, mse), measured),
        Claim(labels, ace < costs, f"{data}: {ace:.2f} with, {costs:.2f} without"),
    ]


def figure_14(bench: Bench, plan: Plan) -> Comparison:
    """Explained variance of each weak label on cells that pretraining has not seen."""
    n = min(len(bench), 4_000 + HELD_OUT)
    jobs = [(bench, plan, n, seed) for seed in range(plan.seeds)]
    found = plan.map(_pretraining, jobs)
    rows = [
        summary(f"R2 of {title}", found, key, why=PICTURE)
        for title, key in (
            ("one-shot accuracy", "oneshot_acc"),
            ("FLOPs", "macs"),
            ("parameters", "params"),
        )
    ]
    accuracy, flops, params = (row.ours for row in rows)
    measured = f"{accuracy:.3f}, FLOPs {flops:.3f}, parameters {params:.3f}"
    claims = [
        Claim("R2 of FLOPs and parameters is above 0.98", min(flops, params) > 0.98, measured),
        Claim("R2 of one-shot accuracy is between 0.4 and 1", 0.4 < accuracy < 1, measured),
    ]
    return Comparison(rows, claims, (f"{n * 4 // 5:,} cells learnt, {n - n * 4 // 5:,} held out",))


def _pretraining(job: tuple[Bench, Plan, int, int]) -> Found:
    """Pretrain once on random cells, a fifth of which is held out."""
    bench, plan, n, seed = job
    start = time.perf_counter()
    ranker = published(bench, plan).set_params(pretrain_samples=n, seed=seed)
    if plan.quick and plan.epochs is None:
        ranker.set_params(pretrain_epochs=QUICK_PRETRAINING)
    weak = {"oneshot_acc": one_shot(bench, "c10"), "macs": bench.macs, "params": bench.params}
    found = ranker.pretrain(bench.archs, weak).pretrained_.r2
    return {**found, "seconds": time.perf_counter() - start}


def search(bench: Bench, plan: Plan) -> Comparison:
    """Test regret of 110 trainings if one part of the search is replaced at a time.

    Also the mean regret on the way, of the best in validation so far: in small tables every variant
    ends at the best cell.
    """
    names = datasets(bench, plan)
    full = pretrained_each(bench, plan, names)
    rankers: Rankers = {
        "AceNAS": full,
        "no pretraining": dict.fromkeys(names, published(bench, plan)),
        "ranked by predictions": _with(full, rank_by="predicted"),
        "new head": _with(full, new_head=True),
    }
    jobs = _jobs(bench, plan, rankers)
    jobs += [
        Search(title, seed, bench, data, ranker, LABELS, greedy)
        for title, greedy in (("all labels random", 0.0), ("no label random", 1.0))
        for data, ranker in full.items()
        for seed in range(plan.seeds)
    ]
    jobs += [
        Search("weights carried over", seed, bench, data, ranker, LABELS, carry_over=True)
        for data, ranker in full.items()
        for seed in range(plan.seeds)
    ]
    runs = _run(jobs, plan)
    rows: list[Row] = []
    means: dict[tuple[str, str], float] = {}

    def add(data: str, title: str, found: list[Found], key: str = "gap") -> None:
        rows.append(summary(f"{data:4} {title}, regret", found, key, why=MINE, decimals=2))
        means[data, title] = rows[-1].ours

    for data in names:
        for title in dict.fromkeys(job.method for job in jobs):
            found = runs[data, title]
            add(data, title, found)
            on_the_way = f"{data:4} {title}, regret on the way"
            rows.append(summary(on_the_way, found, "way", why=MINE, decimals=2))
        last = [run["rounds"][ROUNDS - 1] for run in runs[data, "AceNAS"]]
        add(data, "best of the top 10 only", last, "regret10")
        for title, scores in (("one-shot", one_shot(bench, data)), ("FLOPs", bench.macs)):
            add(data, f"best 110 by {title}", [_by(scores, bench, data, LABELS + TOP)])
    notes = [*NOTES, *(head_start(bench, data) for data in names)]
    return Comparison(rows, [], (*notes, *(_better(means, data) for data in names)))


def _better(means: Mapping[tuple[str, str], float], data: str) -> str:
    """Say what has a smaller regret than AceNAS as published."""
    ace = means[data, "AceNAS"]
    better = [
        f"{title} {value:.2f}"
        for (of, title), value in means.items()
        if of == data and value < ace - 1e-9
    ]
    if not better:
        return f"{data}: nothing has a smaller regret than AceNAS, {ace:.2f}"
    return f"{data}: AceNAS has a regret of {ace:.2f}, smaller ones have {', '.join(better)}"
