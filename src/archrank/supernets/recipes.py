"""Recipes of supernets by name: optimisation, sampling and options of published trainings."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from archrank.checks import quoted
from archrank.errors import SettingsError, UnknownNameError
from archrank.registry import Registry
from archrank.supernets.ranks import Ranks
from archrank.supernets.samplers.attentive_loss import AttentiveLoss
from archrank.supernets.samplers.base import Sampler
from archrank.supernets.samplers.costliest import Costliest
from archrank.supernets.samplers.de_isomorphic import DeIsomorphic
from archrank.supernets.samplers.named import SAMPLERS
from archrank.supernets.samplers.skip_prior import SkipPrior
from archrank.supernets.samplers.uniform import Uniform
from archrank.supernets.settling import Settling
from archrank.supernets.training import SupernetTraining
from archrank.supernets.updates.base import UpdateRule
from archrank.supernets.updates.mean_per_weight import MeanPerWeight
from archrank.supernets.updates.sandwich import Sandwich
from archrank.training.loop import initialise
from archrank.training.recipe import Recipe

if TYPE_CHECKING:
    from archrank.spaces.networks import Networks

_NOTHING: Mapping[str, Any] = MappingProxyType({})
_INSTEAD: Mapping[str, Mapping[str, Any]] = {  # of settings of the recipe
    "epochs": {"updates": None},
    "warmup_epochs": {"warmup_updates": 0},
    "warmup_updates": {"warmup_epochs": 0.0},
    "batch_size": {"batch_tokens": None},
}


@dataclass(frozen=True)
class SupernetRecipe:
    """Recipe of a supernet: optimisation, sampler, update rule, options of the supernet.

    Attributes:
        changes: settings of the optimisation, fields of :class:`~archrank.tasks.Recipe`.
        sampler: of the architectures of an update.
        rule: makes an update of them.
        options: of the supernet; those that the space does not offer are left out.
        keeps_task: other settings of the optimisation are the task's; else the defaults of
            :class:`~archrank.tasks.Recipe`.
        per_process: learning rate and batch size are multiplied by the number of processes.
    """

    changes: Mapping[str, Any]
    sampler: Sampler = field(default_factory=Uniform)
    rule: UpdateRule = field(default_factory=MeanPerWeight)
    options: Mapping[str, Any] = field(default_factory=dict)
    keeps_task: bool = False
    per_process: bool = False

    def optimisation(self, task: Recipe, processes: int = 1, **changes: Any) -> Recipe:
        """Return the recipe of the optimisation.

        Args:
            task: the recipe of the task.
            processes: that train together.
            **changes: settings that take the place of the recipe's.

        Raises:
            UnknownNameError: a recipe has no such setting.
            SettingsError: a setting is out of its range, or both epochs and updates are given.
        """
        known = [f.name for f in fields(Recipe)]
        for name in changes:
            if name not in known:
                raise UnknownNameError("setting of a recipe", name, known)
        if changes.get("epochs") is not None and changes.get("updates") is not None:
            raise SettingsError("give the length of a training in epochs or in updates, not both")
        for name in set(changes) & set(_INSTEAD):
            changes = {**_INSTEAD[name], **changes}
        found = replace(task if self.keeps_task else Recipe(), **self.changes)
        if self.per_process:
            found = replace(found, lr=found.lr * processes, batch_size=found.batch_size * processes)
        return replace(found, **changes)


_SGD = {"optimizer": "sgd", "momentum": 0.9, "nesterov": False}

CPU = SupernetRecipe(
    {"epochs": 300, "batch_size": 128, "lr": 0.1, "weight_decay": 5e-4},
    DeIsomorphic(),
    options={"affine": False},
    keeps_task=True,
)
"""For small tasks on CPUs: 80 CPU-seconds of training are enough for digits."""

CELLS = replace(CPU, changes={**CPU.changes, "epochs": 600}, sampler=Costliest())
"""For cells with operations on edges, on small tasks and CPUs: every second one is costly.

Measured on NAS-Bench-201, where it ranks better than :data:`CPU`.
"""

SURGERY = SupernetRecipe(
    {
        **_SGD,
        "epochs": 1000,
        "batch_size": 512,
        "lr": 0.05,
        "weight_decay": 5e-4,
        "grad_clip": 5.0,
        "schedule": "plateau",
        "plateau_factor": 0.5,
        "plateau_patience": 30,
    },
    DeIsomorphic(),
    options={"affine": False, "dropout": 0.1},
)
"""As in "A Surgery of the Neural Architecture Evaluators".

The paper's text lets plateaus of the accuracy lower the learning rate, its footnote and its code
those of the mean training loss, as here. The code trains 1,400 epochs.
"""

ACENAS = SupernetRecipe(
    {
        **_SGD,
        "epochs": 600,
        "batch_size": 192,
        "lr": 0.05,
        "weight_decay": 1e-4,
        "grad_clip": 5.0,
    },
    options={"affine": True},
)
"""AceNAS on NAS-Bench-101 and 201: single paths, uniform.

