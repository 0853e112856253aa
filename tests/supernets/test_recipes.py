"""Recipes by name: their numbers, what is left to tasks and spaces, and what is refused."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from archrank.errors import SettingsError, SpaceError, UnknownNameError
from archrank.spaces import AttentiveNAS, AttentiveSmall, CustomCells, NASBench201, Scale
from archrank.supernets import Supernet, SupernetTraining, start_training
from archrank.supernets.ranks import Ranks
from archrank.supernets.recipes import RECIPES, SupernetRecipe
from archrank.supernets.samplers import AttentiveLoss, DeIsomorphic, FairNAS, SkipPrior, Uniform
from archrank.supernets.statistics import batch_norms
from archrank.supernets.updates import MeanPerWeight, Sandwich
from archrank.tasks import Digits, Recipe
from archrank.training.loop import initialise

SPACE = NASBench201(Scale(channels=2, cells=1, reduction="pool"))
TASK = Digits(copies=1)


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("surgery", {"epochs": 1000, "batch_size": 512, "lr": 0.05, "weight_decay": 5e-4}),
        ("surgery", {"grad_clip": 5, "plateau_factor": 0.5, "plateau_patience": 30}),
        ("acenas", {"epochs": 600, "batch_size": 192, "lr": 0.05, "weight_decay": 1e-4}),
        ("acenas", {"grad_clip": 5, "schedule": "cosine"}),
        ("acenas_nds", {"epochs": 600, "batch_size": 128, "weight_decay": 1e-4}),
        ("acenas_proxylessnas", {"epochs": 360, "batch_size": 128, "lr": 0.03}),
        ("acenas_proxylessnas", {"warmup_epochs": 5, "label_smoothing": 0.1, "grad_clip": None}),
        ("attentive_imagenet", {"epochs": 360, "weight_decay": 1e-5, "grad_clip_value": 1}),
        ("attentive_imagenet", {"warmup_epochs": 5, "label_smoothing": 0.1, "decay_norms": False}),
        ("hat_iwslt14", {"updates": 50_000, "lr": 5e-4, "warmup_updates": 10_000, "beta2": 0.98}),
        ("hat_iwslt14", {"optimizer": "adamw", "weight_decay": 1e-4, "label_smoothing": 0.1}),
        ("hat_iwslt14", {"schedule": "inverse_sqrt", "precision": "float32"}),
        ("hat_iwslt14", {"grad_clip": 25}),
        ("hat_wmt14", {"updates": 40_000, "lr": 1e-3, "schedule": "cosine_after_warmup"}),
        ("hat_wmt14", {"final_lr": 1e-7, "weight_decay": 0, "grad_clip": None, "beta2": 0.98}),
        ("ranknas_wikitext103", {"final_lr": 1e-4, "label_smoothing": 0}),
        ("ranknas_wikitext103", {"updates": 286_000, "momentum": 0.99, "nesterov": True, "lr": 1}),
        ("ranknas_wikitext103", {"grad_clip": 0.1, "warmup_updates": 16_000, "weight_decay": 0}),
        ("transformer_small", {"optimizer": "adamw", "batch_tokens": 512, "warmup_epochs": 1.5}),
        ("cpu", {"epochs": 300, "batch_size": 128, "lr": 0.1, "weight_decay": 5e-4}),
        ("cells", {"epochs": 600, "batch_size": 128, "lr": 0.1, "weight_decay": 5e-4}),
    ],
)
def test_numbers(name: str, numbers: dict[str, Any]) -> None:
    found = asdict(RECIPES.get(name).optimisation(TASK.recipe))
    assert {key: found[key] for key in numbers} == numbers


def test_published_recipes_do_not_depend_on_the_task() -> None:
    odd = Recipe(optimizer="adamw", momentum=0.5, label_smoothing=0.3, precision="bfloat16")
    for name in set(RECIPES.names()) - {"cpu", "cells", "attentive_small", "transformer_small"}:
        recipe = RECIPES.get(name)
        assert recipe.optimisation(odd) == recipe.optimisation(Recipe())
        plain = name.startswith(("acenas", "surgery"))
        assert recipe.optimisation(odd).nesterov != plain
    assert RECIPES.get("cpu").optimisation(odd).optimizer == "adamw"


def test_the_learning_rate_of_proxylessnas_grows_with_the_processes() -> None:
    found = RECIPES.get("acenas_proxylessnas").optimisation(TASK.recipe, 16)
    assert found.lr == pytest.approx(0.48)
    assert found.batch_size == 2048
    assert RECIPES.get("acenas_proxylessnas").sampler == SkipPrior(skip=0.5)
    assert RECIPES.get("surgery").optimisation(TASK.recipe, 16).batch_size == 512


def test_epochs_stand_in_for_the_updates_of_a_recipe() -> None:
    recipe = RECIPES.get("hat_iwslt14")
    found = recipe.optimisation(TASK.recipe, epochs=3)
    assert (found.epochs, found.updates, found.warmup_updates) == (3, None, 10_000)
    assert recipe.optimisation(TASK.recipe, epochs=3, warmup_epochs=1).warmup_updates == 0
    small = RECIPES.get("transformer_small")
    assert small.optimisation(TASK.recipe, updates=9, warmup_updates=2).warmup_epochs == 0
    assert recipe.optimisation(TASK.recipe, batch_size=7).batch_tokens is None
    with pytest.raises(SettingsError, match="in epochs or in updates, not both"):
        recipe.optimisation(TASK.recipe, epochs=3, updates=4)


def test_attentivenas_as_published() -> None:
    recipe = RECIPES.get("attentive_imagenet")
    found = recipe.optimisation(TASK.recipe, 64)
    assert (found.lr, found.batch_size) == (pytest.approx(0.8), 2048)
    assert (recipe.sampler, recipe.rule) == (AttentiveLoss(front="best", k=3, m=2), Sandwich())
    assert recipe.options == {"dropout": 0.2, "drop_connect": 0.2, "zero_gamma": True}
    names = [space.supernet_recipe for space in (AttentiveNAS(), AttentiveSmall(), SPACE)]
    assert names == ["attentive_imagenet", "attentive_small", "cells"]


def test_the_small_recipe_trains_the_small_space() -> None:
    torch.set_num_threads(1)
    networks = AttentiveSmall().networks(Digits(copies=1))
    found = start_training(networks, epochs=1, batch_size=450, sampler="uniform")
    assert (found.sampler, found.rule) == (Uniform(m=2), Sandwich())
    assert found.supernet.options == {"drop_connect": 0.0, "zero_gamma": True}
    assert found.run_epoch() < 5
    with pytest.raises(SettingsError, match="AttentiveRanker is guided by a ranker, got None"):
        start_training(networks, sampler="bestup-50-ranker")
    with pytest.raises(SettingsError, match="batches of 1 example have no statistics that batch"):
        start_training(networks, batch_size=1)


def test_a_training_by_name() -> None:
    networks = SPACE.networks(TASK)
    found = start_training(networks, "surgery", epochs=2, lr=0.2, seed=3)
    assert (found.recipe.epochs, found.recipe.lr, found.recipe.batch_size) == (2, 0.2, 512)
    assert found.sampler == DeIsomorphic()
    assert found.supernet.options == {"affine": False, "dropout": 0.1}
    same = initialise(lambda: networks.supernet(affine=False), 3).state_dict()
    assert all(torch.equal(same[n], w) for n, w in found.supernet.state_dict().items())
    own = start_training(
        networks,
        SupernetRecipe({"lr": 0.3}, FairNAS(), MeanPerWeight(momentum_decision=0)),
        sampler=Uniform(m=2),
        options={"affine": False},
        ranks=Ranks(),
    )
    assert own.recipe == replace(Recipe(), lr=0.3)
    assert (own.sampler, own.rule) == (Uniform(m=2), MeanPerWeight(momentum_decision=0))
    assert own.supernet.options == {"affine": False}


class Plain(CustomCells):
    """Cells whose supernet takes no options."""

    supernet_options = ()


def test_options_that_a_space_does_not_offer_are_left_out() -> None:
    space = Plain(["skip_connect", "nor_conv_1x1"], nodes=3, scale=Scale(2, 1, "pool"))
    found = start_training(space.networks(TASK), "surgery")
    assert found.supernet.options == {"affine": True}


def test_label_smoothing_of_the_recipe_is_trained_with() -> None:
    networks = SPACE.networks(TASK)
    plain, smooth = (
        start_training(networks, epochs=1, lr=1e-6, label_smoothing=s) for s in (0.0, 0.9)
    )
    assert smooth.identity()["task"] == plain.identity()["task"]
    assert smooth.run_epoch() != pytest.approx(plain.run_epoch(), rel=1e-5)
    assert smooth.task is TASK
    assert smooth.metrics()["accuracy"] == pytest.approx(plain.metrics()["accuracy"])


def test_dropout_is_for_training_alone() -> None:
    networks = SPACE.networks(TASK)
    supernet, plain = networks.supernet(dropout=0.5), networks.supernet()
    plain.load_state_dict(supernet.state_dict())
    x = torch.randn(64, 1, 8, 8)
    arch = SPACE.parse(["|nor_conv_3x3~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|"])[0]
    assert torch.equal(supernet.eval()(x, arch), plain.eval()(x, arch))
    assert torch.equal(supernet.extract(arch)(x), supernet(x, arch))
    supernet.train()
    plain.train()
    outputs = torch.stack([supernet(x, arch) for _ in range(400)])
    assert not torch.equal(outputs[0], outputs[1])
    assert torch.allclose(outputs.mean(dim=0), plain(x, arch), atol=0.2)


def their_network(make_cell: Any, task: Any) -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 4, 1), make_cell(4), nn.Flatten(), nn.Linear(256, 10))


def test_what_is_refused() -> None:
    networks = SPACE.networks(TASK)
    with pytest.raises(UnknownNameError, match="recipe 'surgry', did you mean 'surgery'"):
        start_training(networks, "surgry")
    with pytest.raises(UnknownNameError, match="setting of a recipe 'epoch', did you mean 'epoch"):
        start_training(networks, epoch=3)
    with pytest.raises(SettingsError, match="epochs must be at least 1, got 0"):
        start_training(networks, epochs=0)
    with pytest.raises(SettingsError, match="recipe is 3, expected a name or"):
        start_training(networks, 3)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="trained on a task"):
        start_training(SPACE.networks())
    with pytest.raises(SettingsError, match=r"dropout is 1\.5"):
        networks.supernet(dropout=1.5)
    cells = CustomCells(["skip_connect", "nor_conv_1x1"], nodes=3, network=their_network)
    with pytest.raises(SpaceError, match="no layer named classifier"):
        cells.networks(TASK).supernet(dropout=0.1)
    with pytest.raises(SpaceError, match="has no supernet"):
        start_training(Bare().networks(TASK))


class Bare(NASBench201):
    """Space without a supernet."""

    def _supernet(self, sizes: Any, **options: Any) -> Supernet:
        return super(NASBench201, self)._supernet(sizes, **options)


# ---- precision -----------------------------------------------------------------------------------


needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=needs_gpu)])
@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
@pytest.mark.parametrize("affine", [True, False])
def test_half_precision_stays_close(affine: bool, precision: str, device: str) -> None:
    torch.set_num_threads(1)
    losses = {}
    for kind in ("float32", precision):
        found = start_training(
            SPACE.networks(TASK),
            sampler=Uniform(m=2),
            options={"affine": affine},
            device=device,
            epochs=3,
            batch_size=300,
            precision=kind,
        )
        losses[kind] = [found.run_epoch() for _ in range(3)]
        assert all(w.dtype == torch.float32 for w in found.supernet.state_dict().values())
    assert losses[precision] != losses["float32"]
    assert losses[precision] == pytest.approx(losses["float32"], abs=0.05)


@needs_gpu
def test_a_gpu_goes_on_from_a_checkpoint(tmp_path: Path) -> None:
    def new() -> SupernetTraining:
        return start_training(
            SPACE.networks(TASK), "surgery", device="cuda", epochs=4, precision="float16"
        )

    first, again = new(), new()
    for _ in range(2):
        first.run_epoch()
    first.save(tmp_path / "checkpoint")
    again.load(tmp_path / "checkpoint")
    assert again.run_epoch() == pytest.approx(first.run_epoch(), rel=1e-2)


def test_statistics_of_batch_norms_are_taken_in_float32() -> None:
    found = start_training(SPACE.networks(TASK), precision="bfloat16")
    norm = next(n for n in batch_norms(found.supernet) if n.weight is None)
    x = (3 + 0.1 * torch.randn(64, norm.num_features, 8, 8)).bfloat16()
    exact = nn.functional.batch_norm(x.double(), None, None, training=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.allclose(norm(x).double(), exact, atol=1e-4)
