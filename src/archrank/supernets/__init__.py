"""Supernets (weight sharing): one network that contains all architectures of a space.

Train one with :class:`SupernetTraining` and :func:`train_supernet`, then score architectures with
:func:`one_shot_scores`. The supernet itself comes from ``space.networks(task).supernet()``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archrank.lazy import lazy

if TYPE_CHECKING:
    from archrank.supernets import samplers as samplers
    from archrank.supernets import updates as updates
    from archrank.supernets.base import Supernet as Supernet
    from archrank.supernets.dry_runs import DryRun as DryRun
    from archrank.supernets.dry_runs import dry_run as dry_run
    from archrank.supernets.ranks import processes as processes
    from archrank.supernets.recipes import SupernetRecipe as SupernetRecipe
    from archrank.supernets.recipes import start_training as start_training
    from archrank.supernets.running import train_supernet as train_supernet
    from archrank.supernets.scoring import mean_of_classes as mean_of_classes
    from archrank.supernets.scoring import mean_of_scores as mean_of_scores
    from archrank.supernets.scoring import mean_of_supernets as mean_of_supernets
    from archrank.supernets.scoring import one_shot_scores as one_shot_scores
    from archrank.supernets.settling import Settling as Settling
    from archrank.supernets.statistics import recalibrate as recalibrate
    from archrank.supernets.training import SupernetTraining as SupernetTraining

_HOMES = {
    "DryRun": "dry_runs",
    "Settling": "settling",
    "Supernet": "base",
    "SupernetRecipe": "recipes",
    "SupernetTraining": "training",
    "dry_run": "dry_runs",
    "mean_of_classes": "scoring",
    "mean_of_scores": "scoring",
    "mean_of_supernets": "scoring",
    "one_shot_scores": "scoring",
    "recalibrate": "statistics",
    "processes": "ranks",
    "samplers": "",
    "start_training": "recipes",
    "train_supernet": "running",
    "updates": "",
}

__all__, __getattr__, __dir__ = lazy(__name__, _HOMES)
