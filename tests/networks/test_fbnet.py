from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn

from archrank.networks.fbnet import (
    ChannelShuffle,
    FBNetBlock,
    FBNetNetwork,
    FBNetResidual,
    fbnet_block,
)
from archrank.spaces import FBNet
from archrank.tasks import Digits, ImageClassification, Splits, Task
from tests.networks.counting import check_counts


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    torch.set_num_threads(1)


@dataclass(frozen=True)
class Images(ImageClassification):
    input_shape: tuple[int, ...] = (3, 224, 224)
    n_classes: int = 1000

    def load(self) -> Splits:
        raise NotImplementedError


@pytest.mark.parametrize("task", [Images(), Images((2, 45, 30), 7), Digits()])
@pytest.mark.parametrize("small", [False, True])
def test_closed_form_costs_equal_the_counter(task: Task, small: bool) -> None:
    space = FBNet(head=40, small_images=small)
    archs = space.sample(5, rng=np.random.default_rng(0))
    archs[0] = 8  # every block skipped
    check_counts(space.networks(task), archs, task)


def test_layers_of_hw_nas_bench() -> None:
    """The network that HW-NAS-Bench's example prints: all k3_e1, for CIFAR-100."""
    network = FBNet(small_images=True).networks().build(np.zeros(22, dtype=np.uint8))
    found = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    shapes = [(m.in_channels, m.out_channels, m.kernel_size[0], m.stride[0]) for m in found]
    first = [(3, 16, 3, 1), (16, 16, 1, 1), (16, 16, 3, 1), (16, 16, 1, 1)]
    assert shapes[:7] == [*first, (16, 16, 1, 1), (16, 16, 3, 1), (16, 24, 1, 1)]
    strided = [s for s in shapes if s[3] == 2]
    assert strided == [(24, 24, 3, 2), (32, 32, 3, 2), (112, 112, 3, 2)]
    assert shapes[-4:] == [(184, 184, 1, 1), (184, 184, 3, 1), (184, 352, 1, 1), (352, 1504, 1, 1)]
    assert len(shapes) == 1 + 3 * 22 + 1
    assert network(torch.zeros(2, 3, 32, 32)).shape == (2, 100)


def test_channel_shuffle() -> None:
    x = torch.arange(6.0).reshape(1, 6, 1, 1)
    assert ChannelShuffle(2)(x).flatten().tolist() == [0, 3, 1, 4, 2, 5]
    assert ChannelShuffle(3)(x).flatten().tolist() == [0, 2, 4, 1, 3, 5]
    assert torch.equal(nn.functional.channel_shuffle(x, 3), ChannelShuffle(3)(x))


def test_every_output_sees_every_group() -> None:
    """Without the shuffle, half of the input would be out of reach of each output."""
    block = FBNetResidual(4, FBNetBlock(6, 3, 1, 2, 1)).eval()
    for m in block.modules():
        if isinstance(m, nn.Conv2d):
            nn.init.ones_(m.weight)
    x = torch.ones(1, 4, 3, 3, requires_grad=True)
    for output in range(6):
        (gradient,) = torch.autograd.grad(block(x)[0, output].sum(), x)
        assert (gradient.sum((2, 3)) > 0).all()


def test_where_inputs_are_added() -> None:
    assert FBNetResidual(8, FBNetBlock(8, 3, 3, 1, 1)).residual
    assert not FBNetResidual(8, FBNetBlock(8, 3, 3, 1, 2)).residual
    assert not FBNetResidual(8, FBNetBlock(16, 3, 3, 1, 1)).residual
    block = FBNetResidual(8, FBNetBlock(8, 5, 1, 2, 1)).eval()
    nn.init.zeros_(block.main[-1].weight)  # type: ignore[arg-type]
    x = torch.randn(1, 8, 5, 5)
    assert torch.equal(block(x), x)


def test_a_skipped_block_that_changes_the_shape() -> None:
    skipped = fbnet_block(4, FBNetBlock(6, 0, 0, 0, 2)).eval()
    assert [type(m) for m in skipped] == [nn.Conv2d, nn.BatchNorm2d, nn.ReLU]
    assert skipped(torch.randn(1, 4, 5, 5)).shape == (1, 6, 3, 3)
    assert (skipped(torch.randn(1, 4, 5, 5)) >= 0).all()


def test_random_networks_train() -> None:
    task, space = Digits(), FBNet(head=64)
    networks = space.networks(task)
    for arch in space.sample(10, rng=np.random.default_rng(1)):
        network = networks.build(arch)
        logits = network(torch.randn(2, *task.input_shape))
        assert logits.shape == (2, task.n_classes)
        logits.sum().backward()
        assert all(p.grad is not None for p in network.parameters())


def test_a_network_of_one_image() -> None:
    network = FBNetNetwork([FBNetBlock(24, 3, 3, 1, 2)], n_classes=7, head=9).eval()
    assert network(torch.randn(1, 3, 15, 15)).shape == (1, 7)
