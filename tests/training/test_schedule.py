"""Schedules against torch's own, and through a training."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from archrank.errors import SettingsError
from archrank.networks import NASBench201Network
from archrank.tasks import Digits, Recipe
from archrank.training.grouped import train_many
from archrank.training.loop import initialise, train
from archrank.training.schedule import Decay, warmup
from archrank.training.step import Step

PLATEAU = Recipe(epochs=3, schedule="plateau", plateau_factor=0.25, plateau_patience=1)


@given(
    st.lists(st.floats(0.001, 10, allow_nan=False), max_size=40),
    st.integers(0, 4),
    st.floats(0.1, 0.9),
)
def test_plateaus_are_those_of_torch(losses: list[float], patience: int, factor: float) -> None:
    recipe = Recipe(schedule="plateau", plateau_factor=factor, plateau_patience=patience)
    decay = Decay(recipe, updates=100)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=factor, patience=patience, eps=0.0
    )
    for loss in losses:
        decay.end_epoch(loss)
        theirs.step(loss)
        copy = Decay(recipe, updates=100)
        copy.load_state_dict(decay.state_dict())
        decay = copy
        assert decay.after(3) == pytest.approx(optimizer.param_groups[0]["lr"])


def test_other_schedules_do_not_look_at_losses() -> None:
    for schedule, half in (("cosine", 0.5), ("constant", 1.0)):
        decay = Decay(Recipe(schedule=schedule, plateau_patience=0), updates=10)  # type: ignore[arg-type]
        for loss in (1.0, 2.0, math.nan):
            decay.end_epoch(loss)
        assert decay.after(0) == 1
        assert decay.after(5) == pytest.approx(half)
        assert decay.state_dict() == {}


def test_the_inverse_root_is_that_of_vaswani() -> None:
    """Equation 3 up to its constant: ``min(step^-1/2, step warmup^-3/2)``, 1 at the top."""
    recipe = Recipe(schedule="inverse_sqrt", lr=1.0, updates=50, warmup_updates=8)
    for step in range(1, 51):
        found = warmup(recipe, step - 1, 50) * Decay(recipe, 50).after(step - 1)
        assert found == pytest.approx(min(step**-0.5, step * 8**-1.5) * 8**0.5)
    assert Decay(Recipe(schedule="inverse_sqrt"), 9).after(3) == 0.5  # without a warm-up


def test_the_cosine_may_begin_after_the_warm_up() -> None:
    recipe = Recipe(schedule="cosine_after_warmup", updates=30, warmup_updates=10)
    decay = Decay(recipe, 30)
    assert [decay.after(done) for done in (0, 5, 10)] == [1, 1, 1]
    assert decay.after(20) == pytest.approx(0.5)
    assert decay.after(30) == pytest.approx(0)


@pytest.mark.parametrize("schedule", ["cosine", "cosine_after_warmup"])
def test_a_cosine_ends_where_it_is_told_to(schedule: Any) -> None:
    recipe = Recipe(schedule=schedule, lr=0.5, final_lr=0.02, updates=40)
    decay = Decay(recipe, 40)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 40, eta_min=0.02)
    for done in range(41):
        assert 0.5 * decay.after(done) == pytest.approx(optimizer.param_groups[0]["lr"])
        optimizer.step()
        theirs.step()


@pytest.mark.parametrize("updates", [1, 5, 8])
def test_a_training_may_be_so_many_updates(updates: int) -> None:
    """Of 3 batches an epoch; the last epoch is cut short."""
    recipe = Recipe(updates=updates, batch_size=300, warmup_updates=2)
    network = initialise(
        lambda: NASBench201Network(["skip_connect"] * 6, in_channels=1, channels=2, cells=1), 0
    )
    made: list[Any] = []
    update = Step.__call__

    def counted(step: Step, loss: torch.Tensor) -> None:
        made.append(loss)
        update(step, loss)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Step, "__call__", counted)
        result = train(network, Digits(recipe=recipe, copies=1), seed=0)
    assert len(made) == updates
    assert result.epochs == -(-updates // 3)


def test_a_training_tells_its_losses() -> None:
    network = initialise(
        lambda: NASBench201Network(["skip_connect"] * 6, in_channels=1, channels=2, cells=1), 0
    )
    told: list[float] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Decay, "end_epoch", lambda self, loss: told.append(loss))
        result = train(network, Digits(recipe=replace(PLATEAU, batch_size=400), copies=1), seed=0)
    assert len(told) == 3
    assert np.isfinite(told).all()
    assert result.metrics["train_loss"] == told[-1]


def test_a_group_has_one_learning_rate() -> None:
    networks = [NASBench201Network(["skip_connect"] * 6, in_channels=1, channels=2, cells=1)] * 2
    with pytest.raises(SettingsError, match="share one learning rate"):
        train_many(networks, Digits(recipe=PLATEAU, copies=1), seeds=[0, 1])


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ({"schedule": "plato"}, "schedule is 'plato', expected one of cosine, cosine_after_warmup"),
        ({"optimizer": "adam"}, "optimizer is 'adam', expected one of sgd, adamw"),
        ({"precision": "int8"}, "precision is 'int8'"),
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({"batch_size": 1.5}, "batch_size is 1.5, expected a whole number"),
        ({"plateau_patience": -1}, "at least 0, got -1"),
        ({"final_lr": -1e-7}, "final_lr is -1e-07, expected at least 0"),
        ({"final_lr": 0.2}, "final_lr is 0.2, above lr 0.1"),
        ({"lr": 0.0}, "lr is 0, expected above 0"),
        ({"lr": float("nan")}, "lr is nan, expected a finite number"),
        ({"momentum": 1.0}, "momentum is 1, expected at least 0 and below 1"),
        ({"weight_decay": -1e-9}, "weight_decay is -1e-09, expected at least 0"),
        ({"label_smoothing": 2}, "label_smoothing is 2, expected at least 0 and below 1"),
        ({"grad_clip": 0.0}, "grad_clip is 0, expected above 0"),
        ({"updates": 0}, "updates must be at least 1, got 0"),
        ({"warmup_updates": -1}, "warmup_updates must be at least 0, got -1"),
        ({"beta2": 1.0}, "beta2 is 1, expected at least 0 and below 1"),
        ({"warmup_epochs": 1, "warmup_updates": 5}, "is 1 and warmup_updates 5; give one of them"),
        ({"plateau_factor": 1.0}, "plateau_factor is 1, expected above 0 and below 1"),
    ],
)
def test_settings_that_cannot_be(setting: dict[str, Any], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        Recipe(**setting)
