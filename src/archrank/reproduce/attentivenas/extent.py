"""Extent of the reproductions of AttentiveNAS: data, length of the trainings, what is measured."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from archrank.reproduce.base import Plan
    from archrank.tasks.base import Task

FOLDER = "attentivenas"
"""Folder of the trainings, which figures 4, 5 and 6 share in one run folder."""


@dataclass(frozen=True)
class Extent:
    """Numbers that make a reproduction long or short.

    Attributes:
        images: Training images of the task.
        eval_images: Held-out images, of the validation data and of the test data.
        epochs: Epochs of a training with uniform sampling.
        early: Epoch of the early checkpoint; a twelfth of all, as 30 of 360 published.
        archs: Sub-networks that are scored for the accuracy ranker; half of them are its labels.
        examples: Held-out images that they are scored on.
        per_regime: Random sub-networks of each regime of FLOPs.
        initial: Sub-networks of the first population of the search.
        generations: Populations after it.
        children: Sub-networks of each of them, half of them mutants.
        offline: Random architectures of which the offline sets are the fronts.
    """

    images: int = 2400
    eval_images: int = 1200
    epochs: int = 48
    early: int = 4
    archs: int = 1024
    examples: int = 1200
    per_regime: int = 64
    initial: int = 192
    generations: int = 6
    children: int = 64
    offline: int = 1_000_000

    def task(self, split: int) -> Task:
        """Return the task: letters of 12 x 12 pixels, with other images for each ``split``."""
        from archrank.tasks.images.glyphs import Glyphs

        return Glyphs(
            images=self.images, eval_images=self.eval_images, size=12, copies=1, seed=split
        )


FULL = Extent()
QUICK = Extent(
    images=384,
    eval_images=192,
    epochs=6,
    early=2,
    archs=48,
    examples=192,
    per_regime=4,
    initial=12,
    generations=1,
    children=8,
    offline=20_000,
)


def extent_of(plan: Plan) -> Extent:
    """Return the extent that a plan asks for."""
    chosen = QUICK if plan.quick else FULL
    if plan.epochs is not None:
        chosen = replace(chosen, epochs=plan.epochs, early=max(1, plan.epochs // 3))
    return chosen
