from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from archrank.errors import ArchitectureError, UnknownNameError
from archrank.networks import OPERATIONS, NASBench201Network, operation
from archrank.networks.nasbench201 import EDGES, Cell, PoolReduction, ResidualReduction
from archrank.networks.pooling import AvgPool3x3, pool_by_matrix

CELLS = st.lists(st.sampled_from(sorted(OPERATIONS)), min_size=6, max_size=6)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    torch.set_num_threads(1)


def every_edge(cell: Cell, x: Tensor) -> Tensor:
    """The published definition, word for word: all edges, ``none`` included."""
    nodes = [x]
    for node in (1, 2, 3):
        terms = [
            cell.edges[e](nodes[source])
            for e, (source, target) in enumerate(EDGES)
            if target == node
        ]
        nodes.append(torch.stack(terms).sum(0))
    return nodes[-1]


@pytest.mark.parametrize(
    ("name", "params", "macs"),
    [("nor_conv_3x3", 1_531_546, 220_119_680), ("skip_connect", 73_306, 7_783_040)],
)
def test_published_parameters_and_macs(name: str, params: int, macs: int) -> None:
    network = NASBench201Network([name] * 6).eval()
    assert sum(p.numel() for p in network.parameters()) == params
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network(torch.zeros(1, 3, 32, 32))
    assert counter.get_total_flops() == 2 * macs


@settings(max_examples=40, deadline=None)
@given(ops=CELLS, training=st.booleans())
def test_cell_equals_computing_every_edge(ops: list[str], training: bool) -> None:
    torch.manual_seed(0)
    cell = Cell(ops, channels=4)
    for module in cell.modules():
        if isinstance(module, nn.BatchNorm2d):  # a bias, so that conv of zeros is not zero
            nn.init.normal_(module.bias)
    cell.train(training)
    x = torch.randn(3, 4, 5, 5)
    torch.testing.assert_close(cell(x), every_edge(cell, x))


def test_dead_edges_keep_their_parameters_but_cost_nothing() -> None:
    # Nodes 1 and 2 do not reach the output.
    ops = ["nor_conv_3x3", "nor_conv_3x3", "nor_conv_3x3", "skip_connect", "none", "none"]
    cell = Cell(ops, channels=8)
    assert sum(p.numel() for p in cell.parameters()) == 3 * (8 * 8 * 9 + 2 * 8)
    with FlopCounterMode(display=False) as counter:
        x = torch.randn(1, 8, 4, 4)
        assert torch.equal(cell(x), x)
    assert counter.get_total_flops() == 0


def test_convolution_of_an_empty_node_is_the_batch_norm_bias() -> None:
    cell = Cell(["none", "none", "none", "none", "nor_conv_1x1", "none"], channels=2)
    bias = torch.tensor([1.0, -2.0])
    conv = cell.edges[4]
    assert isinstance(conv, nn.Sequential)
    with torch.no_grad():
        conv[2].bias.copy_(bias)
    assert torch.equal(cell(torch.randn(3, 2, 4, 4)), bias[:, None, None].expand(3, 2, 4, 4))


@settings(max_examples=30, deadline=None)
@given(
    h=st.integers(1, 9),
    w=st.integers(1, 9),
    c=st.sampled_from([1, 3, 20]),
    channels_last=st.booleans(),
)
def test_fast_pooling_equals_torch(h: int, w: int, c: int, channels_last: bool) -> None:
    layout = torch.channels_last if channels_last else torch.contiguous_format
    x = torch.randn(2, c, h, w, dtype=torch.float64).contiguous(memory_format=layout)
    x.requires_grad_()
    gradient = torch.randn(2, c, h, w, dtype=torch.float64)
    reference = nn.AvgPool2d(3, 1, 1, count_include_pad=False)(x)
    (wanted,) = torch.autograd.grad(reference, x, gradient)
    for training in (True, False):
        pooled = AvgPool3x3().train(training)(x)
        torch.testing.assert_close(pooled, reference)
        torch.testing.assert_close(torch.autograd.grad(pooled, x, gradient)[0], wanted)


@pytest.mark.parametrize("shape", [(4, 4), (2, 2), (1, 1), (3, 5)])
def test_pooling_by_a_matrix(shape: tuple[int, int]) -> None:
    x = torch.randn(3, 2, *shape, dtype=torch.float64)
    torch.testing.assert_close(pool_by_matrix(x), AvgPool3x3().eval()(x))


def test_pooling_gradient_by_finite_differences() -> None:
    x = torch.randn(1, 2, 3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(AvgPool3x3(), x)


@pytest.mark.parametrize("reduction", [PoolReduction, ResidualReduction])
@pytest.mark.parametrize(("size", "halved"), [(8, 4), (7, 4), (1, 1)])
def test_reductions_halve_and_round_up(reduction: type, size: int, halved: int) -> None:
    assert reduction(3, 6)(torch.randn(2, 3, size, size)).shape == (2, 6, halved, halved)


def test_pool_reduction_is_the_residual_shortcut() -> None:
    pool = sum(p.numel() for p in PoolReduction(16, 32).parameters())
    residual = sum(p.numel() for p in ResidualReduction(16, 32).parameters())
    assert pool == 16 * 32
    assert residual == pool + 9 * (16 * 32 + 32 * 32) + 2 * 2 * 32


def test_network_takes_other_images_and_classes() -> None:
    network = NASBench201Network(
        ["avg_pool_3x3"] * 6, channels=4, cells=1, n_classes=7, in_channels=1, reduction="pool"
    )
    assert network(torch.randn(2, 1, 8, 8)).shape == (2, 7)


def test_wrong_cells_are_refused() -> None:
    with pytest.raises(ArchitectureError, match="6 edges; got 5"):
        NASBench201Network(["none"] * 5)
    with pytest.raises(UnknownNameError, match="nor_conv_3x3"):
        operation("nor_conv_3x4", 8)
