from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from archrank.networks.attentivenas import (
    AttentiveNASNetwork,
    Block,
    Shortcut,
    SqueezeExcite,
    Stage,
    make_divisible,
)
from archrank.spaces.mobile.attentivenas import AttentiveNAS
from archrank.spaces.mobile.attentivenas_cost import squeezed
from archrank.tasks import Digits, ImageClassification, Splits, Task
from tests.networks.counting import check_counts


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    torch.set_num_threads(1)


class ImageNetShaped(ImageClassification):
    input_shape = (3, 224, 224)
    n_classes = 1000

    def load(self) -> Splits:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("space", "task"),
    [
        (AttentiveNAS(), ImageNetShaped()),
        (AttentiveNAS(resolutions=(9, 16, 38)), Digits()),  # odd sizes, too
    ],
    ids=["224", "digits"],
)
def test_closed_form_costs_equal_the_counter(space: AttentiveNAS, task: Task) -> None:
    networks = space.networks(task)
    archs = space.sample(4, rng=np.random.default_rng(0))
    check_counts(networks, archs, task)


def test_random_networks_train() -> None:
    task = Digits()
    space = AttentiveNAS(resolutions=(16, 24))
    networks = space.networks(task)
    for arch in space.sample(8, rng=np.random.default_rng(1)):
        network = networks.build(arch)
        logits = network(torch.randn(2, *task.input_shape))
        assert logits.shape == (2, task.n_classes)
        logits.sum().backward()
        assert all(p.grad is not None for p in network.parameters())


def test_squeezed_channels() -> None:
    assert all(squeezed(c) == make_divisible(c // 4) for c in range(8, 2_000))


def test_shortcuts() -> None:
    x = torch.randn(2, 8, 7, 7)
    assert torch.equal(Shortcut(8, 8, 1)(x), x)
    assert torch.equal(Shortcut(8, 8, 2)(x), nn.functional.avg_pool2d(x, 2, padding=1))
    assert Shortcut(8, 16, 2)(x).shape == (2, 16, 4, 4)
    assert Shortcut(8, 8, 2)(x[..., :6, :6]).shape == (2, 8, 3, 3)


def test_gate_is_a_hard_sigmoid_of_the_means() -> None:
    layer = SqueezeExcite(16)
    x = torch.randn(2, 16, 5, 5)
    mean = x.mean((2, 3), keepdim=True)
    inner = layer.gate[2](layer.gate[0](mean).relu())
    torch.testing.assert_close(layer(x), x * ((inner + 3).clamp(0, 6) / 6))


def test_drop_connect_keeps_the_mean_and_spares_evaluation() -> None:
    stage = Stage(width=8, depth=1, kernel=3, expand=4, stride=1, se=False)
    block = Block(8, stage, stride=1, drop=0.5)
    x = torch.randn(1, 8, 4, 4).expand(400, -1, -1, -1)
    y = block.train()(x) - x
    dropped = (y == 0).flatten(1).all(1)
    assert 100 < dropped.sum() < 300
    torch.testing.assert_close(y[~dropped][0], 2 * block.main(x)[0])
    assert not (block.eval()(x) == x).flatten(1).all(1).any()
    assert Block(8, stage, stride=2, drop=0.5).drop == 0


def test_drop_connect_is_in_the_last_two_stages() -> None:
    stage = Stage(width=8, depth=2, kernel=3, expand=4, stride=1, se=False)
    network = AttentiveNASNetwork(16, 8, [stage] * 4, last=16, n_classes=2, drop_connect=0.8)
    rates = [block.drop for block in network.blocks]  # type: ignore[union-attr]
    assert rates == pytest.approx([0, 0, 0, 0, 0.4, 0.5, 0.6, 0.7])


def test_images_are_resized_bicubically() -> None:
    stage = Stage(width=8, depth=1, kernel=3, expand=1, stride=2, se=True)
    network = AttentiveNASNetwork(16, 8, [stage], last=16, n_classes=2).eval()
    x = torch.randn(1, 3, 8, 8)
    same = nn.functional.interpolate(x, size=(16, 16), mode="bicubic")
    torch.testing.assert_close(network(x), network(same))
