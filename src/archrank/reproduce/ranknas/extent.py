"""Extent of RankNAS's reproductions that train: data, length of the trainings, what is measured."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archrank.reproduce import workplace as folders

if TYPE_CHECKING:
    from archrank.reproduce.base import Plan
    from archrank.strategies.patient_random import PatientRandom
    from archrank.strategies.population_evolution import PopulationEvolution
    from archrank.tasks.base import Task

TASKS = {"hat_small": "dates", "ranknas_small": "dates", "ranknas_lm_small": "topics"}
"""Spaces, and the task that their networks are trained on."""


@dataclass(frozen=True)
class Extent:
    """Numbers that make a reproduction long or short.

    Attributes:
        pairs: Training pairs of the task ``dates``.
        held_out: Pairs to validate with, and to test with.
        epochs: Epochs of a supernet; ``None``: those of the space's recipe.
        early: Epoch of a supernet's early checkpoint.
        alone: Epochs of a training from scratch; ``None``: those of the task's recipe.
        updates: Updates of any training in place of its epochs; ``None``: there is no such limit.
        labels: Architectures whose losses a ranker learns; 200 and 300 published.
        few: Labels of an inaccurate ranker.
        examples: Held-out examples of a supernet's losses.
        sentences: Test sentences that are translated for BLEU; ``None``: all.
        scratch: Architectures that are trained from scratch to judge ranks; 200 published.
        band: Quantiles of the parameter counts of random architectures between which those that
            judge ranks lie: over a whole space the parameter count alone tells much.
        parents: Best of a population, which have children.
        mutants: Children per generation of one parent.
        mixtures: Children per generation of two parents.
        generations: Of children.
        repetitions: Searches under each supernet.
        repeats: Timed calls of the networks of Fig. 4.
        finalists: Architectures of a search that the supernet measures at the end.
        searched: Held-out examples of the losses that searches by the supernet's loss compare.
        accurate: Labels of a high-accuracy search; 300 published.
        calls: Timed calls of the latencies that rankers learn; 20 in HAT's tables.
        confirmed: Timed calls of networks that a search found; 300 published.
    """

    pairs: int = 20_000
    held_out: int = 1_000
    epochs: int | None = None
    early: int = 1
    alone: int | None = None
    updates: int | None = None
    labels: int = 200
    few: int = 20
    examples: int = 512
    sentences: int | None = None
    scratch: int = 30
    band: tuple[float, float] = (0.35, 0.65)
    parents: int = 25
    mutants: int = 50
    mixtures: int = 50
    generations: int = 30
    repetitions: int = 5
    repeats: int = 50
    finalists: int = 8
    searched: int = 128
    accurate: int = 300
    calls: int = 20
    confirmed: int = 300

    def task(self, space: str) -> Task:
        """Return the task of a space's networks, with its own recipe."""
        from archrank.tasks.text.dates import Dates
        from archrank.tasks.text.topics import Topics

        if TASKS[space] == "topics":
            return Topics()
        return Dates(pairs=self.pairs, held_out=self.held_out)

    def changes(self, epochs: int | None) -> dict[str, Any]:
        """Return what is changed in the recipe of a training that should have so many epochs."""
        if self.updates is not None:
            return {"updates": self.updates}
        return {} if epochs is None else {"epochs": epochs}

    @property
    def evolution(self) -> PopulationEvolution:
        """The evolution of HAT and RankNAS."""
        from archrank.strategies.population_evolution import PopulationEvolution

        return PopulationEvolution(self.parents, self.mutants, self.mixtures, self.generations)

    @property
    def random(self) -> PatientRandom:
        """RankNAS's random search, which scores as many architectures as the evolution at most.

        An epoch of it is as large as the first population.
        """
        from archrank.strategies.patient_random import PatientRandom

        size = self.evolution.size
        return PatientRandom(batch=size, batches=self.evolution.evaluations // size)


FULL = Extent()
QUICK = Extent(
    pairs=400,
    held_out=60,
    updates=24,
    labels=20,
    few=8,
    examples=32,
    sentences=2,
    scratch=4,
    parents=4,
    mutants=6,
    mixtures=6,
    generations=3,
    repetitions=2,
    repeats=3,
    finalists=2,
    searched=16,
    accurate=24,
    calls=2,
    confirmed=4,
)


def extent_of(plan: Plan) -> Extent:
    """Return the extent that a plan asks for."""
    chosen = QUICK if plan.quick else FULL
    if plan.epochs is not None:
        chosen = replace(chosen, epochs=plan.epochs, alone=plan.epochs, updates=None, early=1)
    return chosen


def workplace(plan: Plan) -> AbstractContextManager[Path]:
    """Return the folder of the trainings, which all of RankNAS share in one run folder."""
    return folders.workplace(plan, "ranknas")


def told(plan: Plan) -> tuple[str, ...]:
    """Return notes on what is smaller than in the paper."""
    return (
        "ours: networks of about 200,000 parameters on the built-in tasks of text, German to "
        "English phrases (dates) and Python's documentation (topics), on a CPU",
        *folders.told(plan),
    )
