"""The supernet of NAS-Bench-101: slices of shared weights, by vertex of the row as it is given."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from archrank.networks.nasbench101 import NASBench101Network
from archrank.spaces import NASBench101, Scale
from archrank.supernets.nasbench101 import NASBench101Supernet, SharedCell
from archrank.tasks import Digits
from archrank.training.loop import initialise

SPACE = NASBench101(Scale(channels=7, cells=1))
X = torch.randn(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def supernet() -> NASBench101Supernet:
    found = initialise(SPACE.networks(Digits()).supernet, 0)
    assert isinstance(found, NASBench101Supernet)
    return found


def row(edges: str, **ops: str) -> np.ndarray:
    names = [c.name for c in SPACE.choices]
    arch = np.zeros(SPACE.d, dtype=np.uint8)
    arch[[names.index(f"{e[0]}->{e[1]}") for e in edges.split()]] = 1
    for vertex, op in ops.items():
        arch[names.index(vertex)] = ("conv3x3", "conv1x1", "maxpool3x3").index(op)
    return arch


CELL = row("02 24 46 03 36 04 06 15", op2="conv1x1", op3="conv3x3", op4="conv3x3")  # 1, 5 are dead


def test_weights_are_the_first_channels_of_the_vertex(supernet: NASBench101Supernet) -> None:
    network = supernet.extract(CELL)
    assert isinstance(network, NASBench101Network)
    shared, alone = supernet.body[2], network.body[2]  # after stem, cell and pooling
    assert isinstance(shared, SharedCell)
    assert alone.channels == [7, 7, 7, 7, 14]  # vertices 3 and 4 share the output
    channels = {2: 7, 3: 7, 4: 7}
    ops = {2: "conv1x1", 3: "conv3x3", 4: "conv3x3"}
    for place, (vertex, c) in enumerate(channels.items()):
        theirs = shared.operations[vertex - 1][ops[vertex]]
        assert torch.equal(alone.operations[place][0].weight, theirs.weight[:c, :c])
        projected = alone.projections[str(place + 1)][0].weight
        assert torch.equal(projected, shared.projections[vertex - 1].weight[:c, :])
    assert torch.equal(alone.projections["4"][0].weight, shared.projections[5].weight)


def test_scale_and_shift_are_those_of_the_first_channels() -> None:
    supernet = initialise(SPACE.networks(Digits()).supernet, 0)
    generator = torch.Generator().manual_seed(1)
    shared = supernet.body[0].operations[2]["conv3x3"]  # of vertex 3, which has 4 of 7 channels
    shared.affine.data = torch.randn(2, 7, generator=generator)
    network = supernet.extract(CELL)
    norm = network.body[0].operations[1][1]
    assert torch.equal(norm.weight, shared.affine[0, :4])
    assert torch.equal(norm.bias, shared.affine[1, :4])
    assert torch.allclose(network(X), supernet(X, CELL), atol=1e-6)


def test_gradients_stay_inside_the_slice(supernet: NASBench101Supernet) -> None:
    supernet(X, CELL).square().sum().backward()
    cell = supernet.body[0]
    gradients = {name: p.grad for name, p in cell.named_parameters() if p.grad is not None}
    supernet.zero_grad(set_to_none=True)
    used = {tuple(name.split(".")[:3]) for name in gradients if name.startswith("operations")}
    assert used == {
        ("operations", "1", "conv1x1"),
        ("operations", "2", "conv3x3"),
        ("operations", "3", "conv3x3"),
    }
    sliced = gradients["operations.2.conv3x3.weight"]  # 3 and 4 share 7 channels: 4 and 3
    assert sliced[:4, :4].count_nonzero() == sliced.count_nonzero() > 0
    sliced = gradients["operations.2.conv3x3.affine"]
    assert sliced[:, :4].count_nonzero() == sliced.count_nonzero() == 8
    assert {name.split(".")[1] for name in gradients if name.startswith("projections")} == set(
        "1235"
    )


def test_vertices_are_those_of_the_row(supernet: NASBench101Supernet) -> None:
    first, later = (row(f"0{v} {v}6", **{f"op{v}": "conv3x3"}) for v in (1, 4))
    assert np.array_equal(*SPACE.canonical(np.stack([first, later])))
    assert not torch.allclose(supernet(X, first), supernet(X, later), atol=1e-3)


def test_every_channel_is_used(supernet: NASBench101Supernet) -> None:
    supernet(X, row("03 36", op3="conv3x3")).square().sum().backward()
    operation = supernet.body[0].operations[2]["conv3x3"]
    gradient = operation.weight.grad
    supernet.zero_grad(set_to_none=True)
    assert gradient.flatten(2).abs().sum(dim=2).count_nonzero() > 0.5 * 7 * 7  # but for dead units
    assert gradient.abs().sum(dim=(1, 2, 3)).count_nonzero() == 7
    assert gradient.abs().sum(dim=(0, 2, 3)).count_nonzero() == 7
