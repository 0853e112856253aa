"""Supernets that users' spaces bring: contract, extraction, their errors, and the example."""

from __future__ import annotations

import copy
import importlib.util
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from archrank.errors import BuildError, SpaceError
from archrank.spaces import CustomSpace, from_choices
from archrank.supernets import (
    SupernetTraining,
    one_shot_scores,
    recalibrate,
    train_supernet,
)
from archrank.supernets.checkpoints import checkpoints, load_supernet
from archrank.tasks import Digits, Recipe
from archrank.testing import check_supernet

TASK = Digits(copies=1, recipe=Recipe(epochs=2, batch_size=300))
CHOICES = {"depth": [1, 2], "width": [4, 6], "kernel": [1, 3]}
RULE = {"kernel": ("depth", [2])}
EXAMPLE = Path(__file__).parents[3] / "examples" / "07_your_own_supernet.py"


class Net(nn.Module):
    """One convolution, or two, the second with one of two kernels."""

    def __init__(self, config: dict[str, Any], task: Any) -> None:
        super().__init__()
        width = config["width"]
        self.first = nn.Sequential(nn.Conv2d(1, width, 3, padding=1), nn.BatchNorm2d(width))
        kernels = config["kernels"] if "kernels" in config else [config.get("kernel")]
        self.second = nn.ModuleDict(
            {str(k): nn.Conv2d(width, width, k, padding=k // 2) for k in kernels if k is not None}
        )
        self.head = nn.Linear(width, task.n_classes)
        self.config = config

    def forward(self, x: Tensor, config: dict[str, Any] | None = None) -> Tensor:
        config = config or self.config
        w, (conv, norm) = config["width"], self.first
        x = nn.functional.conv2d(x, conv.weight[:w], conv.bias[:w], padding=1)
        scale, shift = norm.weight[:w], norm.bias[:w]
        x = nn.functional.batch_norm(x, None, None, scale, shift, True).relu()
        if "kernel" in config:
            conv = self.second[str(config["kernel"])]
            padding = config["kernel"] // 2
            x = nn.functional.conv2d(x, conv.weight[:w, :w], conv.bias[:w], padding=padding)
        return nn.functional.linear(x.mean((2, 3)), self.head.weight[:, :w], self.head.bias)


def whole(task: Any) -> Net:
    return Net({"width": 6, "kernels": [1, 3]}, task)


SPACE = from_choices(CHOICES, Net, active_if=RULE, supernet=whole, name="nets")


def bringing(supernet: Any, build: Any = Net) -> Any:
    return CustomSpace(CHOICES, build, "nets", active_if=RULE, supernet=supernet).networks(TASK)


def test_contract() -> None:
    torch.manual_seed(0)
    supernet = SPACE.networks(TASK).supernet()
    assert supernet.space is SPACE
    check_supernet(supernet.double(), TASK.input_shape, n=6)


def test_the_extracted_network_has_the_first_weights() -> None:
    supernet: Any = SPACE.networks(TASK).supernet()
    network: Any = supernet.extract(SPACE.parse(["depth=2,width=4,kernel=3"])[0])
    assert isinstance(network, Net)
    shared = supernet.module.second["3"].weight
    assert torch.equal(network.second["3"].weight, shared[:4, :4])
    assert set(network.second) == {"3"}


def test_extraction_by_the_user() -> None:
    class Own(nn.Module):
        def __init__(self, task: Any) -> None:
            super().__init__()
            self.heads = nn.ModuleList(nn.Linear(64, task.n_classes) for _ in range(2))
            self.norm = nn.BatchNorm1d(64)

        def forward(self, x: Tensor, config: dict[str, Any]) -> Tensor:
            return self.heads[config["depth"] - 1](self.norm(x.flatten(1)))

        def extract(self, config: dict[str, Any]) -> nn.Module:
            chosen = self.heads[config["depth"] - 1]
            return copy.deepcopy(nn.Sequential(nn.Flatten(), self.norm, chosen))

    supernet = bringing(Own).supernet()
    check_supernet(supernet, TASK.input_shape)
    network = supernet.extract(SPACE.parse(["depth=1,width=4"])[0])
    x = TASK.load().valid.x
    recalibrate(network, [x[:100]])
    assert torch.allclose(network(x[:5]), network(x)[:5], atol=1e-5)

    class Sharing(Own):
        def extract(self, config: dict[str, Any]) -> nn.Module:
            return nn.Sequential(nn.Flatten(), self.norm, self.heads[config["depth"] - 1])

    with pytest.raises(BuildError, match="returned weights of the supernet; return copies"):
        bringing(Sharing).supernet().extract(SPACE.parse(["depth=1,width=4"])[0])


def test_training_scores_and_checkpoints(tmp_path: Path) -> None:
    networks = SPACE.networks(TASK)
    supernet = networks.supernet()
    train_supernet(SupernetTraining(supernet, TASK), tmp_path)
    archs = SPACE.enumerate()
    scores = one_shot_scores(supernet, TASK, archs)
    assert np.isfinite(scores["loss"]).all()
    read = load_supernet(checkpoints(tmp_path)[2], networks)
    assert np.array_equal(one_shot_scores(read, TASK, archs)["loss"], scores["loss"])
    small = SPACE.restrict({"depth": 2})
    restricted = small.networks(TASK).supernet()
    restricted.whole.load_state_dict(supernet.state_dict())  # type: ignore[union-attr]
    again = one_shot_scores(restricted, TASK, small.enumerate())["loss"]
    inside = [i for i, text in enumerate(SPACE.format(archs)) if "depth=2" in text]
    assert np.array_equal(again, scores["loss"][inside])


def failing(x: Tensor, config: dict[str, Any]) -> Tensor:
    raise KeyError("heads")


def module(forward: Any) -> Any:
    class Made(nn.Module):
        def __init__(self, task: Any) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(1))

    Made.forward = staticmethod(forward)  # type: ignore[assignment,method-assign]
    return Made


@pytest.mark.parametrize(
    ("supernet", "told"),
    [
        (
            module(failing),
            r"nets: supernet\(x, {'depth': 1, 'width': 4}\) failed: "
            r"KeyError: 'heads' \(test_supernet.py, line \d+\)",
        ),
        (module(lambda x, config: x.flatten(1)), r"returns a tensor of shape \(b, 64\), task"),
        (module(lambda x, config: None), "returns a NoneType, task 'digits' needs a tensor"),
        (module(lambda x: x), "failed.*TypeError"),
        (lambda task: task.nothing, r"nets: supernet\(digits\) failed: AttributeError"),
        (lambda task: 3, r"nets: supernet\(digits\) returned 3, expected a torch.nn.Module"),
    ],
)
def test_errors_of_the_users_code(supernet: Any, told: str) -> None:
    arch = SPACE.parse(["depth=1,width=4"])[0]
    with pytest.raises(BuildError, match=told):
        bringing(supernet).supernet()(torch.zeros(2, 1, 8, 8), arch)


def test_weights_that_the_supernet_lacks() -> None:
    arch = SPACE.parse(["depth=1,width=6"])[0]
    narrow = bringing(lambda task: Net({"width": 4, "kernels": [1, 3]}, task)).supernet()
    with pytest.raises(BuildError, match=r"'first.0.weight' of shape \(6, 1, 3, 3\), .* one of sh"):
        narrow.extract(arch)
    renamed = bringing(whole, lambda config, task: nn.Sequential(Net(config, task))).supernet()
    with pytest.raises(BuildError, match=r"has no such weight; name them alike, or give"):
        renamed.extract(arch)


def test_what_cannot_be() -> None:
    with pytest.raises(SpaceError, match=r"supernet is a function supernet\(task\), got 3"):
        from_choices(CHOICES, Net, supernet=3)  # type: ignore[arg-type]
    with pytest.raises(SpaceError, match="nets has no supernet; give from_choices a function"):
        bringing(None).supernet()
    with pytest.raises(SpaceError, match="the supernet of nets has no option 'affine'"):
        SPACE.networks(TASK).supernet(affine=False)


def test_it_can_be_sent() -> None:
    sent = pickle.loads(pickle.dumps(SPACE))
    assert sent.networks(TASK).supernet().module.head.weight.shape == (10, 6)


def test_the_example() -> None:
    assert len(EXAMPLE.read_text().splitlines()) < 40
    spec = importlib.util.spec_from_file_location("example", EXAMPLE)
    assert spec is not None
    example = importlib.util.module_from_spec(spec)
    sys.modules["example"] = example
    assert spec.loader is not None
    spec.loader.exec_module(example)
    check_supernet(example.space.networks(TASK).supernet(), TASK.input_shape, n=6)
