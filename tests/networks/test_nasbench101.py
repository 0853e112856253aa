from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from archrank.errors import ArchitectureError, SpaceError, UnknownNameError
from archrank.networks.nasbench101 import Cell, NASBench101Network, vertex_channels
from archrank.spaces import NASBench101, Scale
from archrank.spaces.nasbench101 import cost as closed_form
from archrank.spaces.nasbench101.cells import adjacency, mask_table, to_masks
from archrank.tasks import ImageClassification, Splits
from tests.networks.counting import check_counts

SPACE = NASBench101()


@dataclass(frozen=True)
class Images(ImageClassification):
    input_shape: tuple[int, int, int] = (3, 32, 32)
    n_classes: int = 10

    def load(self) -> Splits:
        raise NotImplementedError


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    torch.set_num_threads(1)


ODD = Images(input_shape=(1, 7, 9), n_classes=4)


@pytest.mark.parametrize(
    ("space", "task"),
    [(SPACE, Images()), (NASBench101(Scale(13, 2)), ODD)],
    ids=["published", "odd"],
)
def test_costs_equal_what_is_counted(space: NASBench101, task: Images) -> None:
    networks = space.networks(task)
    small = space.parse(["1:", "111:0", "101:2"])
    archs = np.concatenate([small, space.sample(50, rng=np.random.default_rng(0))])
    check_counts(networks, archs, task)


def test_small_networks_run_forward_and_backward() -> None:
    networks = SPACE.networks(Images(input_shape=(1, 8, 8), n_classes=5))
    for arch in SPACE.sample(20, rng=np.random.default_rng(1)):
        network = networks.build(arch)
        logits = network(torch.randn(3, 1, 8, 8))
        assert logits.shape == (3, 5)
        logits.sum().backward()
        assert all(p.grad is not None for p in network.parameters())


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), channels=st.integers(5, 300))
def test_channels_of_network_and_closed_form_agree(seed: int, channels: int) -> None:
    archs = SPACE.sample(4, rng=np.random.default_rng(seed))
    masks = to_masks(archs[:, :21])
    live = SPACE.active(archs)[:, 21:]
    matrices = adjacency(mask_table().pruned[masks])
    found = closed_form.vertex_channels(matrices, channels)
    for matrix, kept, widths in zip(matrices, live, found, strict=True):
        at = [0, *(np.flatnonzero(kept) + 1), 6]
        listed = vertex_channels(matrix[np.ix_(at, at)].astype(int).tolist(), 7, channels)
        assert listed == [7, *widths[kept].tolist(), channels]
        assert (widths[~kept] == 0).all()


def test_published_channel_rule() -> None:
    # Three vertices share the output: 128 = 43 + 43 + 42.
    matrix = [
        [0, 1, 1, 1, 1],
        [0, 0, 0, 0, 1],
        [0, 0, 0, 0, 1],
        [0, 0, 0, 0, 1],
        [0, 0, 0, 0, 0],
    ]
    assert vertex_channels(matrix, 128, 128) == [128, 43, 43, 42, 128]
    inner = [[0, 1, 0, 0], [0, 0, 1, 1], [0, 0, 0, 1], [0, 0, 0, 0]]
    assert vertex_channels(inner, 64, 128) == [64, 64, 64, 128]
    behind = [[0, 1, 0, 0, 0], [0, 0, 1, 1, 0], [0, 0, 0, 0, 1], [0, 0, 0, 0, 1], [0] * 5]
    assert vertex_channels(behind, 64, 7) == [64, 4, 4, 3, 7]


def test_cell_by_hand() -> None:
    # Input -> 1 -> 2 -> output, 1 -> output, input -> 2, input -> output.
    matrix = [[0, 1, 1, 1], [0, 0, 1, 1], [0, 0, 0, 1], [0, 0, 0, 0]]
    torch.manual_seed(0)
    cell = Cell(matrix, ["conv3x3", "maxpool3x3"], 3, 5).eval()
    x = torch.randn(2, 3, 6, 6)
    assert cell.channels == [3, 3, 2, 5]
    one = cell.operations[0](cell.projections["1"](x))  # (2, 3, 6, 6)
    two = torch.nn.functional.max_pool2d(one[:, :2] + cell.projections["2"](x), 3, 1, 1)
    wanted = torch.cat([one, two], 1) + cell.projections["3"](x)
    torch.testing.assert_close(cell(x), wanted)


def test_published_normalisation() -> None:
    modules = NASBench101Network([[0, 1], [0, 0]], []).modules()
    norms = [m for m in modules if isinstance(m, nn.BatchNorm2d)]
    assert {(m.eps, m.momentum) for m in norms} == {(1e-5, 0.003)}


@pytest.mark.parametrize(
    ("matrix", "ops", "message"),
    [
        ([[0, 1], [0, 0]], ["conv3x3"], "v - 2 operations"),
        ([[0, 0, 1], [0, 0, 1], [0, 0, 0]], ["conv3x3"], "every vertex on a path"),
        ([[0, 1, 0], [0, 0, 1], [0, 1, 0]], ["conv3x3"], "upper triangular"),
    ],
)
def test_wrong_cells_are_refused(matrix: list[list[int]], ops: list[str], message: str) -> None:
    with pytest.raises(ArchitectureError, match=message):
        Cell(matrix, ops, 8, 8)


def test_wrong_operations_and_too_few_channels_are_refused() -> None:
    chain = [[0, 1, 0], [0, 0, 1], [0, 0, 0]]
    with pytest.raises(UnknownNameError, match="conv3x3"):
        Cell(chain, ["conv3x4"], 8, 8)
    wide = [[0, 1, 1, 1, 0], *([0, 0, 0, 0, 1] for _ in range(3)), [0] * 5]
    with pytest.raises(SpaceError, match="3 vertices share the 2 output channels"):
        Cell(wide, ["conv1x1"] * 3, 2, 2)
