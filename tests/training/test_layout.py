"""Layout of images and weights: which networks are channels-last, and that none crashes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.fx
from torch import Tensor, nn

from archrank.networks import NASBench201Network
from archrank.networks.nds_operations import operation
from archrank.networks.operations import ReLUConvBN
from archrank.tasks import Digits, Recipe
from archrank.training.layout import (
    channels_last,
    default,
    is_safe_channels_last,
    lay_out,
    layout_of,
)
from archrank.training.loop import initialise, train

CELL = ["nor_conv_3x3", "skip_connect", "nor_conv_1x1", "avg_pool_3x3", "none", "nor_conv_1x1"]


class Mine(nn.Module):
    """Layer of a user: nobody knows what it calls."""

    def forward(self, x: Tensor) -> Tensor:
        return x


class OwnConv(nn.Conv2d):
    """Convolution of a user."""


def own() -> nn.Module:
    return NASBench201Network(CELL, channels=4, cells=1, in_channels=1)


NETWORKS: dict[str, tuple[Callable[[], nn.Module], Any]] = {
    "own": (own, channels_last),
    "own, in torch's": (lambda: nn.Sequential(own(), nn.Linear(10, 2)), channels_last),
    "own, strided 1x1 from 8 channels": (lambda: ReLUConvBN(8, 8, 1, 2), channels_last),
    "own, strided 1x1 from 7 channels": (lambda: ReLUConvBN(7, 8, 1, 2), default),
    "own, shortcut of a reduction": (lambda: operation("skip_connect", 4, 2), default),
    "user's": (lambda: nn.Sequential(own(), Mine()), default),
    "user's convolution": (lambda: nn.Sequential(own(), OwnConv(3, 3, 3)), default),
    "user's, of no module": (lambda: torch.fx.symbolic_trace(nn.Sequential(nn.ReLU())), default),
    "torch's alone": (lambda: nn.Sequential(nn.Conv2d(1, 4, 3)), channels_last),
    "torch's alone, unsafe": (lambda: nn.Sequential(nn.Conv2d(1, 4, 1, 2)), default),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_which_networks_are_channels_last(name: str) -> None:
    build, expected = NETWORKS[name]
    assert layout_of(build()) is expected


@pytest.mark.parametrize(
    ("safe", "settings"),
    [
        (False, {}),
        (False, {"in_channels": 7}),
        (True, {"in_channels": 8}),
        (False, {"in_channels": 8, "groups": 2}),
        (False, {"stride": (1, 2)}),
        (False, {"stride": 3, "padding": 1}),
        (True, {"stride": 1}),
        (True, {"kernel_size": 3}),
        (True, {"kernel_size": (1, 3)}),
    ],
)
def test_which_convolutions_are_safe(safe: bool, settings: dict[str, Any]) -> None:
    shape = {"in_channels": 4, "out_channels": 8, "kernel_size": 1, "stride": 2} | settings
    network = nn.Sequential(nn.ReLU(), nn.Sequential(nn.Conv2d(**shape)))
    assert is_safe_channels_last(network) is safe
    assert is_safe_channels_last(nn.Linear(4, 8))


def test_layouts_change_no_number() -> None:
    x = torch.arange(48.0).view(2, 3, 4, 2)
    last = channels_last(x)
    assert torch.equal(last, x)
    assert last.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(default(last), x)
    assert default(last).stride() == x.stride()
    gray = channels_last(x[:, :1])
    assert gray.stride() == (8, 1, 2, 1)
    assert torch.equal(gray, x[:, :1])
    for layout in (channels_last, default):
        assert layout(x[0]) is not None
        assert torch.equal(layout(x[0]), x[0])


def test_weights_follow_the_images() -> None:
    network = nn.Sequential(own(), nn.Conv2d(3, 4, 3))
    assert lay_out(network) is channels_last
    assert network[1].weight.is_contiguous(memory_format=torch.channels_last)
    plain = nn.Sequential(nn.Conv2d(3, 4, 3), Mine())
    assert lay_out(plain) is default
    assert plain[0].weight.is_contiguous()


class Watched(nn.Sequential):
    """Network of a user that notes how its images lie in memory."""

    def forward(self, x: Tensor) -> Tensor:
        assert x.is_contiguous(), "images are not in the default layout"
        y: Tensor = super().forward(x)
        return y


def test_users_networks_see_the_default_layout() -> None:
    def build() -> nn.Module:
        return Watched(nn.Conv2d(1, 3, 3), nn.Conv2d(3, 4, 1, 2), nn.Flatten(), nn.LazyLinear(10))

    network = initialise(build, 0)
    network(torch.zeros(1, 1, 8, 8))
    result = train(network, Digits(recipe=Recipe(epochs=1)), seed=0, checkpoints=[])
    assert result.diverged is None


def unsafe(channels: int) -> nn.Module:
    """A user's network whose second layer crashes if it is channels-last on AVX2."""
    second = nn.Conv2d(channels, 8, 1, 2, bias=False)
    tail = [nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10)]
    return nn.Sequential(nn.Conv2d(1, channels, 3, padding=1), second, *tail)


def own_unsafe(channels: int) -> nn.Module:
    """The same of archrank's own layers: a reduction of NDS."""
    tail = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10)]
    stem = nn.Conv2d(1, channels, 3, padding=1)
    return nn.Sequential(stem, operation("skip_connect", channels, 2), *tail)


def train_unsafe() -> None:
    """Train all of them; called in a process of its own."""
    torch.set_num_threads(1)
    task = Digits(recipe=Recipe(epochs=1))
    for build in (unsafe, own_unsafe):
        for channels in (2, 3, 4, 7):
            network = initialise(lambda b=build, c=channels: b(c), 0)  # type: ignore[misc]
            assert train(network, task, seed=0).diverged is None
    print("survived")


def test_training_survives_on_avx2() -> None:
    program = "from tests.training.test_layout import train_unsafe; train_unsafe()"
    environment = {
        **os.environ,
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MALLOC_CHECK_": "3",
        "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
    }
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "survived\n"), done.stderr
