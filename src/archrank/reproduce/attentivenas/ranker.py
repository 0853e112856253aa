"""AttentiveNAS, Fig. 4: predicted accuracies of sub-networks against measured ones."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import rankdata

from archrank.criteria import kendall_tau
from archrank.reproduce.attentivenas.charts import scatter
from archrank.reproduce.attentivenas.extent import Extent, extent_of, told, workplace
from archrank.reproduce.attentivenas.trainings import Supernets
from archrank.reproduce.base import (
    Announce,
    Claim,
    Comparison,
    Found,
    Plan,
    Row,
    nobody,
    summary,
)
from archrank.reproduce.bench import Bench
from archrank.types import Floats

PUBLISHED = {"a": 0.89, "b": 0.87, "c": 0.88}
CLOSE = 0.05  # of tau by which the forest may be worse on other labels than on its own kind
SMALL = (
    "theirs: ImageNet, epoch 30 of 360, 10 % of the training images held out; ours: "
    "attentive_small on letters of 12 x 12 pixels"
)
NEAR = 0.1  # of all ranks


@dataclass(frozen=True)
class Repetition:
    """One supernet on each of two splits of the images."""

    number: int
    extent: Extent
    folder: Path
    announce: Announce = nobody


def run(repetition: Repetition) -> Found:
    """Train both supernets, fit the forest to one, judge it; the stages by letter."""
    start = time.perf_counter()
    first, second = (
        Supernets(
            repetition.extent, 2 * repetition.number + i, repetition.folder, repetition.announce
        )
        for i in (0, 1)
    )
    archs = first.sampled()
    half = len(archs) // 2
    ranker, others = first.ranker(), archs[half:]
    macs = first.networks.cost(others)["macs"]
    predicted = ranker.predict(others)
    early = first.scores(archs, early=True)[half:]
    same = first.scores(others, early=True, part="test")
    truths = {
        "a": (early, same),  # measured, and what the measured ones are limited by
        "b": (first.scores(others), early),
        "c": (second.scores(others, early=True), early),
    }
    found: Found = {
        letter: judged(predicted, macs, truth, ceiling)
        for letter, (truth, ceiling) in truths.items()
    }
    seconds = time.perf_counter() - start
    return {letter: values | {"seconds": seconds / 3} for letter, values in found.items()}


def judged(predicted: Floats, macs: Floats, truth: Floats, ceiling: Floats) -> Found:
    """Compare predictions, MACs and other measurements ``(n,)`` with the truth; give the ranks."""
    ranks = [rankdata(-scores) for scores in (predicted, truth)]
    apart = np.abs(ranks[0] - ranks[1]) / len(truth)
    return {
        "tau": kendall_tau(predicted, truth),
        "macs": kendall_tau(macs, truth),
        "ceiling": kendall_tau(ceiling, truth),
        "apart": 100 * float(apart.mean()),
        "near": 100 * float((apart <= NEAR).mean()),
        "ranks": [each.tolist() for each in ranks],
    }


def figure_4(bench: Bench | None, plan: Plan) -> Comparison:
    """Kendall's tau of the forest, of MACs, and of other measurements of the same sub-networks."""
    extent = extent_of(plan)
    with workplace(plan) as folder:
        jobs = [Repetition(number, extent, folder, plan.announce) for number in range(plan.seeds)]
        found = plan.map(run, jobs)
    stages = {
        "a": (f"epoch {extent.early}, split 0", "the same supernet on other images"),
        "b": (f"epoch {extent.epochs}, split 0", f"epoch {extent.early} itself"),
        "c": (f"epoch {extent.early}, split 1", "split 0 itself"),
    }
    rows: list[Row] = []
    for letter, (where, limit) in stages.items():
        part = [one[letter] for one in found]
        rows += _rows(f"({letter}) {where}", limit, part, PUBLISHED[letter])
    drawn = tuple(
        scatter(f"({letter}) {where}", *map(np.array, found[0][letter]["ranks"]))
        for letter, (where, _) in stages.items()
    )
    half = extent.archs // 2
    notes = (
        f"the forest has 100 trees of depth 15 and {half} labels: accuracies of random "
        f"sub-networks at epoch {extent.early}, split 0; it is judged on {extent.archs - half} "
        "others",
        f"accuracies of {extent.examples:,} held-out images; batch norms are calibrated for "
        "each sub-network; splits differ in all images and in the supernet's seed",
        *told(plan),
    )
    return Comparison(rows, _claims(found), notes, drawn)


def _rows(head: str, limit: str, found: list[Found], paper: float) -> list[Row]:
    nothing = "the paper does not tell"
    return [
        summary(f"{head}: forest, tau", found, "tau", paper, why=SMALL),
        summary(f"{head}: MACs, tau", found, "macs", why=nothing),
        summary(f"{head}: {limit}, tau", found, "ceiling", why=nothing),
        summary(f"{head}: ranks apart, mean, % of all", found, "apart", why=nothing, decimals=1),
        summary(
            f"{head}: ranks less than {NEAR:.0%} apart, %", found, "near", why=nothing, decimals=1
        ),
    ]


def _claims(found: list[Found]) -> list[Claim]:
    tau = {letter: float(np.mean([one[letter]["tau"] for one in found])) for letter in PUBLISHED}
    macs = float(np.mean([one["a"]["macs"] for one in found]))
    return [
        Claim(
            "predicted accuracies rank sub-networks that the forest has not seen (counts as held "
            "with a tau of .80, and .2 above MACs)",
            tau["a"] >= 0.8 and tau["a"] >= macs + 0.2,
            f"{tau['a']:.3f}, MACs {macs:.3f}",
        ),
        *(
            Claim(
                f"a forest of an early checkpoint ranks {what} nearly as well (counts as held "
                f"within {CLOSE:.2f} of tau)",
                tau[letter] >= tau["a"] - CLOSE,
                f"{tau['a']:.3f} -> {tau[letter]:.3f}",
            )
            for letter, what in (
                ("b", "sub-networks of the trained supernet"),
                ("c", "those of a supernet of other images"),
            )
        ),
    ]
