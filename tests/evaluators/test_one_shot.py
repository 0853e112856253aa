"""One-shot scores as an evaluator: those of the checkpoint, in studies and in other processes."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from archrank.errors import ArgumentError, ResumeError, SettingsError, StorageError
from archrank.evaluators import OneShot
from archrank.spaces import NASBench201, Scale, TransNAS101Micro
from archrank.strategies import Random
from archrank.study import Study
from archrank.supernets import SupernetTraining, one_shot_scores, train_supernet
from archrank.tasks import Digits, Recipe
from archrank.testing import check_evaluator
from archrank.training.loop import initialise

SPACE = NASBench201(Scale(channels=2, cells=1, reduction="pool"))
TASK = Digits(recipe=Recipe(epochs=2, batch_size=300), copies=1)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[SupernetTraining, Path]:
    folder = tmp_path_factory.mktemp("supernet")
    supernet = initialise(lambda: SPACE.networks(TASK).supernet(affine=False), 0)
    training = SupernetTraining(supernet, TASK)  # type: ignore[arg-type]
    train_supernet(training, folder)
    return training, folder


def test_contract(trained: tuple[SupernetTraining, Path]) -> None:
    evaluator = OneShot(TASK, trained[1])
    check_evaluator(evaluator, SPACE, n=4)
    assert [m.name for m in evaluator.metrics] == ["oneshot_accuracy", "oneshot_loss"]
    assert [m.direction for m in evaluator.metrics] == ["maximize", "minimize"]


def test_scores_are_those_of_the_supernet(trained: tuple[SupernetTraining, Path]) -> None:
    training, folder = trained
    archs = SPACE.sample(3, rng=np.random.default_rng(0))
    bound = OneShot(TASK, folder, split="test", batch_size=100).bind(SPACE)
    expected = one_shot_scores(training.supernet, TASK, archs, split="test", batch_size=100)
    sent = pickle.loads(pickle.dumps(bound))
    assert len(pickle.dumps(bound)) < 5000, "weights stay in their file"
    for found in (bound.evaluate(archs), sent.evaluate(archs)):
        assert np.array_equal(found["oneshot_loss"], expected["loss"])
        assert np.array_equal(found["oneshot_accuracy"], expected["accuracy"])


def test_several_supernets_give_their_mean(
    trained: tuple[SupernetTraining, Path], tmp_path: Path
) -> None:
    supernet = initialise(lambda: SPACE.networks(TASK).supernet(affine=False), 1)
    other = SupernetTraining(supernet, TASK, seed=1)  # type: ignore[arg-type]
    train_supernet(other, tmp_path)
    archs = SPACE.sample(3, rng=np.random.default_rng(0))
    both = OneShot(TASK, [trained[1], tmp_path]).bind(SPACE)
    each = [one_shot_scores(t.supernet, TASK, archs)["loss"] for t in (trained[0], other)]
    assert both.evaluate(archs)["oneshot_loss"] == pytest.approx((each[0] + each[1]) / 2)
    assert len(both.describe()["sha256"]) == 2
    with pytest.raises(ArgumentError, match="expected a path or several"):
        OneShot(TASK, [])


def test_a_study_of_one_shot_scores(trained: tuple[SupernetTraining, Path]) -> None:
    study = Study(SPACE, OneShot(TASK, trained[1]), Random()).run(budget=6)
    assert study.objectives[0].metric == "oneshot_accuracy"
    assert len(study.records) == 6


def test_the_recipe_may_be_another(trained: tuple[SupernetTraining, Path]) -> None:
    OneShot(Digits(copies=1), trained[1]).bind(SPACE)


def test_what_does_not_fit(trained: tuple[SupernetTraining, Path], tmp_path: Path) -> None:
    _, folder = trained
    with pytest.raises(ResumeError, match=r"is of another supernet .*space: "):
        OneShot(TASK, folder).bind(TransNAS101Micro())
    with pytest.raises(ResumeError, match=r"task\.copies"):
        OneShot(Digits(copies=2), folder).bind(SPACE)
    with pytest.raises(StorageError, match="holds no checkpoint"):
        OneShot(TASK, tmp_path)
    with pytest.raises(StorageError, match="there is no checkpoint"):
        OneShot(TASK, tmp_path / "epoch-000001.safetensors")
    with pytest.raises(SettingsError, match="split is valid or test, got 'train'"):
        OneShot(TASK, folder, split="train")  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="batch_size must be at least 1"):
        OneShot(TASK, folder, batch_size=0)
