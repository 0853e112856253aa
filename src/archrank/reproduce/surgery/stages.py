"""Predictors of the Surgery study, trained in five stages: Fig. 5, Table A2."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from archrank import criteria
from archrank.assess.fitting import Fit, fit_stages, measures
from archrank.assess.surgery_rankers import RANKING
from archrank.reproduce.base import PICTURE, Claim, Comparison, Found, Plan, Row, summary
from archrank.reproduce.bench import Bench
from archrank.reproduce.surgery.predictors import NOTES, by_ranker, fits, sizes

STAGES = 5  # each adds as many labels as the first, of the best predicted cells
TOP_SHARES = (0.001, 0.01, 0.05)  # P@K
TOP_COUNTS = (11, 7, 1)  # BR@K of Table A2

ONE_RUN = "paper: one run; ours: mean over runs (BR@K: median)"
FIRST = f"{ONE_RUN}; its 78 random cells held none at chance, ours hold some"
LATE_LSTM = f"{ONE_RUN}; its LSTM ranks like its GATES from stage 3 on, ours never does"

# Table A2: per stage lowest and highest accuracy added, their sd, BR@11, BR@7, BR@1, tau
PaperStage = tuple[float, float, float, int, int, int, float]
PAPER_A2: dict[str, tuple[PaperStage, ...]] = {
    "GATES": (
        (0.560, 0.938, 6.43e-2, 1, 2, 306, 0.769),
        (0.921, 0.944, 4.59e-3, 1, 1, 3, 0.759),
        (0.935, 0.944, 2.16e-3, 1, 1, 2, 0.752),
        (0.933, 0.944, 2.18e-3, 1, 1, 3, 0.742),
        (0.933, 0.944, 2.30e-3, 1, 1, 3, 0.725),
    ),
    "LSTM": (
        (0.560, 0.938, 6.43e-2, 99, 268, 393, 0.562),
        (0.922, 0.944, 4.52e-3, 2, 2, 9, 0.556),
        (0.922, 0.944, 2.63e-3, 1, 1, 6, 0.571),
        (0.932, 0.944, 2.42e-3, 1, 2, 5, 0.739),
        (0.934, 0.944, 1.98e-3, 1, 1, 3, 0.724),
    ),
}


def run_stages(fit: Fit) -> Found:
    """Run all stages: the labels that each added, and the criteria of its ranker."""
    truth = fit.bench[fit.truth]
    stages = []
    for stage in fit_stages(fit):
        added = truth[stage.added] / 100  # percent in the table
        known = measures(stage.scores, truth, fit.bench)
        known |= {"low": added.min(), "high": added.max(), "sd": added.std()}
        known["seconds"] = stage.seconds
        for share in TOP_SHARES:
            k = fit.bench.share(share)
            known[f"p{share}"] = criteria.precision_at(stage.scores, truth, k)
        for k in TOP_COUNTS:
            best = criteria.best_ranking_at(stage.scores, truth, k, absolute=True)
            known[f"br{k}"] = best
        stages.append(known)
    return {"stages": stages}


def _groups(bench: Bench, plan: Plan, size: int, names: Sequence[str]) -> dict[str, list[Found]]:
    """Group the runs by ranker."""
    makers = {name: RANKING[name] for name in names}
    jobs = fits(bench, plan, makers, size, stages=STAGES)
    groups = by_ranker(jobs, plan.map(run_stages, jobs))
    return {name: found for (name, _), found in groups.items()}


def _at(found: Sequence[Found], stage: int) -> list[Found]:
    return [run["stages"][stage] for run in found]


def figure_5(bench: Bench, plan: Plan) -> Comparison:
    """P@K after five stages of 78 and of 781 labels."""
    rows, claims = [], []
    for size in sizes(bench, (78,) if plan.quick else (78, 781)):
        groups = _groups(bench, plan, size, ("LSTM", "GATES"))
        for share in TOP_SHARES:
            for name, found in groups.items():
                for stage in (0, STAGES - 1):
                    what = f"P@{100 * share:g} %  {name:5} N={size}, stage {stage}"
                    part = _at(found, stage)
                    key, scale = f"p{share}", 100.0
                    rows.append(summary(what, part, key, why=PICTURE, decimals=1, scale=scale))
        first = {name: _mean(found, 0) for name, found in groups.items()}
        last = {name: _mean(found, STAGES - 1) for name, found in groups.items()}
        measured = f"N={size}: " + ", ".join(
            f"{name} {100 * first[name]:.1f} -> {100 * last[name]:.1f} %" for name in groups
        )
        rises = all(last[name] > first[name] for name in groups)
        claims.append(Claim("P@0.1 % increases a lot after multiple stages", rises, measured))
        gaps = [abs(p["GATES"] - p["LSTM"]) for p in (first, last)]
        measured = f"N={size}: {100 * gaps[0]:.1f} -> {100 * gaps[1]:.1f} points of P@0.1 %"
        text = "the gap between LSTM and GATES shrinks with more data"
        claims.append(Claim(text, gaps[1] < gaps[0], measured))
    return Comparison(rows, claims, NOTES)


def _mean(found: Sequence[Found], stage: int) -> float:
    return float(np.mean([run["p0.001"] for run in _at(found, stage)]))


def table_a2(bench: Bench, plan: Plan) -> Comparison:
    """Labels that five stages of 78 choose, and criteria of the ranker of each stage."""
    rows: list[Row] = []
    for size in sizes(bench, (78,)):
        for name, found in _groups(bench, plan, size, tuple(PAPER_A2)).items():
            for stage, paper in enumerate(PAPER_A2[name]):
                rows += _stage_rows(f"{name:5} stage {stage}", _at(found, stage), paper)
    return Comparison(rows, [], (*NOTES, "BR@K: best true rank among the predicted top K"))


def _stage_rows(head: str, found: list[Found], paper: PaperStage) -> list[Row]:
    low, high, sd, br11, br7, br1, tau = paper
    drawn = FIRST if head.endswith("0") else ONE_RUN
    rows = [
        summary(f"{head}, lowest accuracy", found, "low", low, why=drawn),
        summary(f"{head}, highest accuracy", found, "high", high, why=ONE_RUN),
        summary(f"{head}, sd of accuracy", found, "sd", sd, why=drawn, decimals=5),
    ]
    for k, best in zip(TOP_COUNTS, (br11, br7, br1), strict=True):
        what, key = f"{head}, BR@{k}", f"br{k}"
        rows.append(summary(what, found, key, best, why=ONE_RUN, decimals=0, median=True))
    why = LATE_LSTM if head.startswith("LSTM") and tau > 0.7 else ONE_RUN
    rows.append(summary(f"{head}, tau", found, "tau", tau, why=why))
    return rows