Weights that an update does not use stay, unlike in the PyTorch of its time, see
:class:`~archrank.supernets.updates.MeanPerWeight`.
"""

ACENAS_NDS = replace(ACENAS, changes={**ACENAS.changes, "batch_size": 128})
"""AceNAS on the NDS spaces; batches of 96 for Amoeba."""

ACENAS_PROXYLESSNAS = SupernetRecipe(
    {
        **_SGD,
        "epochs": 360,
        "batch_size": 128,
        "lr": 0.03,
        "weight_decay": 5e-5,
        "warmup_epochs": 5.0,
        "label_smoothing": 0.1,
    },
    SkipPrior(skip=0.5),
    options={"affine": True},
    per_process=True,
)
"""AceNAS on ProxylessNAS, where 16 processes make a learning rate of .48."""

ATTENTIVE_IMAGENET = SupernetRecipe(
    {
        "optimizer": "sgd",
        "momentum": 0.9,
        "nesterov": True,
        "epochs": 360,
        "batch_size": 32,
        "lr": 0.0125,
        "weight_decay": 1e-5,
        "decay_norms": False,
        "grad_clip_value": 1.0,
        "warmup_epochs": 5.0,
        "label_smoothing": 0.1,
    },
    AttentiveLoss(front="best", k=3, m=2),
    Sandwich(),
    options={"dropout": 0.2, "drop_connect": 0.2, "zero_gamma": True},
    per_process=True,
)
"""AttentiveNAS on ImageNet, where 64 processes make batches of 2,048 and a learning rate of .8.

The sampler is the one that the authors chose, BestUp-3 by mini-batch loss. The released code
rounds the learning rate down to a multiple of .1, and lets it rise from a thousandth in the
warm-up without the cosine, which lowers it by less than .1 % there.
"""

ATTENTIVE_SMALL = replace(
    ATTENTIVE_IMAGENET,
    changes={
        **ATTENTIVE_IMAGENET.changes,
        "epochs": 100,
        "batch_size": 64,
        "lr": 0.1,
        "weight_decay": 4e-3,
        "warmup_epochs": 1.0,
    },
    options={"dropout": 0.0, "drop_connect": 0.0, "zero_gamma": True},
    keeps_task=True,
    per_process=False,
)
"""For attentive_small on small tasks and CPUs.

Measured on characters: so few images want 400 times the weight decay of ImageNet, and every other
setting that was tried is worse for sub-networks (``benchmarks/README.md``).
"""

_ADAM = {"optimizer": "adamw", "beta2": 0.98, "weight_decay": 1e-4, "label_smoothing": 0.1}

HAT_IWSLT14 = SupernetRecipe(
    {
        **_ADAM,
        "updates": 50_000,
        "batch_tokens": 4096,
        "lr": 5e-4,
        "schedule": "inverse_sqrt",
        "warmup_updates": 10_000,
        "grad_clip": 25.0,
    },
    options={"residual_dropout": 0.375},
)
"""HAT on IWSLT'14: one architecture per update, drawn uniformly.

The limit of the gradient is fairseq's default, which the published configuration leaves alone. Ours
are the draws, which depend on the seed (there on the number of the update alone), and that weights
which no architecture of an update uses stay as they are; there they decay and move by their
momentum, see :class:`~archrank.supernets.updates.MeanPerWeight`. Warm-ups begin at 1e-7 there and
at a ten-thousandth of the peak here.
"""

HAT_WMT14 = SupernetRecipe(
    {
        **_ADAM,
        "weight_decay": 0.0,
        "updates": 40_000,
        "batch_tokens": 8 * 16 * 4096,
        "lr": 1e-3,
        "schedule": "cosine_after_warmup",
        "warmup_updates": 10_000,
        "final_lr": 1e-7,
        "precision": "float16",
    },
    options={"residual_dropout": 0.3, "attention_dropout": 0.1},
)
"""HAT on WMT'14, where 8 GPUs add up 16 batches of 4,096 tokens each for an update.

No weight decay and no limit of the gradient, as published. It differs as :data:`HAT_IWSLT14` does.
"""

RANKNAS_WIKITEXT103 = SupernetRecipe(
    {
        "optimizer": "sgd",
        "momentum": 0.99,
        "nesterov": True,
        "weight_decay": 0.0,
        "grad_clip": 0.1,
        "updates": 286_000,
        "batch_tokens": 8 * 3 * 3072,
        "lr": 1.0,
        "schedule": "cosine_after_warmup",
        "warmup_updates": 16_000,
        "final_lr": 1e-4,
        "precision": "float16",
    },
    options={"residual_dropout": 0.3, "activation_dropout": 0.1, "attention_dropout": 0.1},
)
"""RankNAS on WikiText-103, which trains as Baevski & Auli (ICLR 2019): Nesterov's momentum.

