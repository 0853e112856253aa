from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn

from archrank.errors import ArchitectureError, SpaceError, UnknownNameError
from archrank.networks.nds import Cell, CellGenotype, NDSNetwork
from archrank.networks.nds_operations import OPERATIONS, FactorizedReduce, operation
from archrank.spaces import NDS
from archrank.spaces.nds.families import FAMILIES
from archrank.tasks import ImageClassification, Splits
from tests.networks.counting import check_counts


@dataclass(frozen=True)
class Images(ImageClassification):
    input_shape: tuple[int, int, int] = (3, 32, 32)
    n_classes: int = 10

    def load(self) -> Splits:
        raise NotImplementedError


CIFAR = Images(input_shape=(1, 13, 9), n_classes=7)
IMAGENET = Images(input_shape=(3, 75, 64), n_classes=5)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    torch.set_num_threads(1)


def test_published_size_of_darts() -> None:
    """DARTS (second order), Liu et al. 2019, 36 channels x 20 cells: 3.3 M parameters, printed by
    the released code as 3.349342."""
    normal = [("sep_conv_3x3", 0), ("sep_conv_3x3", 1), ("sep_conv_3x3", 0), ("sep_conv_3x3", 1)]
    normal += [("sep_conv_3x3", 1), ("skip_connect", 0), ("skip_connect", 0), ("dil_conv_3x3", 2)]
    reduce = [("max_pool_3x3", 0), ("max_pool_3x3", 1), ("skip_connect", 2), ("max_pool_3x3", 1)]
    reduce += [("max_pool_3x3", 0), ("skip_connect", 2), ("skip_connect", 2), ("max_pool_3x3", 1)]
    space = NDS("darts", widths=(36,), depths=(20,))
    arch = space.row(normal, reduce, 36, 20)
    assert space.cost(arch[None])["params"][0] == 3_349_342


@pytest.mark.parametrize("stem", ["cifar", "imagenet"])
@pytest.mark.parametrize("family", FAMILIES)
def test_costs_equal_what_is_counted(family: str, stem: str) -> None:
    task = CIFAR if stem == "cifar" else IMAGENET
    space = NDS(family, stem)  # type: ignore[arg-type]
    networks = space.networks(task)
    archs = space.sample(6, rng=np.random.default_rng(0))
    check_counts(networks, archs, task)


@pytest.mark.parametrize("family", FAMILIES)
def test_small_networks_run_forward_and_backward(family: str) -> None:
    task = Images(input_shape=(1, 8, 8), n_classes=5)
    space = NDS(family, widths=(4,), depths=(4,))
    for arch in space.sample(4, rng=np.random.default_rng(1)):
        logits = space.networks(task).build(arch)(torch.randn(2, 1, 8, 8))
        assert logits.shape == (2, 5)
        logits.sum().backward()


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize(("stride", "shape"), [(1, (7, 6)), (2, (4, 3))])
def test_operations_keep_channels_and_round_up(
    name: str, stride: int, shape: tuple[int, int]
) -> None:
    assert operation(name, 4, stride)(torch.randn(2, 4, 7, 6)).shape == (2, 4, *shape)


def test_factorized_reduce_sees_even_and_odd_pixels() -> None:
    reduce = FactorizedReduce(1, 2).eval()
    nn.init.ones_(reduce.even.weight)
    nn.init.ones_(reduce.odd.weight)
    x = torch.arange(16.0).reshape(1, 1, 4, 4)
    scale = 1 / (1 + reduce.norm.eps) ** 0.5
    torch.testing.assert_close(reduce(x)[0, 0], scale * torch.tensor([[0.0, 2], [8, 10]]))
    torch.testing.assert_close(reduce(x)[0, 1], scale * torch.tensor([[5.0, 7], [13, 15]]))


def test_cell_by_hand() -> None:
    pairs = [("skip_connect", 0), ("avg_pool_3x3", 1), ("max_pool_3x3", 2), ("none", 1)]
    genotype = CellGenotype(pairs, [2, 3])
    cell = Cell(genotype, 3, 5, 4, reduce=False, after_reduce=True).eval()
    before, last = torch.randn(2, 3, 8, 8), torch.randn(2, 5, 4, 4)
    a, b = cell.before(before), cell.last(last)
    two = a + nn.functional.avg_pool2d(b, 3, 1, 1, count_include_pad=False)
    three = nn.functional.max_pool2d(two, 3, 1, 1)
    torch.testing.assert_close(cell(before, last), torch.cat([two, three], 1))


def test_reductions_stand_at_the_thirds() -> None:
    cell = CellGenotype([("skip_connect", 0), ("skip_connect", 1)], [2])
    network = NDSNetwork(cell, cell, width=2, depth=8)
    halving = [
        any(
            isinstance(m, FactorizedReduce) for name, m in c.named_modules() if "operations" in name
        )
        for c in network.cells
    ]
    assert [i for i, halves in enumerate(halving) if halves] == [2, 5]


def test_wrong_cells_are_refused() -> None:
    good = CellGenotype([("skip_connect", 0), ("skip_connect", 1)], [2])
    for pairs, concat in (([("none", 2), ("none", 0)], [2]), ([("none", 0)], [2])):
        with pytest.raises(ArchitectureError, match="inputs before the node"):
            NDSNetwork(CellGenotype(pairs, concat), good)
    with pytest.raises(ArchitectureError, match=r"joins nodes 2\.\.2, got \[3\]"):
        NDSNetwork(good._replace(concat=[3]), good)
    with pytest.raises(UnknownNameError, match="sep_conv_3x3"):
        operation("sep_conv_3x4", 4, 1)
    with pytest.raises(SpaceError, match="3 or more cells"):
        NDSNetwork(good, good, depth=2)
    with pytest.raises(SpaceError, match="stem"):
        NDSNetwork(good, good, stem="imagnet")  # type: ignore[arg-type]
