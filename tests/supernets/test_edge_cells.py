"""Supernets of cells: outputs of stand-alone networks, live paths alone, weights of their own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from archrank.networks.operations import ReLUConvBN
from archrank.spaces import CustomCells, NASBench201, Scale, Space, TransNAS101Micro
from archrank.supernets.edge_cells import EdgeCellSupernet
from archrank.supernets.statistics import batch_norms, recalibrate
from archrank.tasks import Digits

SMALL = Scale(channels=3, cells=2, reduction="residual")
X = torch.randn(6, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def their_network(make_cell, task):
    """A network of the user's, in which one cell is used twice."""
    cell = make_cell(4)
    return nn.Sequential(nn.Conv2d(1, 4, 1), cell, cell, nn.Flatten(), nn.Linear(256, 10))


SPACES: dict[str, Space] = {
    "nasbench201": NASBench201(),
    "published reduction": NASBench201(SMALL),
    "transnas": TransNAS101Micro(),
    "cells": CustomCells(["none", "skip_connect", "nor_conv_3x3"], nodes=5),
    "operations of one's own": CustomCells(
        {"none": None, "double": lambda c: nn.Conv2d(c, c, 3, padding=1), "nor_conv_1x1": None},
        network=their_network,
    ),
    "no none": CustomCells(["skip_connect", "nor_conv_1x1"], nodes=3),
}


@pytest.fixture(params=SPACES)
def supernet(request: pytest.FixtureRequest) -> EdgeCellSupernet:
    torch.manual_seed(0)
    found = SPACES[request.param].networks(Digits()).supernet()
    assert isinstance(found, EdgeCellSupernet)
    assert found.space is SPACES[request.param]
    for norm in batch_norms(found):  # as after training
        nn.init.normal_(norm.weight)
        nn.init.normal_(norm.bias)
    return found


def test_many_architectures_at_once_give_the_outputs_of_each(supernet: EdgeCellSupernet) -> None:
    space = supernet.space
    archs = space.sample(60, rng=np.random.default_rng(1))
    archs[0] = 0
    supernet.eval()
    with torch.inference_mode():
        found = dict(supernet.forward_each((X,), archs))
        assert sorted(found) == list(range(60))
        for place, arch in enumerate(archs):
            torch.testing.assert_close(found[place], supernet(X, arch), rtol=1e-4, atol=1e-4)


def test_terms_are_computed_anew_when_there_is_no_room_for_them(
    supernet: EdgeCellSupernet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archrank.supernets.shared_terms.MEMORY", 1)
    test_many_architectures_at_once_give_the_outputs_of_each(supernet)


def test_terms_are_computed_once_for_all_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    space = NASBench201(Scale(channels=3, cells=1, reduction="pool"))
    supernet = space.networks(Digits()).supernet().eval()
    computed: list[torch.Size] = []
    convolve = nn.Conv2d.forward

    def counted(self: nn.Conv2d, x: torch.Tensor) -> torch.Tensor:
        if self.kernel_size == (3, 3) and x.shape[2:] == (8, 8):
            computed.append(x.shape)
        return convolve(self, x)

    monkeypatch.setattr(nn.Conv2d, "forward", counted)
    with torch.inference_mode():
        for _ in supernet.forward_each((X,), space.enumerate()):
            pass
    # Node 1 has 4 states and that of no input, node 2 has 5 (1 + 4 x 5): 105.
    stem, from_input, from_node_1, from_node_2 = 1, 3, 2 * 5, 105
    assert len(computed) == stem + from_input + from_node_1 + from_node_2


def test_only_the_path_gets_gradients(supernet: EdgeCellSupernet) -> None:
    used = {name: 0 for name, _ in supernet.named_parameters()}
    for arch in supernet.space.sample(60, rng=np.random.default_rng(0)):
        supernet.zero_grad(set_to_none=True)
        supernet(X, arch).sum().backward()
        trained = {n for n, p in supernet.named_parameters() if p.grad is not None}
        steps = {(edge, k) for edge, k, _, _ in supernet.route(arch)}
        for name in used:
            if ".edges." in name:
                edge, k = map(int, name.split(".edges.")[1].split(".")[:2])
                assert (edge, k) in steps or name not in trained
            used[name] += name in trained
    assert min(used.values()) > 0, "every weight is used by some architecture"


def test_every_position_edge_and_operation_has_its_own_weights() -> None:
    supernet = NASBench201().networks(Digits()).supernet()
    kernels = [m for m in supernet.modules() if isinstance(m, ReLUConvBN)]
    assert len(kernels) == 3 * 6 * 2  # stages, edges, kernels of 1 and 3


def test_a_cell_without_a_path_gives_the_same_for_all() -> None:
    space = NASBench201()
    supernet = space.networks(Digits()).supernet().eval()
    outputs = supernet(X, np.zeros(6, dtype=np.uint8))
    assert torch.isfinite(outputs).all()
    assert torch.allclose(outputs, outputs[:1].expand(6, -1))


def test_batch_norms_of_cells_without_scale() -> None:
    space = NASBench201()
    supernet = space.networks(Digits()).supernet(affine=False)
    arch = space.sample(1, rng=np.random.default_rng(3))[0]
    assert not any("edges" in name and name.endswith("2.weight") for name in supernet.state_dict())
    assert torch.allclose(supernet.extract(arch)(X), supernet(X, arch), atol=1e-6)


def test_recalibrated_networks_treat_examples_alone() -> None:
    space = NASBench201()
    supernet = space.networks(Digits()).supernet()
    arch = space.parse(["|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|nor_conv_3x3~2|"])
    network = supernet.extract(arch[0]).eval()
    batches = torch.randn(4, 16, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    assert not torch.allclose(network(X)[:2], network(X[:2]), atol=1e-3)
    recalibrate(network, batches)
    assert torch.allclose(network(X)[:2], network(X[:2]), atol=1e-6)
    first = network.stem[0](batches.flatten(0, 1))
    means = first.unflatten(0, (4, 16)).mean(dim=(1, 3, 4)).mean(dim=0)
    assert torch.allclose(network.stem[1].running_mean, means, atol=1e-5)
