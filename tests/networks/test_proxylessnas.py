from __future__ import annotations

import numpy as np
import pytest
import torch

from archrank.networks.proxylessnas import Block, InvertedResidual, ProxylessNASNetwork
from archrank.spaces.mobile.proxylessnas import ProxylessNAS
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


@pytest.mark.parametrize("task", [ImageNetShaped(), Digits()], ids=["224", "digits"])
def test_closed_form_costs_equal_the_counter(task: Task) -> None:
    space = ProxylessNAS()
    networks = space.networks(task)
    rng = np.random.default_rng(0)
    archs = np.concatenate([space.sample(n, rng=rng, skip=s) for n, s in ((3, None), (3, 0.5))])
    check_counts(networks, archs, task)


def test_random_networks_train() -> None:
    task = Digits()
    space = ProxylessNAS()
    networks = space.networks(task)
    for arch in space.sample(10, rng=np.random.default_rng(1)):
        network = networks.build(arch)
        logits = network(torch.randn(2, *task.input_shape))
        assert logits.shape == (2, task.n_classes)
        logits.sum().backward()
        assert all(p.grad is not None for p in network.parameters())


def test_shortcuts_are_where_shapes_agree() -> None:
    assert InvertedResidual(8, Block(8, 3, 3, 1)).residual
    assert not InvertedResidual(8, Block(8, 3, 3, 2)).residual
    assert not InvertedResidual(8, Block(16, 3, 3, 1)).residual
    block = InvertedResidual(8, Block(8, 5, 6, 1)).eval()
    torch.nn.init.zeros_(block.main[-1].weight)  # type: ignore[arg-type]
    x = torch.randn(1, 8, 5, 5)
    assert torch.equal(block(x), x)


def test_a_network_of_one_image() -> None:
    network = ProxylessNASNetwork([Block(32, 3, 3, 2)], n_classes=7, dropout=0.5).eval()
    assert network(torch.randn(1, 3, 15, 15)).shape == (1, 7)