There, 8 GPUs add up 3 batches of 3,072 tokens each for an update. The cosine has one period of
270,000 updates after the warm-up and ends at 1e-4. Words have plain embeddings and one softmax
here, without their dropout of .2, see :class:`~archrank.spaces.RankNASLanguageModel`. The warm-up
begins at 1e-7 there and at a 16,000th of the peak here. RankNAS cuts windows at 1,843 tokens to fit
its GPUs, and adds up more batches to the same size.
"""

TRANSFORMER_SMALL = SupernetRecipe(
    {
        **_ADAM,
        "epochs": 8,
        "batch_tokens": 512,
        "lr": 3e-3,
        "schedule": "cosine",
        "warmup_epochs": 1.5,
        "grad_clip": 1.0,
        "label_smoothing": 0.0,
    },
    keeps_task=True,
)
"""For hat_small, ranknas_small and ranknas_lm_small on small tasks and CPUs.

Batches and warm-up are those of the built-in tasks' own recipes; at half their rate and for more
epochs, since every architecture gets a part of the updates (``benchmarks/README.md``).
"""

RECIPES = Registry(
    "supernet recipe",
    {
        "cpu": "archrank.supernets.recipes:CPU",
        "cells": "archrank.supernets.recipes:CELLS",
        "surgery": "archrank.supernets.recipes:SURGERY",
        "acenas": "archrank.supernets.recipes:ACENAS",
        "acenas_nds": "archrank.supernets.recipes:ACENAS_NDS",
        "acenas_proxylessnas": "archrank.supernets.recipes:ACENAS_PROXYLESSNAS",
        "attentive_imagenet": "archrank.supernets.recipes:ATTENTIVE_IMAGENET",
        "attentive_small": "archrank.supernets.recipes:ATTENTIVE_SMALL",
        "hat_iwslt14": "archrank.supernets.recipes:HAT_IWSLT14",
        "hat_wmt14": "archrank.supernets.recipes:HAT_WMT14",
        "ranknas_wikitext103": "archrank.supernets.recipes:RANKNAS_WIKITEXT103",
        "transformer_small": "archrank.supernets.recipes:TRANSFORMER_SMALL",
    },
    "supernet_recipes",
)


def start_training(
    networks: Networks,
    recipe: str | SupernetRecipe | None = None,
    *,
    sampler: Sampler | str | None = None,
    rule: UpdateRule | None = None,
    options: Mapping[str, Any] = _NOTHING,
    seed: int = 0,
    device: str = "cpu",
    ranks: Ranks | None = None,
    settling: Settling | None = None,
    **changes: Any,
) -> SupernetTraining:
    """Return the training of a fresh supernet by a recipe.

    Args:
        networks: of a space that has a supernet, and of the task to train on.
        recipe: a name such as ``"surgery"``, or a recipe of your own; ``None``: the one of
            ``space.supernet_recipe``.
        sampler: in place of the recipe's; or its name, such as ``"bestup-3-loss"``, for one with as
            many architectures per update as the recipe's.
        rule: in place of the recipe's.
        options: of the supernet, in place of the recipe's.
        seed: of initial weights, draws, batches and dropout.
        device: where data and supernet are put.
        ranks: this process among those that train together; ``None``: alone.
        settling: tells when ranks have settled and the training may stop; ``None``: never.
        **changes: settings of the optimisation in place of the recipe's, such as ``epochs=20``.

    Raises:
        UnknownNameError: no recipe, sampler or setting has that name.
        SettingsError: a setting is out of its range, or there is no task.
        SpaceError: the space has no supernet, or not one of ``options``.

    Example:
        >>> from archrank.spaces import NASBench201
        >>> from archrank.tasks import Digits
        >>> training = start_training(NASBench201().networks(Digits()), "surgery", epochs=20)
        >>> training.recipe.epochs, training.recipe.schedule
        (20, 'plateau')
    """
    if recipe is None:
        recipe = networks.space.supernet_recipe
    found = RECIPES.get(recipe) if isinstance(recipe, str) else recipe
    if not isinstance(found, SupernetRecipe):
        raise SettingsError(f"recipe is {quoted(recipe)}, expected a name or a SupernetRecipe")
    if networks.task is None:
        raise SettingsError("a supernet is trained on a task: space.networks(task)")
    if isinstance(sampler, str):
        sampler = _sampler(sampler, found.sampler)
    alone = ranks if ranks is not None else Ranks()
    offered = networks.space.supernet_options
    own = {name: value for name, value in found.options.items() if name in offered}
    return SupernetTraining(
        initialise(lambda: networks.supernet(**{**own, **options}), seed),  # type: ignore[arg-type]
        networks.task,
        sampler if sampler is not None else found.sampler,
        rule=rule if rule is not None else found.rule,
        recipe=found.optimisation(networks.task.recipe, alone.size, **changes),
        seed=seed,
        device=device,
        ranks=alone,
        networks=networks,
        settling=settling,
    )


def _sampler(name: str, recipes: Sampler) -> Sampler:
    """Return a sampler by its name, with the number of architectures of the recipe's sampler."""
    kind: Any = SAMPLERS.get(name)
    m = getattr(recipes, "m", None)
    offered = {"m": m} if m is not None and "m" in inspect.signature(kind).parameters else {}
    made: Sampler = kind(**offered)
    return made
