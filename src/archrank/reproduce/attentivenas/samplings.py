"""AttentiveNAS, Figs. 5 and 6: supernets under uniform and attentive samplings, compared."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from archrank.comparison.statistics import LEVEL, half_width
from archrank.reproduce.attentivenas import charts
from archrank.reproduce.attentivenas.extent import FOLDER, extent_of
from archrank.reproduce.attentivenas.measuring import (
    REGIMES,
    Sampled,
    centres,
    measure,
    prepare,
)
from archrank.reproduce.attentivenas.trainings import SAMPLINGS, UNIFORM, networks_of
from archrank.reproduce.base import NOTHING, PICTURE, Claim, Comparison, Found, Plan, Row, summary
from archrank.reproduce.bench import Bench
from archrank.reproduce.paired import above
from archrank.reproduce.workplace import told, workplace
from archrank.types import Floats

STATISTICS = {"minimum": 0.0, "first quartile": 0.25, "median": 0.5}
SMALL = 2  # regimes that count as small
GUIDED = ("bestup-50-ranker", "bestup-1m")
WORST = ("worstup-50-ranker", "worstup-1m")
Runs = dict[str, list[Found]]
"""Measured supernets by sampling, one per repetition."""


def compared(plan: Plan) -> tuple[Runs, list[str], tuple[str, ...]]:
    """Train and measure all samplings: runs, names of the regimes, notes; once for both figures."""
    extent = extent_of(plan)
    numbers = range(plan.seeds)
    with workplace(plan, FOLDER) as folder:
        first = [Sampled(UNIFORM, number, extent, folder, plan.announce) for number in numbers]
        prepared = plan.map(prepare, first)
        jobs = [
            Sampled(name, number, extent, folder, plan.announce)
            for name in SAMPLINGS
            for number in numbers
        ]
        found = plan.map(measure, jobs)
    runs: Runs = {name: [] for name in SAMPLINGS}
    for job, result in zip(jobs, found, strict=True):
        runs[job.sampling].append(result)
    runs[UNIFORM] = [  # trained while the labels of the ranker were made
        run | {"seconds": run["seconds"] + before["seconds"]}
        for run, before in zip(runs[UNIFORM], prepared, strict=True)
    ]
    regimes = [f"{centre:.2f}" for centre in centres(networks_of(extent, 0))]
    epochs = ", ".join(f"{SAMPLINGS[name]} {each[0]['epochs']}" for name, each in runs.items())
    searched = extent.initial + extent.generations * extent.children
    notes = (
        "the paper trains all with 360 epochs; ours have equal compute, CPU time of candidates, of "
        f"the ranker's early training and of its labels included. Epochs: {epochs}",
        f"attentive_small on letters of 12 x 12 pixels; regimes of {', '.join(regimes)} MFLOPs, in "
        f"proportion to {', '.join(f'{each:g}' for each in REGIMES)} of the published space",
        f"accuracies of {extent.eval_images:,} test images with calibrated batch norms; searches "
        f"score {searched:,} sub-networks on validation images (5,248 published)",
        "a claim counts as held if its difference, paired by repetition, is above its standard "
        f"error; intervals are of {LEVEL:.0%} (Student's t)",
        *told(plan),
    )
    return runs, regimes, notes


def figure_5(bench: Bench | None, plan: Plan) -> Comparison:
    """Accuracies of random sub-networks by regime, under each sampling."""
    runs, regimes, notes = compared(plan)
    rows = []
    for name, found in runs.items():
        for i, regime in enumerate(regimes):
            for statistic, share in STATISTICS.items():
                part = [
                    {"value": np.quantile(run["regimes"][i], share), "seconds": run["seconds"]}
                    for run in found
                ]
                what = f"{SAMPLINGS[name]}, {regime} MFLOPs: {statistic}, accuracy %"
                rows.append(summary(what, part, "value", why=PICTURE, scale=100.0, decimals=2))
    named = {SAMPLINGS[name]: [run["regimes"] for run in found] for name, found in runs.items()}
    return Comparison(rows, _claims_5(runs), notes, (charts.boxes(named, regimes),))


def _claims_5(runs: Runs) -> list[Claim]:
    def low(name: str, share: float) -> Floats:
        """Return a quantile in the small regimes, mean over these: a number per repetition."""
        return np.array(
            [
                np.mean([np.quantile(part, share) for part in run["regimes"][:SMALL]])
                for run in runs[name]
            ]
        )

    others = (*GUIDED, UNIFORM)
    gaps = {
        (a, b, share): low(a, share) - low(b, share)
        for a in WORST
        for b in others
        for share in (0.0, 0.25)
    }
    least = min(gaps, key=lambda key: gaps[key].mean())
    median = low("worstup-1m", 0.5) - low("bestup-1m", 0.5)
    return [
        Claim(
            "in small regimes, minimum and first quartile of WorstUp-50 (acc) and WorstUp-1M (acc) "
            "are higher than those of BestUp-50 (acc), BestUp-1M (acc) and Uniform",
            all(above(gap) for gap in gaps.values()),
            f"smallest difference, {SAMPLINGS[least[0]]} to {SAMPLINGS[least[1]]}: "
            f"{points(gaps[least])}",
        ),
        Claim(
            "in small regimes, WorstUp-1M (acc) outperforms BestUp-1M (acc)",
            above(median),
            f"medians: {points(median)}",
        ),
    ]


def figure_6(bench: Bench | None, plan: Plan) -> Comparison:
    """Gain of the best sub-network over uniform sampling by regime, and hypervolumes of fronts."""
    runs, regimes, notes = compared(plan)
    gains = {name: gain(runs, name) for name in SAMPLINGS if name != UNIFORM}
    rows = [
        _row(
            f"{SAMPLINGS[name]}, {regime} MFLOPs: gain over Uniform, points",
            each[:, i],
            runs[name],
            PICTURE,
        )
        for name, each in gains.items()
        for i, regime in enumerate(regimes)
    ]
    volumes = {
        name: np.array([run["hypervolume"] for run in found]) for name, found in runs.items()
    }
    for name, volume in volumes.items():
        rows.append(
            _row(f"{SAMPLINGS[name]}: hypervolume of the front, %", volume, runs[name], NOTHING)
        )
        if name != UNIFORM:
            what = f"{SAMPLINGS[name]}: gain of hypervolume, points"
            rows.append(_row(what, volume - volumes[UNIFORM], runs[name], NOTHING))
    named = {SAMPLINGS[name]: each for name, each in gains.items()}
    chart = charts.gains(named, regimes, half_width)
    return Comparison(rows, _claims_6(gains), notes, (chart,))


def gain(runs: Runs, name: str) -> Floats:
    """Return the gain of a sampling over uniform sampling: ``(repetitions, regimes)``."""
    best, uniform = (np.array([run["best"] for run in runs[each]]) for each in (name, UNIFORM))
    difference: Floats = best - uniform
    return difference


def _row(what: str, values: Floats, runs: Sequence[Found], why: str) -> Row:
    """Make a row of values of repetitions ``(n,)``, as percent, with its interval in the text."""
    found = [{"value": v, "seconds": run["seconds"]} for v, run in zip(values, runs, strict=True)]
    half = 100 * half_width(values)
    told_too = f" (± {half:.2f} with {LEVEL:.0%})" if math.isfinite(half) else ""
    return summary(what + told_too, found, "value", why=why, scale=100.0, decimals=2)


def _claims_6(gains: dict[str, Floats]) -> list[Claim]:
    large = [i for i, regime in enumerate(REGIMES) if regime > 400]
    mean = {name: each.mean(axis=1) for name, each in gains.items()}  # (repetitions,)
    best50, worst50 = (gains[name][:, large].mean(axis=1) for name in (GUIDED[0], WORST[0]))
    rivals = {name: mean["bestup-3-loss"] - each for name, each in mean.items()}
    rivals["bestup-3-loss"] = mean["bestup-3-loss"]  # against uniform
    return [
        Claim(
            "in the smallest regime, WorstUp-50 (acc), by about .3 points, and WorstUp-1M (acc) "
            "improve on Uniform",
            all(above(gains[name][:, 0]) for name in WORST),
            " and ".join(points(gains[name][:, 0]) for name in WORST),
        ),
        Claim(
            "above 400 MFLOPs, BestUp-50 (acc) outperforms WorstUp-50 (acc) and Uniform",
            above(best50) and above(best50 - worst50),
            f"{points(best50 - worst50)} and {points(best50)}",
        ),
        Claim(
            "WorstUp-3 (loss) and BestUp-3 (loss) improve on Uniform",
            above(mean["worstup-3-loss"]) and above(mean["bestup-3-loss"]),
            f"mean of all regimes: {points(mean['worstup-3-loss'])} and "
            f"{points(mean['bestup-3-loss'])}",
        ),
        Claim(
            "BestUp-3 (loss) is the best in general",
            all(above(gap) for gap in rivals.values()),
            "mean of all regimes: "
            + ", ".join(f"{SAMPLINGS[name]} {points(each)}" for name, each in mean.items()),
        ),
    ]


def points(values: Sequence[float] | Floats) -> str:
    """Write the mean of differences ``(n,)`` in points of percent, and its interval."""
    found = np.asarray(values)
    half = half_width(found)
    more = f" ± {100 * half:.2f}" if math.isfinite(half) else ""
    return f"{100 * found.mean():+.2f}{more}"
