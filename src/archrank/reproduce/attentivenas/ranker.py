"""AttentiveNAS, Fig. 4: predicted accuracies of sub-networks against measured ones."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import rankdata

from archrank.criteria import kendall_tau
from archrank.rankers.gaussian_process import GaussianProcess
from archrank.rankers.trees.attentivenas import AttentiveNASForest
from archrank.reproduce.attentivenas.charts import scatter
from archrank.reproduce.attentivenas.extent import FOLDER, Extent, extent_of
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
from archrank.reproduce.workplace import told, workplace
from archrank.types import Floats

PUBLISHED = {"a": 0.89, "b": 0.87, "c": 0.88}
OWN = "d"  # not in the paper: labels of the trained supernet itself
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
    """Train both supernets, fit rankers to one, judge them; the stages by letter."""
    start = time.perf_counter()
    first, second = (
        Supernets(
            repetition.extent, 2 * repetition.number + i, repetition.folder, repetition.announce
        )
        for i in (0, 1)
    )
    archs = first.sampled()
    half = len(archs) // 2
    others = archs[half:]
    macs = first.networks.cost(others)["macs"]
    early, final = first.scores(archs, early=True), first.scores(archs)
    truths = {  # measured, and what limits how well it can be predicted
        "a": (early[half:], first.scores(others, early=True, part="test")),
        "b": (final[half:], early[half:]),
        "c": (second.scores(others, early=True), early[half:]),
        OWN: (final[half:], first.scores(others, part="test")),
    }
    found: Found = {}
    for letter, (truth, ceiling) in truths.items():
        labels = final if letter == OWN else early
        space = first.networks.space
        predicted, guided = (
            ranker.fit(archs[:half], labels[:half]).predict(others)
            for ranker in (AttentiveNASForest(space), GaussianProcess(space))
        )
        found[letter] = judged(predicted, macs, truth, ceiling)
        found[letter]["default"] = kendall_tau(guided, truth)
    seconds = time.perf_counter() - start
    return {letter: values | {"seconds": seconds / len(found)} for letter, values in found.items()}


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
    with workplace(plan, FOLDER) as folder:
        jobs = [Repetition(number, extent, folder, plan.announce) for number in range(plan.seeds)]
        found = plan.map(run, jobs)
    stages = {
        "a": (f"epoch {extent.early}, split 0", "the same supernet on other images"),
        "b": (f"epoch {extent.epochs}, split 0", f"epoch {extent.early} itself"),
        "c": (f"epoch {extent.early}, split 1", "split 0 itself"),
        OWN: (
            f"epoch {extent.epochs}, split 0, labels of that epoch",
            "the same supernet on other images",
        ),
    }
    rows: list[Row] = []
    for letter, (where, limit) in stages.items():
        part = [one[letter] for one in found]
        rows += _rows(f"({letter}) {where}", limit, part, PUBLISHED.get(letter))
    drawn = tuple(
        scatter(f"({letter}) {where}", *map(np.array, found[0][letter]["ranks"]))
        for letter, (where, _) in stages.items()
    )
    half = extent.archs // 2
    notes = (
        f"the forest has 100 trees of depth 15; it and the default ranker have {half} labels: "
        f"accuracies of random sub-networks at epoch {extent.early} (of the last epoch in the "
        f"last stage), split 0; they are judged on {extent.archs - half} others",
        f"accuracies of {extent.examples:,} held-out images; batch norms are calibrated for "
        "each sub-network; splits differ in all images and in the supernet's seed",
        *told(plan),
    )
    return Comparison(rows, _claims(found), notes, drawn)


def _rows(head: str, limit: str, found: list[Found], paper: float | None) -> list[Row]:
    nothing = "the paper does not tell"
    why = SMALL if paper is not None else nothing
    return [
        summary(f"{head}: forest, tau", found, "tau", paper, why=why),
        summary(f"{head}: default ranker, tau", found, "default", why=nothing),
        summary(f"{head}: MACs, tau", found, "macs", why=nothing),
        summary(f"{head}: {limit}, tau", found, "ceiling", why=nothing),
        summary(f"{head}: ranks apart, mean, % of all", found, "apart", why=nothing, decimals=1),
        summary(
            f"{head}: ranks less than {NEAR:.0%} apart, %", found, "near", why=nothing, decimals=1
        ),
    ]


def _claims(found: list[Found]) -> list[Claim]:
    def mean(letter: str, name: str = "tau") -> float:
        return float(np.mean([one[letter][name] for one in found]))

    macs = mean("a", "macs")
    return [
        Claim(
            "predicted accuracies rank sub-networks that the forest has not seen (counts as held "
            "with a tau of .80, and .2 above MACs)",
            mean("a") >= 0.8 and mean("a") >= macs + 0.2,
            f"{mean('a'):.3f}, MACs {macs:.3f}",
        ),
        *(
            Claim(
                f"a forest of an early checkpoint ranks {what} nearly as well (counts as held "
                f"within {CLOSE:.2f} of tau)",
                mean(letter) >= mean("a") - CLOSE,
                f"{mean('a'):.3f} -> {mean(letter):.3f}",
            )
            for letter, what in (
                ("b", "sub-networks of the trained supernet"),
                ("c", "those of a supernet of other images"),
            )
        ),
    ]
