"""Checks of data: each fault is named, sound data passes, and passes once."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from archrank.errors import ArgumentError, DataError, DataWarning
from archrank.evaluators import Training
from archrank.spaces import from_choices
from archrank.tasks import (
    Classification,
    Digits,
    Glyphs,
    Recipe,
    Regression,
    Split,
    Splits,
    Task,
    Topics,
    check_task,
    from_tensors,
)
from archrank.tasks import checks as home
from tests.tasks import tiny
from tests.tasks.tiny import TASKS

G = torch.Generator().manual_seed(0)
X = torch.randn(60, 4, generator=G)
Y = torch.arange(60) % 3
ONCE = Recipe(epochs=1)


def sound() -> Splits:
    rows = slice(0, 30), slice(30, 45), slice(45, 60)
    return Splits(*(Split(X[r].clone(), Y[r].clone()) for r in rows))


@dataclass(frozen=True)
class Own(Classification):
    """A task of a user; its data is compared by identity, so the digest tells it."""

    data: Any = None
    recipe: Recipe = ONCE
    input_shape: tuple[int, ...] = (4,)
    n_classes: int = 3

    name = "own"

    def load(self) -> Splits:
        loads.append(1)
        return Splits(*(Split(x, y) for x, y in self.data))


@dataclass(frozen=True)
class Sums(Regression):
    targets: Any = torch.float32
    width: int = 2

    name = "sums"
    input_shape = (2,)

    @property
    def n_targets(self) -> int:  # type: ignore[override]
        return self.width

    def load(self) -> Splits:
        return Splits(*(Split(s.x, s.y.to(self.targets)) for s in tiny.Sums().load()))


loads: list[int] = []


@pytest.fixture(autouse=True)
def nothing_has_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home, "_passed", set())


def changed(part: str, **changes: Any) -> Own:
    splits = sound()
    return Own(data=splits._replace(**{part: getattr(splits, part)._replace(**changes)}))


def with_number(value: float) -> torch.Tensor:
    x = sound().valid.inputs[0]
    x[7, 2] = value
    return x


def with_class(number: int) -> torch.Tensor:
    y = sound().test.y
    y[4] = number
    return y


@pytest.mark.parametrize(
    ("task", "told"),
    [
        (changed("train", x=X[:0], y=Y[:0]), "the train split is empty"),
        (changed("test", y=Y[:9]), "the test split has 15 inputs and 9 targets"),
        (changed("train", x=X[:30].double()), "inputs of the train split are float64"),
        (changed("valid", x=X[:15].to(torch.uint8)), "uint8.*/ 255"),
        (changed("valid", x=X[:15].long()), "valid split are int64, those of train float32"),
        (changed("valid", x=with_number(np.nan)), "row 7 of valid, place 2: nan"),
        (changed("valid", x=with_number(np.inf)), "row 7 of valid, place 2: inf"),
        (changed("test", x=X[:15, :3]), r"test split have the shape \(3,\), those of train \(4,\)"),
        (replace(Own(data=sound()), input_shape=(5,)), r"the task's input_shape is \(5,\)"),
        (
            changed("test", y=with_class(3)),
            "row 4 of test has the class 3, but there are 3 classes",
        ),
        (changed("test", y=with_class(-1)), "row 4 of test has the class -1"),
        (changed("test", y=Y[:15].float()), r"classes of the test split are float32.*y\.long"),
        (changed("test", x=(X[:15], X[:15])), "are 2 tensors, those of train 1"),
        (changed("valid", y=torch.eye(3)[Y[:15]]), r"the shape \(15, 3\).*y\.argmax\(1\)"),
        (changed("valid", y=Y[:15, None]), r"the shape \(15, 1\).*y\[:, 0\]"),
        (Sums(targets=torch.float64), "targets of the train split are float64.*y.float"),
        (Sums(targets=torch.int64), "targets of the train split are int64"),
        (Sums(width=3), r"targets .* have the shape \(80, 2\), but the task's n_targets is 3"),
        (tiny.Counting(vocabulary=12), r"has the token 12, but there are 12 tokens"),
    ],
)
def test_faults_are_named(task: Task, told: str) -> None:
    with pytest.raises(DataError, match=told):
        check_task(task)


def test_something_that_is_no_task_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"check_task: task is .*from_tensors"):
        check_task(np.zeros((3, 2)))  # type: ignore[arg-type]


def test_a_leak_is_a_warning_with_both_rows() -> None:
    x = sound().test.inputs[0]
    x[5] = X[3]
    y = sound().test.y
    y[5] = Y[3]
    with pytest.warns(DataWarning, match=r"1 of 15 .*row 5 of test, equal to row 3 of train"):
        check_task(changed("test", x=x, y=y))


def test_equal_inputs_with_other_targets_are_no_leak() -> None:
    x = sound().test.inputs[0]
    x[5] = X[3]
    y = sound().test.y
    y[5] = (Y[3] + 1) % 3
    check_task(changed("test", x=x, y=y))


def test_rows_are_those_that_were_passed() -> None:
    x, y = X.repeat(2, 1), Y.repeat(2)  # every row twice, 60 apart
    with pytest.warns(DataWarning) as caught:
        from_tensors(x, y, split=(0.5, 0.25, 0.25))
    found = [
        [int(w) for w in str(warning.message).split() if w.isdigit()][-2:] for warning in caught
    ]
    assert found
    assert all(abs(a - b) == 60 for a, b in found)
    broken = X.clone()
    broken[17, 1] = torch.nan
    with pytest.raises(DataError, match=r"row 17 of the data \(in \w+\), place 1"):
        from_tensors(broken, Y)


def test_a_class_without_training_examples_is_a_warning() -> None:
    splits = sound()
    few = splits._replace(train=splits.train.take(splits.train.y != 2))
    with pytest.warns(DataWarning, match=r"row 2 of \w+ has the class 2, which no training"):
        check_task(Own(data=few))


def test_data_is_checked_once() -> None:
    loads.clear()
    for _ in range(3):
        check_task(Own(data=sound()))
    assert len(loads) == 1
    with pytest.raises(DataError):
        check_task(changed("test", y=with_class(3)))


SPACE = from_choices(
    {"width": [2, 3]},
    build=lambda config, task: nn.Sequential(
        nn.Linear(4, config["width"]), nn.Linear(config["width"], 3)
    ),
)


def test_training_checks_before_it_trains() -> None:
    with pytest.raises(DataError, match="class 3, but there are 3"):
        Training(changed("test", y=with_class(3))).bind(SPACE).evaluate(SPACE.enumerate())


def test_a_trainer_of_ones_own_gets_any_data() -> None:
    task = changed("test", y=with_class(3))
    own = Training(task, trainer=lambda *_: 0.5, metrics=["score"]).bind(SPACE)
    assert own.evaluate(SPACE.enumerate())["score"].tolist() == [0.5, 0.5]


@pytest.mark.parametrize("task", [Digits(), Glyphs(), Topics(), *TASKS], ids=lambda t: t.name)
def test_built_in_data_passes(task: Task) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataWarning)
        check_task(task)
