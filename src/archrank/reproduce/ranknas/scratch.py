"""Trainings from scratch, shared by supernets of all seeds, and the ranks that they judge."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from archrank.criteria import kendall_tau, spearman
from archrank.reproduce.base import Found, Plan
from archrank.reproduce.ranknas.extent import Extent
from archrank.reproduce.ranknas.trainings import Trainings, drawn, networks_of
from archrank.types import Archs, Floats

SEED = 11
"""Draws the architectures that judge ranks."""

JUDGES = {"valid_loss": ("validation loss", -1.0), "test_bleu": ("test BLEU", 1.0)}
"""Results of trainings from scratch, by what ranks are judged, and the sign of their scores."""

CRITERIA = {"tau": kendall_tau, "rho": spearman}


@dataclass(frozen=True)
class Alone:
    """One architecture, as text, that is trained from scratch; announced with its place."""

    trainings: Trainings
    arch: str
    place: str


def run_alone(job: Alone) -> Found:
    """Train it; return losses, BLEU and CPU seconds."""
    arch = job.trainings.networks.space.parse([job.arch])
    found = job.trainings.alone(arch, doing=f"training from scratch, {job.place}")[0]
    return {**found, "seconds": found["cpu_seconds"]}


def trained_alone(plan: Plan, trainings: Trainings, archs: Archs) -> list[Found]:
    """Train each of ``archs: (n, d)``, in workers where there are some; results in their order."""
    texts = trainings.networks.space.format(archs)
    jobs = [
        Alone(trainings, text, f"{number} of {len(texts)}") for number, text in enumerate(texts, 1)
    ]
    return plan.map(run_alone, jobs)


def judges(space: str, extent: Extent) -> Archs:
    """Return the architectures that judge ranks: ``(n, d)``, random ones of a band of sizes."""
    rng = np.random.default_rng(SEED)
    return drawn(networks_of(space, extent), extent.scratch, rng=rng, band=extent.band)


def judged(plan: Plan, space: str, extent: Extent, folder: Path) -> list[Found]:
    """Train the architectures that judge ranks; NaN where a training diverged."""
    trainings = Trainings(space, 0, extent, folder, plan.announce)
    return trained_alone(plan, trainings, judges(space, extent))


def truth_of(found: list[Found], judge: str) -> Floats:
    """Return what ranks should be like, higher is better: ``(n,)``."""
    return JUDGES[judge][1] * np.array([each[judge] for each in found], dtype=np.float64)


def agreement(criterion: str, scores: Floats, truth: Floats) -> float:
    """Return tau or rho of scores and truth ``(n,)``, of those that are finite.

    It is 0 of equal scores, NaN of equal truths.
    """
    finite = np.isfinite(scores) & np.isfinite(truth)
    scores, truth = scores[finite], truth[finite]
    if len(truth) < 2 or np.ptp(truth) == 0:
        return math.nan
    return CRITERIA[criterion](scores, truth) if np.ptp(scores) else 0.0
