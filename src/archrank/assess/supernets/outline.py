"""Outline of a study before it begins: trainings, scores, and how long they will take."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from archrank.assess.supernets.base import Part
from archrank.assess.supernets.plan import MEAN, Plan, Scoring, Training, merged
from archrank.assess.supernets.trainings import Workshop
from archrank.formatting import si, whole_duration
from archrank.types import Archs

PROBED = 8, 32, 160  # architectures that are timed: trained, and scored in two calls
RECALIBRATED = 8  # times as slow as batch statistics, about
FIT = 6.0  # seconds of one fit of a predictor with its published epochs, about
FITS = {"labels": 2, "predictors": 7}  # fits of a part, per seed
PUBLISHED_EPOCHS = 200  # of the Surgery's predictors


@dataclass(frozen=True)
class Pace:
    """Measured speed: seconds of one architecture for one training example, and for a score."""

    forward: float
    score: float


@dataclass(frozen=True, eq=False)
class Outline:
    """Work of a study.

    Attributes:
        plan: The study's trainings and scorings.
        parts: Parts that are studied.
        trainings: Supernets that the parts need, in order.
        scorings: Tables of scores that the parts need.
        pace: Measured speed.
        examples: Number of training examples of the task.
        held_out: Number of examples held out to score on.
        done: Names of trainings and tables that are there already.
    """

    plan: Plan
    parts: tuple[Part, ...]
    trainings: tuple[Training, ...]
    scorings: tuple[Scoring, ...]
    pace: Pace
    examples: int
    held_out: int
    done: frozenset[str]

    def forwards(self, training: Training) -> float:
        """Return the architecture-forwards of a training: examples times architectures."""
        name = training.kind.rpartition("-")[0]
        each = self.plan.per_update.get(name, 1.0)
        return each * training.epochs * self.examples

    def seconds(self, work: Training | Scoring) -> float:
        """Estimate the time that a training or a table of scores takes."""
        if isinstance(work, Training):
            return self.forwards(work) * self.pace.forward
        problem = self.plan.problem
        n = len(problem) if work.whom == "classes" else len(problem.members)
        slower = RECALIBRATED if work.statistics == "recalibrated" else 1.0
        if work.examples == "all" and self.plan.settings.images is not None:
            slower *= max(1.0, self.held_out / self.plan.settings.images)
        return n * self.pace.score * slower

    def left_of(self, training: str) -> list[Scoring]:
        """Return the tables of a training's scores that are not there yet."""
        return [s for s in self.scorings if s.training == training and s.name not in self.done]

    @property
    def fit(self) -> float:
        """Estimated seconds of one fit of a predictor, of all its stages in the mean."""
        epochs = self.plan.settings.predictor_epochs or PUBLISHED_EPOCHS
        return FIT * epochs / PUBLISHED_EPOCHS

    @property
    def fits(self) -> float:
        """Estimated seconds of all fits of predictors, finished ones too."""
        number = sum(FITS.get(part.name, 0) for part in self.parts)
        return number * self.fit * len(self.plan.seeds)

    @property
    def left(self) -> float:
        """Estimated seconds of all that is not there yet."""
        work: tuple[Training | Scoring, ...] = (*self.trainings, *self.scorings)
        return sum(self.seconds(w) for w in work if w.name not in self.done) + self.fits

    def lines(self) -> list[str]:
        """Write the outline as lines of text."""
        kinds: dict[str, list[Training]] = {}
        for training in self.trainings:
            kinds.setdefault(training.kind, []).append(training)
        problem = self.plan.problem
        lines = [
            f"{len(problem):,} isomorphism classes of {len(problem.members):,} architectures; "
            f"parts: {', '.join(part.name for part in self.parts)}"
        ]
        for kind, found in kinds.items():
            done = sum(t.name in self.done for t in found)
            spent = whole_duration(sum(map(self.seconds, found)))
            lines.append(
                f"  {kind:18} {len(found)} x {found[0].epochs} epochs, "
                f"{si(self.forwards(found[0]))} architecture-forwards each, about {spent}"
                f"{f', {done} done' if done else ''}"
            )
        scoring = whole_duration(sum(self.seconds(s) for s in self.scorings))
        lines.append(f"  {len(self.scorings)} tables of scores, about {scoring}")
        if self.fits:
            lines.append(f"  fits of predictors, about {whole_duration(self.fits)}")
        lines.append(f"about {whole_duration(self.left)} of work to go")
        return lines


def outline(workshop: Workshop, parts: Sequence[Part]) -> Outline:
    """Find the work of some parts, and time a little of it."""
    plan = workshop.plan
    scorings = merged(s for part in parts for s in part.scorings(plan))
    names = dict.fromkeys(s.training for s in scorings if s.training != MEAN)
    trainings = tuple(t for name, t in plan.trainings.items() if name in names)
    done = {s.name for s in scorings if workshop.tables.has(s)}
    done |= {t.name for t in trainings if workshop.trained(t)}
    splits = workshop.task.load()
    pace = _pace(workshop) if scorings else Pace(0.0, 0.0)
    return Outline(
        plan,
        tuple(parts),
        trainings,
        tuple(scorings),
        pace,
        len(splits.train.y),
        len(splits.valid.y),
        frozenset(done),
    )


def _pace(workshop: Workshop) -> Pace:
    """Time a few passes, forward and backward, and what further scores cost.

    Scoring has a part that all architectures share, so the pace is the difference of two calls.
    """
    from archrank.supernets.scoring import one_shot_scores
    from archrank.torch_state import torch_threads

    plan, task = workshop.plan, workshop.task
    training = workshop.new(next(iter(plan.trainings.values())))
    supernet, batch_size = training.supernet, training.recipe.batch_size
    few, more, many = (plan.problem.archs[:: max(1, len(plan.problem) // k)][:k] for k in PROBED)
    batch = task.load().train.take(slice(0, batch_size))
    place = next(supernet.parameters()).device
    batch = batch.map(lambda tensor: tensor.to(place))

    def scored(archs: Archs) -> float:
        start = time.perf_counter()
        one_shot_scores(supernet, task, archs, examples=plan.settings.images)
        return time.perf_counter() - start

    with torch_threads(1):
        scored(few[:1])  # the first call is slow
        start = time.perf_counter()
        for arch in few:
            task.loss(supernet(*batch.inputs, arch), batch.y).backward()  # type: ignore[no-untyped-call]
        forward = (time.perf_counter() - start) / (len(few) * len(batch.y))
        first, second = scored(more), scored(many)
    further = len(many) - len(more)
    each = (second - first) / further if further and second > first else second / len(many)
    return Pace(forward, each)
