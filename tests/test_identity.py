"""Identities: what makes two runs the same, and what does not."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, make_dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from archrank.errors import ResumeError
from archrank.evaluators import Training, ZeroCost
from archrank.identity import function_name, identity_of
from archrank.spaces import NASBench201
from archrank.strategies import Random
from archrank.study import Study
from archrank.tasks import (
    CIFAR10,
    Augmentation,
    Characters,
    Digits,
    Glyphs,
    ImageClassification,
    Recipe,
    Splits,
    Task,
)
from archrank.user_files import import_file


def test_what_differs_from_the_defaults() -> None:
    assert identity_of(Recipe()) == {"class": "Recipe"}
    assert identity_of(Recipe(epochs=3, grad_clip=1.0)) == {
        "class": "Recipe",
        "epochs": 3,
        "grad_clip": 1.0,
    }
    assert Digits(noise=0.5).identity()["noise"] == 0.5
    assert "seed" not in Digits(noise=0.5).identity()


def test_a_recipe_is_described_even_if_it_is_the_tasks_default() -> None:
    found = Glyphs().identity()  # so that another default recipe is another task
    assert found["recipe"] == {"class": "Recipe", "epochs": 6}
    assert found["augmentation"] == {"class": "Augmentation", "noise": 0.7}


@pytest.mark.parametrize(
    "other",
    [
        Digits(recipe=Recipe(epochs=3)),
        Digits(augmentation=Augmentation()),
        Digits(noise=1.0),
        Digits(seed=1),
        Glyphs(),
        Characters(),
    ],
)
def test_other_settings_are_told_apart(other: Task) -> None:
    assert other.identity() != Digits().identity()


def test_a_new_field_with_a_default_changes_nothing() -> None:
    wider = make_dataclass("Recipe", [("dropout", float, 0.0)], bases=(Recipe,), frozen=True)
    old, new = Recipe(epochs=3), wider(epochs=3)  # type: ignore[call-arg]
    assert identity_of(new) == identity_of(old)
    assert Digits(recipe=new).identity() == Digits(recipe=old).identity()
    assert identity_of(wider(dropout=0.5))["dropout"] == 0.5


def test_folders_do_not_matter(tmp_path: Path) -> None:
    assert CIFAR10(root="here").identity() == CIFAR10(root=str(tmp_path)).identity()
    assert "here" not in repr(CIFAR10(root="here"))
    assert CIFAR10(seed=1).identity() != CIFAR10().identity()


@dataclass(frozen=True)
class Moved(Digits):
    root: str = field(default="data", metadata={"identity": False})
    cache: Path = Path("data")


def test_a_run_goes_on_where_its_data_has_moved(tmp_path: Path) -> None:
    def study(task: Task) -> Study:
        storage = f"sqlite:///{tmp_path / 'run.db'}"
        return Study(NASBench201(), Training(task), Random(), storage=storage)

    recipe = Recipe(epochs=1, batch_size=900)
    first = Moved(recipe=recipe, copies=1, root="a", cache=Path("a"))
    study(first).run(budget=1)
    later = study(replace(first, root="b", cache=Path("b")))
    later.run(budget=2)
    assert len(later.records) == 2
    with pytest.raises(ResumeError, match=r"task\.recipe\.epochs: 1 -> 2\."):
        study(replace(first, recipe=Recipe(epochs=2, batch_size=900))).run(budget=3)


class Plain(ImageClassification):
    """A user's class that is no dataclass."""

    n_classes = 4

    def __init__(self, depth: int, data: Any, where: Path) -> None:
        super().__init__(recipe=Recipe(epochs=2))
        self.__dict__.update(depth=depth, data=data, where=where, _loaded=None)

    def load(self) -> Splits:
        raise NotImplementedError


def test_a_class_that_is_no_dataclass() -> None:
    found = Plain(3, np.arange(4), Path("a")).identity()
    assert json.loads(json.dumps(found)) == found
    assert found["class"] == "Plain"
    assert found["depth"] == 3
    assert found["n_classes"] == 4
    assert found["recipe"] == {"class": "Recipe", "epochs": 2}
    assert not {"where", "_loaded", "name", "metrics"} & found.keys()
    assert Plain(3, np.arange(4), Path("b")).identity() == found
    assert Plain(4, np.arange(4), Path("a")).identity() != found
    assert Plain(3, np.arange(5), Path("a")).identity() != found
    tensor = Plain(3, torch.arange(4), Path("a")).identity()
    assert tensor["data"] == found["data"]  # content counts


def test_evaluators_describe_tasks_by_identity() -> None:
    for evaluator in (Training(CIFAR10(root="x")), ZeroCost(CIFAR10(root="x"))):
        described = evaluator.describe()
        assert described["task"] == CIFAR10().identity()
        assert json.loads(json.dumps(described)) == described


def shout(text: str, times: int = 1) -> str:
    return text.upper() * times


class Caller:
    def __init__(self, times: int) -> None:
        self.times = times

    def __call__(self, text: str) -> str:
        return shout(text, self.times)


def test_functions_have_names(tmp_path: Path) -> None:
    assert function_name(shout) == "tests.test_identity:shout"
    assert function_name(partial(shout, times=2)) == 'tests.test_identity:shout[{"times": 2}]'
    assert function_name(Caller(2)) == 'tests.test_identity:Caller{"times": 2}'
    names = set()
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        file = tmp_path / folder / "mine.py"
        file.write_text("def train(network, task, seed, device):\n    return 0.0\n")
        function: Callable[..., Any] = import_file(str(file), "mine").train
        names.add(function_name(function))
    assert names == {"mine.py:train"}
