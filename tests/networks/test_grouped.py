from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from archrank.errors import ArchitectureError
from archrank.networks import OPERATIONS, NASBench201Network
from archrank.networks.grouped import GroupedNASBench201
from archrank.torch_state import untouched

CELLS = st.lists(st.sampled_from(sorted(OPERATIONS)), min_size=6, max_size=6)
MIXED = ["nor_conv_3x3", "skip_connect", "nor_conv_1x1", "avg_pool_3x3", "none", "nor_conv_1x1"]
# Node 1 is fed by nothing; its convolution to node 3 is the learnt bias of the batch norm.
EMPTY_NODE = ["none", "none", "none", "none", "nor_conv_1x1", "none"]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    torch.set_num_threads(1)
    with untouched():
        yield


def build(cell: Sequence[str], seed: int = 0, **scale: Any) -> NASBench201Network:
    """A network in double precision whose batch norms are not at their start."""
    torch.manual_seed(seed)
    scale = {"channels": 3, "cells": 1, "n_classes": 5, "in_channels": 2} | scale
    network = NASBench201Network(cell, **scale).double()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
            nn.init.normal_(module.get_buffer("running_mean"))
            nn.init.uniform_(module.get_buffer("running_var"), 0.5, 2.0)
    return network


def images(m: int, size: int = 6) -> Tensor:
    generator = torch.Generator().manual_seed(9)
    return torch.randn(4, m, 2, size, size, generator=generator, dtype=torch.float64)


def descend(parameters: Sequence[nn.Parameter]) -> None:
    """One plain gradient step, so that weights tell the gradients."""
    with torch.no_grad():
        for p in parameters:
            if p.grad is not None:
                p.sub_(0.1 * p.grad)


def check_step(networks: list[NASBench201Network], training: bool = True) -> None:
    """Outputs, gradients and running statistics of a group against those of each network."""
    m = len(networks)
    x = images(m)
    group = GroupedNASBench201(networks).train(training)
    updated = copy.deepcopy(networks)
    outputs = group(x.flatten(1, 2))
    weights = torch.linspace(-1, 1, outputs.numel(), dtype=torch.float64).view(outputs.shape)
    (outputs * weights).sum().backward()
    descend(list(group.parameters()))
    group.write_back(updated)
    for i, network in enumerate(networks):
        network.train(training)
        alone = network(x[:, i])
        torch.testing.assert_close(outputs[:, i], alone)
        (alone * weights[:, i]).sum().backward()
        descend(list(network.parameters()))
        wanted = network.state_dict()
        for name, value in updated[i].state_dict().items():
            if not name.endswith("num_batches_tracked"):
                torch.testing.assert_close(value, wanted[name], rtol=1e-8, atol=1e-9)


@settings(max_examples=12, deadline=None)
@given(
    cells=st.lists(CELLS, min_size=1, max_size=4),
    training=st.booleans(),
    reduction=st.sampled_from(["pool", "residual"]),
    per_stage=st.integers(1, 2),
)
def test_a_step_of_a_group_is_a_step_of_each_network(
    cells: list[list[str]], training: bool, reduction: str, per_stage: int
) -> None:
    scale = {"reduction": reduction, "cells": per_stage}
    check_step([build(c, seed, **scale) for seed, c in enumerate(cells)], training)


@pytest.mark.parametrize(
    "cells",
    [
        [["none"] * 6],
        [["none"] * 6, ["skip_connect"] * 6],
        [["avg_pool_3x3"] * 6, ["nor_conv_3x3"] * 6, MIXED],
        [EMPTY_NODE],
        [EMPTY_NODE, MIXED],
        [MIXED, MIXED],
    ],
)
def test_special_cells(cells: list[list[str]]) -> None:
    check_step([build(c, seed) for seed, c in enumerate(cells)])


def test_odd_images() -> None:
    group = GroupedNASBench201([build(MIXED, 0), build(["avg_pool_3x3"] * 6, 1)]).eval()
    x = images(2, size=7)
    alone = build(MIXED, 0).eval()(x[:, 0])
    torch.testing.assert_close(group(x.flatten(1, 2))[:, 0], alone)


def test_networks_are_not_touched_before_write_back() -> None:
    network = build(MIXED)
    before = copy.deepcopy(network.state_dict())
    group = GroupedNASBench201([network])
    group(images(1).flatten(1, 2)).sum().backward()
    descend(list(group.parameters()))
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())
    group.write_back([network])
    assert not torch.equal(network.get_parameter("stem.0.weight"), before["stem.0.weight"])


def test_a_network_full_of_nan_leaves_the_others_alone() -> None:
    def step(poison: bool) -> tuple[Tensor, list[NASBench201Network]]:
        cells = [["nor_conv_3x3"] * 6, MIXED, ["nor_conv_1x1"] * 6]
        networks = [build(cell, seed) for seed, cell in enumerate(cells)]
        if poison:
            with torch.no_grad():
                for p in networks[1].parameters():
                    p.fill_(torch.nan)
        group = GroupedNASBench201(networks)
        outputs = group(images(3).flatten(1, 2))
        outputs.square().sum((0, 2)).sum().backward()
        descend(list(group.parameters()))
        group.write_back(networks)
        return outputs, networks

    (clean, wanted), (outputs, found) = step(False), step(True)
    assert bool(outputs[:, 1].isnan().all())
    for i in (0, 2):
        assert torch.equal(outputs[:, i], clean[:, i])
        for name, value in found[i].state_dict().items():
            assert torch.equal(value, wanted[i].state_dict()[name])


class Count(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counter of the operators that run."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.calls += 1
        return func(*args, **(kwargs or {}))


def test_a_step_takes_as_many_operators_for_two_networks_as_for_six() -> None:
    cells = [MIXED, ["nor_conv_3x3"] * 6]
    counts = []
    for m in (2, 6):
        group = GroupedNASBench201([build(cells[i % 2], i) for i in range(m)])
        with Count() as counter:
            group(images(m).flatten(1, 2)).sum().backward()
        counts.append(counter.calls)
    assert counts[0] == counts[1] > 0


def test_the_global_generator_is_untouched() -> None:
    networks = [build(MIXED), build(["none"] * 6)]
    before = torch.random.get_rng_state()
    GroupedNASBench201(networks)
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize(
    ("scale", "message"),
    [
        ({"channels": 4}, "network 1 has in_channels=2, channels=4"),
        ({"cells": 2}, "2 cells per stage"),
        ({"n_classes": 6}, "n_classes=6"),
        ({"in_channels": 1}, "in_channels=1"),
        ({"reduction": "pool"}, "PoolReduction"),
    ],
)
def test_networks_of_another_scale_are_refused(scale: dict[str, Any], message: str) -> None:
    with pytest.raises(ArchitectureError, match=message):
        GroupedNASBench201([build(MIXED), build(MIXED, **scale)])


def test_nothing_and_other_networks_are_refused() -> None:
    with pytest.raises(ArchitectureError, match="at least one"):
        GroupedNASBench201([])
    with pytest.raises(ArchitectureError, match="network 1 is a Linear"):
        GroupedNASBench201([build(MIXED), nn.Linear(2, 2)])  # type: ignore[list-item]
