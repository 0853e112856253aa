from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from archrank.errors import SpaceError
from archrank.spaces import CustomSpace


def mlp(config: dict[str, Any], task: object) -> Any:
    from torch import nn

    width = config["width"]
    layers: list[nn.Module] = [nn.Flatten(), nn.Linear(64, width)]
    for _ in range(config["depth"]):
        layers += [nn.ReLU(), nn.Linear(width, width)]
    return nn.Sequential(*layers, nn.Linear(width, 10))


CHOICES = {"depth": [0, 2], "width": [8, 16]}


def test_config_names_the_options() -> None:
    space = CustomSpace(CHOICES, mlp)
    assert space.config(np.array([1, 0], dtype=np.uint8)) == {"depth": 2, "width": 8}


def test_costs_are_counted() -> None:
    from archrank.tasks import Digits

    task = Digits()
    space = CustomSpace(CHOICES, mlp).for_task(task)
    pixels = int(np.prod(task.input_shape))
    assert pixels == 64
    cost = space.cost(space.enumerate())
    weights = [64 * w + depth * w * w + 10 * w for depth in (0, 2) for w in (8, 16)]
    biases = [w + depth * w + 10 for depth in (0, 2) for w in (8, 16)]
    assert cost["macs"].tolist() == weights
    assert cost["params"].tolist() == [a + b for a, b in zip(weights, biases, strict=True)]


def test_costs_need_a_task() -> None:
    space = CustomSpace(CHOICES, mlp)
    with pytest.raises(SpaceError, match=r"space\.for_task\(task\)"):
        space.cost(space.enumerate())


def test_build_must_return_a_module() -> None:
    space = CustomSpace(CHOICES, lambda config, task: 3)  # type: ignore[arg-type, return-value]
    with pytest.raises(SpaceError, match=r"build\(\{'depth': 0, 'width': 8\}\) returned int"):
        space.build(np.zeros(2, dtype=np.uint8), None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({}, "at least one choice"),
        ({"depth": []}, "'depth' needs 1 to 256 different options"),
        ({"depth": [1, 1]}, r"different options, got \[1, 1\]"),
        ({"a b": [1]}, "Python identifiers, got 'a b'"),
        ({"class": [1]}, "Python identifiers, got 'class'"),
    ],
)
def test_wrong_declarations(choices: dict[str, list[Any]], message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        CustomSpace(choices, mlp)
