"""Schedules of the learning rate: factors that lower it while a network trains."""

from __future__ import annotations

import math
from collections.abc import Mapping

from archrank.training.recipe import Recipe

THRESHOLD = 1e-4  # part of the lowest loss by which a lower one must differ, as in torch


def warmup(recipe: Recipe, done: int, updates: int) -> float:
    """Return the factor of the rate that rises linearly to 1 in the warm-up.

    Args:
        recipe: Its epochs, and those of warm-up.
        done: Updates made.
        updates: Updates in all.
    """
    length = warmup_length(recipe, updates)
    return min(1.0, (done + 1) / length) if length > 0 else 1.0


def warmup_length(recipe: Recipe, updates: int) -> float:
    """Return the number of updates of the warm-up, of so many in all."""
    return recipe.warmup_updates or recipe.warmup_epochs * (updates / recipe.epochs)


class Decay:
    """Factor of the rate that falls from 1 along a cosine, a root or by steps; or stays 1.

    Args:
        recipe: Its schedule.
        updates: Updates in all.
    """

    def __init__(self, recipe: Recipe, updates: int) -> None:
        self._recipe, self._updates = recipe, updates
        self._plateau, self._lowest, self._waited = 1.0, math.inf, 0

    def after(self, done: int) -> float:
        """Return the factor of the update that follows ``done`` others."""
        schedule = self._recipe.schedule
        if schedule == "cosine":
            return self._cosine(done / self._updates)
        warm = warmup_length(self._recipe, self._updates)
        if schedule == "cosine_after_warmup":
            part = max(0.0, done - warm) / max(1.0, self._updates - warm)
            return self._cosine(part)
        if schedule == "inverse_sqrt":
            return math.sqrt(max(1.0, warm) / max(1.0, warm, done + 1))
        return self._plateau

    def _cosine(self, part: float) -> float:
        """Return the factor after a part of the cosine, from 1 to ``final_lr / lr``."""
        end = self._recipe.final_lr / self._recipe.lr
        return end + (1 - end) * 0.5 * (1 + math.cos(math.pi * part))

    def end_epoch(self, loss: float) -> None:
        """Note the mean training loss of an epoch; too many without a new lowest are a plateau.

        Same as ``torch.optim.lr_scheduler.ReduceLROnPlateau`` with its defaults.
        """
        if self._recipe.schedule != "plateau":
            return
        if loss < self._lowest * (1 - THRESHOLD):
            self._lowest, self._waited = loss, 0
        else:
            self._waited += 1
        if self._waited > self._recipe.plateau_patience:
            self._plateau *= self._recipe.plateau_factor
            self._waited = 0

    def state_dict(self) -> dict[str, float]:
        """Return what the next factors depend on, beside the number of updates; numbers."""
        if self._recipe.schedule != "plateau":
            return {}
        return {"factor": self._plateau, "lowest": self._lowest, "waited": self._waited}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Go on where the decay that returned ``state`` was."""
        if self._recipe.schedule == "plateau":
            self._plateau, self._lowest = float(state["factor"]), float(state["lowest"])
            self._waited = int(state["waited"])
