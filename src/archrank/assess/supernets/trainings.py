"""Trainings of a study, each in a folder of its own, and the scores of their checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archrank.assess.supernets.plan import MAIN, MEAN, Plan, Scoring, Training
from archrank.assess.supernets.score_tables import ScoreTables
from archrank.identity import identity_of
from archrank.runs.named import instance_of
from archrank.supernets.checkpoints import checkpoint, load_supernet
from archrank.supernets.recipes import RECIPES, SupernetRecipe, start_training
from archrank.supernets.running import Progress, train_supernet
from archrank.supernets.scoring import mean_of_supernets
from archrank.supernets.training import SupernetTraining
from archrank.torch_state import torch_threads

if TYPE_CHECKING:
    from archrank.supernets.base import Supernet
    from archrank.tasks.base import Task

Watch = Callable[[float], object]
"""Called with the share of a training, or of a scoring, that is done."""


@dataclass(frozen=True, eq=False)
class Workshop:
    """Place where supernets are trained and score architectures.

    Attributes:
        plan: Trainings by name.
        folder: Folder of checkpoints and tables of scores.
        device: Device of the trainings.
    """

    plan: Plan
    folder: Path
    device: str = "cpu"

    @property
    def task(self) -> Task:
        """Task of the supernets."""
        return self.plan.problem.task

    @property
    def tables(self) -> ScoreTables:
        """Finished tables of scores."""
        return ScoreTables(self.folder / "scores", self.plan.problem)

    def recipe(self) -> dict[str, Any]:
        """Return how all supernets are trained, as JSON values: what the recipe's name means."""
        settings = self.plan.settings
        found: SupernetRecipe = instance_of(RECIPES, settings.recipe, SupernetRecipe)
        changes = {**settings.changes, "epochs": settings.epochs}
        optimisation = found.optimisation(self.task.recipe, **changes)
        return {**identity_of(optimisation), "options": dict(found.options)}

    def new(self, training: Training) -> SupernetTraining:
        """Return a training that has not begun."""
        settings = self.plan.settings
        return start_training(
            self.plan.space(training).networks(self.task),
            settings.recipe,
            sampler=training.sampler,
            rule=training.rule,
            seed=training.seed,
            device=self.device,
            **{**settings.changes, "epochs": training.epochs},
        )

    def checkpoints(self, training: Training) -> Path:
        """Return the folder of a training."""
        return self.folder / "trainings" / training.name

    def trained(self, training: Training) -> bool:
        """Tell whether a training is at its end."""
        return checkpoint(self.checkpoints(training), training.epochs).exists()

    def train(self, training: Training, watch: Watch = lambda share: None) -> None:
        """Train what is left of one supernet."""
        keep = self.plan.settings.kept if training.epochs == self.plan.settings.epochs else ()

        def told(progress: Progress) -> None:
            watch(progress.epoch / progress.epochs)

        with torch_threads(1):
            train_supernet(
                self.new(training), self.checkpoints(training), keep=tuple(keep), watch=told
            )

    def supernet(self, training: Training, epoch: int) -> Supernet:
        """Return a trained supernet after an epoch."""
        networks = self.plan.space(training).networks(self.task)
        path = checkpoint(self.checkpoints(training), epoch)
        return load_supernet(path, networks).to(self.device)

    def produce(
        self,
        training: Training,
        scorings: Sequence[Scoring],
        watch: Callable[[Training | Scoring], Watch] = lambda piece: lambda share: None,
    ) -> None:
        """Train one supernet, if it is not there, then score with it."""
        if not self.trained(training):
            self.train(training, watch(training))
        for scoring in scorings:
            self.score(scoring, watch(scoring))

    def score(self, scoring: Scoring, watch: Watch = lambda share: None) -> None:
        """Score architectures, unless it is done already."""
        if self.tables.has(scoring):
            return
        if scoring.training == MEAN:
            supernet = self._mean_supernet()
        else:
            supernet = self.supernet(self.plan.trainings[scoring.training], scoring.epoch)
        examples = self.plan.settings.images if scoring.examples == "some" else None
        with torch_threads(1):
            self.tables.measure(scoring, supernet, examples, watch)

    def _mean_supernet(self) -> Supernet:
        """Return the supernet whose weights are the means over the main supernets."""
        plan = self.plan
        mains = [plan.trainings[s.training] for s in plan.final(MAIN)]
        supernets = [self.supernet(training, training.epochs) for training in mains]
        weights = mean_of_supernets(supernets)
        supernets[0].load_state_dict(weights)
        return supernets[0]
