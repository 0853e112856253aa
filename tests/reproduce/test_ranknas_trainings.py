"""Trainings that RankNAS's reproductions share: made once, the same after a stop."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from archrank.errors import ResumeError
from archrank.reproduce.base import Plan
from archrank.reproduce.ranknas.extent import FULL, QUICK, TASKS, Extent, extent_of
from archrank.reproduce.ranknas.trainings import Trainings, drawn, networks_of
from archrank.supernets.recipes import TRANSFORMER_SMALL
from archrank.supernets.training import SupernetTraining
from archrank.tasks.text.decoding import finished_bleu
from archrank.training.loop import initialise, train

TINY = replace(QUICK, pairs=100, held_out=20, updates=12, examples=8, sentences=None)


def archs_of(space: str, extent: Extent = TINY, n: int = 3) -> np.ndarray:
    return drawn(networks_of(space, extent), n, rng=np.random.default_rng(0))


def never(*arguments: object, **options: object) -> None:
    raise AssertionError("trained again")


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The first training of a supernet is stopped in its second epoch."""
    run_epoch = SupernetTraining.run_epoch

    def run(training: SupernetTraining) -> float:
        if training.epoch == 1:
            raise KeyboardInterrupt
        return run_epoch(training)

    monkeypatch.setattr(SupernetTraining, "run_epoch", run)
    return monkeypatch


def test_a_stopped_training_gives_the_same_supernet(
    stopped: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first, second = (Trainings("hat_small", 3, TINY, tmp_path / name) for name in ("a", "b"))
    with pytest.raises(KeyboardInterrupt):
        first.supernet()
    stopped.undo()
    archs = archs_of("hat_small")
    assert np.array_equal(first.losses(archs), second.losses(archs))
    assert not np.array_equal(first.losses(archs, early=True), first.losses(archs))
    for each in (first, second):
        about = each.trained()
        assert about["epochs"] >= 2
        assert 0 < about["early_cpu_seconds"] < about["cpu_seconds"]
    stopped.setattr(SupernetTraining, "run_epoch", never)
    stopped.setattr("archrank.reproduce.ranknas.trainings.one_shot_scores", never)
    again = Trainings("hat_small", 3, TINY, tmp_path / "a").scored(archs)
    assert np.array_equal(again["loss"], second.losses(archs))
    assert again["cpu_seconds"] > 0
    other = replace(TRANSFORMER_SMALL, changes={**TRANSFORMER_SMALL.changes, "lr": 1e-3})
    stopped.setattr("archrank.supernets.recipes.TRANSFORMER_SMALL", other)
    with pytest.raises(ResumeError, match="lr"):
        Trainings("hat_small", 3, TINY, tmp_path / "a").losses(archs)


def test_trainings_from_scratch_are_those_of_the_task_and_shared_by_seeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    trainings = Trainings("hat_small", 0, TINY, tmp_path, told.append)
    archs = archs_of("hat_small", n=2)
    found = trainings.alone(archs)
    assert sum(line.endswith(": begins") for line in told) == 2
    task = replace(trainings.task, recipe=replace(trainings.task.recipe, updates=TINY.updates))
    network = initialise(lambda: trainings.networks.build(archs[1]), 0)
    metrics = train(network, task, seed=0).metrics | finished_bleu(network, task)
    assert {name: found[1][name] for name in metrics} == metrics
    assert found[1]["cpu_seconds"] > 0
    monkeypatch.setattr("archrank.reproduce.ranknas.trainings.train", never)
    assert Trainings("hat_small", 1, TINY, tmp_path).alone(archs[::-1]) == found[::-1]
    with pytest.raises(AssertionError, match="trained again"):
        trainings.alone(archs, seed=1)


def test_a_training_that_diverges_is_kept_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainings = Trainings("ranknas_lm_small", 0, replace(TINY, updates=1), tmp_path)
    archs = archs_of("ranknas_lm_small", n=1)
    with monkeypatch.context() as patched:
        nothing = torch.tensor(float("nan"), requires_grad=True)
        patched.setattr(type(trainings.task), "loss", lambda self, outputs, y: nothing * 1)
        found = trainings.alone(archs)[0]
    assert np.isnan(found["valid_loss"])
    assert "test_bleu" not in found  # it translates nothing
    monkeypatch.setattr("archrank.reproduce.ranknas.trainings.train", never)
    assert np.isnan(trainings.alone(archs)[0]["valid_loss"])


@pytest.mark.parametrize("space", TASKS)
def test_architectures_of_a_band_are_different(space: str) -> None:
    networks = networks_of(space, TINY)
    rng = np.random.default_rng(1)
    params = networks.cost(networks.space.sample(20_000, rng=rng))["params"]
    some = drawn(networks, 50, rng=np.random.default_rng(0), band=(0.3, 0.6))
    place = [(params < each).mean() for each in networks.cost(some)["params"]]
    assert min(place) > 0.27
    assert max(place) < 0.63
    more = drawn(networks, 50, rng=np.random.default_rng(0), band=(0.3, 0.6), but=some)
    both = networks.space.canonical(np.concatenate([some, more]))
    assert len(np.unique(both, axis=0)) == len(both) == 100


def test_extents() -> None:
    assert extent_of(Plan()) == FULL
    assert FULL.evolution.evaluations == 3125
    assert FULL.random.evaluations == 3125
    assert extent_of(Plan(quick=True)) == QUICK
    assert QUICK.random.evaluations <= QUICK.evolution.evaluations
    assert FULL.changes(FULL.epochs) == {}
    assert extent_of(Plan(epochs=2)).changes(2) == {"epochs": 2}
    assert QUICK.changes(None) == {"updates": QUICK.updates}
