"""A user's supernet of layers, some of which carry a gate: a set and blocks in its choices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import linear

import archrank as ar
from archrank.errors import BuildError
from archrank.spaces import from_choices
from archrank.supernets import SupernetTraining, one_shot_scores, train_supernet
from archrank.supernets.samplers import SAMPLERS
from archrank.tasks import Digits, Recipe
from archrank.testing import check_sampler, check_space, check_supernet

TASK = Digits(copies=1, recipe=Recipe(epochs=1, batch_size=300))
WIDTHS = [4, 8]
WHOLE = {"layers": [{"width": 8}] * 3, "gated": (0, 1, 2)}


class Gated(nn.Module):
    """Linear layers of several widths, some of which are gated by the image."""

    def __init__(self, config: dict[str, Any], task: Any) -> None:
        super().__init__()
        self.config = config
        widths = [layer["width"] for layer in config["layers"]]
        self.layers = nn.ModuleList(map(nn.Linear, [64, *widths], widths))
        gated = {str(i): nn.Linear(64, widths[i]) for i in config["gated"] if i < len(widths)}
        self.gates = nn.ModuleDict(gated)
        self.head = nn.Linear(widths[-1], task.n_classes)

    def forward(self, x: Tensor, config: dict[str, Any] | None = None) -> Tensor:
        """Run the layers, units and gates that a configuration has."""
        config = config or self.config
        x = image = x.flatten(1)
        for i, (layer, settings) in enumerate(zip(self.layers, config["layers"], strict=False)):
            width = settings["width"]
            x = linear(x, layer.weight[:width, : x.shape[1]], layer.bias[:width]).relu()
            if i in config["gated"]:
                gate: Any = self.gates[str(i)]
                x = x * linear(image, gate.weight[:width], gate.bias[:width]).sigmoid()
        return linear(x, self.head.weight[:, : x.shape[1]], self.head.bias)


SPACE = from_choices(
    {"layers": ar.Repeat({"width": WIDTHS}, times=(1, 3)), "gated": ar.Subset(3, (0, 2))},
    build=Gated,
    supernet=lambda task: Gated(WHOLE, task),
    name="gated",
)


def test_contracts() -> None:
    check_space(SPACE, task=TASK)
    check_supernet(SPACE.networks(TASK).supernet().double(), TASK.input_shape)


@pytest.mark.parametrize("options", [{"gated.1": True}, {"gated": [0, 2], "layers": [2, 3]}])
def test_a_restricted_one(options: dict[str, Any]) -> None:
    small = SPACE.restrict(options)
    check_supernet(small.networks(TASK).supernet(), TASK.input_shape, n=3)


@pytest.mark.parametrize(
    "name", ["uniform", "fairnas", "de_isomorphic", "costliest", "flops_prior", "bestup_3_loss"]
)
def test_samplers_draw_sets_of_the_right_size(name: str) -> None:
    check_sampler(SAMPLERS.get(name)(), SPACE.networks(TASK), updates=3)


def test_it_is_trained_and_scored(tmp_path: Path) -> None:
    supernet = SPACE.networks(TASK).supernet()
    sampler = SAMPLERS.get("bestup_3_loss")()
    train_supernet(SupernetTraining(supernet, TASK, sampler), tmp_path)
    scores = one_shot_scores(supernet, TASK, SPACE.enumerate()[::9])
    assert np.isfinite(scores["loss"]).all()


def test_a_supernet_without_one_of_the_members() -> None:
    without = WHOLE | {"gated": (0, 1)}
    networks = from_choices(
        {"layers": ar.Repeat({"width": WIDTHS}, times=3), "gated": ar.Subset(3, 2)},
        build=Gated,
        supernet=lambda task: Gated(without, task),
        name="gated",
    ).networks(TASK)
    row = networks.space.from_config({"layers": WHOLE["layers"], "gated": (0, 2)})
    with pytest.raises(
        BuildError, match=r"gated: supernet\(x, .*'gated': \(0, 2\)}\).*KeyError: '2'"
    ):
        networks.supernet()(torch.zeros(2, *TASK.input_shape), row)
