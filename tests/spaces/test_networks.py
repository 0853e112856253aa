"""``space.networks(task)``: one value that says the task once."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from archrank.errors import ArchitectureError, SpaceError
from archrank.spaces import SPACES, CustomCells, NASBench101, NASBench201, Scale
from archrank.spaces.edge_cells.base import EdgeCellSpace
from archrank.spaces.images import SMALL, rescaled
from archrank.supernets.base import Supernet
from archrank.tasks import Digits, cifar10
from archrank.testing import check_supernet

SKIP = np.ones((1, 6), dtype=np.uint8)


def test_costs_and_networks_are_of_one_size() -> None:
    space = NASBench201()
    for task, params in ((Digits(), 1_122), (cifar10(), 73_306), (None, 73_306)):
        networks = space.networks(task)
        network = networks.build(SKIP[0])
        assert networks.cost(SKIP)["params"].tolist() == [params]
        assert sum(p.numel() for p in network.parameters()) == params


@pytest.mark.parametrize(
    "make", [NASBench201, NASBench101, lambda **k: CustomCells(["none", "skip_connect"], **k)]
)
def test_small_images_get_small_networks(make: Any) -> None:
    sizes = make().networks(Digits()).sizes
    assert sizes.scale == SMALL == Scale(channels=8, cells=1, reduction="pool")
    published = make().networks().sizes.scale
    assert make().networks(cifar10()).sizes.scale == published != SMALL
    own = Scale(channels=6, cells=2)
    assert {make(scale=own).networks(t).sizes.scale for t in (None, Digits(), cifar10())} == {own}


def test_a_small_frozen_value() -> None:
    networks = NASBench201().networks(Digits())
    assert networks == networks.space.networks(Digits())
    with pytest.raises(FrozenInstanceError):
        networks.task = None  # type: ignore[misc]
    copy = pickle.loads(pickle.dumps(networks))
    assert copy.task == Digits()
    assert copy.fingerprint() == networks.fingerprint()
    prints = {networks.fingerprint()}
    prints |= {NASBench201().networks().fingerprint(), NASBench201(SMALL).networks().fingerprint()}
    assert len(prints) == 3


def test_architectures_are_checked() -> None:
    with pytest.raises(ArchitectureError, match="choice 7 of decision"):
        NASBench201().networks(Digits()).build(np.full(6, 7, dtype=np.uint8))


class Shared(Supernet):
    """Cells of which only the number of convolutions matters."""

    def __init__(self, space: NASBench201, n_classes: int) -> None:
        super().__init__()
        self.space = space
        self.head = nn.Linear(1, n_classes)

    def forward(self, x: Tensor, arch: Any) -> Tensor:
        outputs: Tensor = self.head(x.mean((1, 2, 3))[:, None] * float((arch == 3).sum()))
        return outputs

    def extract(self, arch: Any) -> nn.Module:
        scaled = nn.Linear(1, self.head.out_features)
        scaled.load_state_dict(self.head.state_dict())
        return self.placed(_Alone(scaled, float((arch == 3).sum())))


class _Alone(nn.Module):
    def __init__(self, head: nn.Module, factor: float) -> None:
        super().__init__()
        self.head, self.factor = head, factor

    def forward(self, x: Tensor) -> Tensor:
        outputs: Tensor = self.head(x.mean((1, 2, 3))[:, None] * self.factor)
        return outputs


class WithSupernet(NASBench201):
    def _supernet(self, sizes: Any) -> Supernet:
        return Shared(self, sizes.images.n_classes)


def test_supernets() -> None:
    space = WithSupernet()
    supernet = space.networks(Digits()).supernet()
    check_supernet(supernet, (1, 8, 8))
    assert supernet(torch.zeros(2, 1, 8, 8), SKIP[0]).shape == (2, 10)
    small = space.restrict({"0->1": "nor_conv_3x3"})
    assert small.networks(Digits()).supernet().space is small
    for name in SPACES.names():
        whole = SPACES.get(name)()
        if isinstance(whole, EdgeCellSpace):
            assert whole.networks().supernet().space is whole
            with pytest.raises(SpaceError, match=r"has no option 'afine'; it has affine, dropout"):
                whole.networks().supernet(afine=False)
        if whole.supernet_options:
            continue
        with pytest.raises(SpaceError, match=f"{whole.name} has no supernet"):
            whole.networks().supernet()


def test_a_space_of_another_scale() -> None:
    space = NASBench201(Scale(channels=4, cells=2))
    wide = rescaled(space, Scale(channels=8, cells=1))
    assert isinstance(wide, NASBench201)
    assert (space.scale, wide.scale) == (Scale(channels=4, cells=2), Scale(channels=8, cells=1))
    assert wide.fingerprint() == NASBench201(Scale(channels=8, cells=1)).fingerprint()
    conv = np.full((1, 6), 3, dtype=np.uint8)
    expected = NASBench201(Scale(channels=8, cells=1)).cost(conv)["params"]
    assert wide.cost(conv)["params"] == expected != space.cost(conv)["params"]
    with pytest.raises(SpaceError, match="at least 5 channels"):
        rescaled(NASBench101(), Scale(channels=4, cells=1))
    with pytest.raises(SpaceError, match="no scale"):
        rescaled(SPACES.get("proxylessnas")(), Scale())


def test_networks_of_archrank_have_a_blueprint() -> None:
    class Wider(NASBench201):
        def _build(self, arch: Any, sizes: Any) -> nn.Module:
            return nn.Sequential(super()._build(arch, sizes), nn.Linear(10, 10))

    row, task = np.array([3, 1, 2, 0, 4, 3], dtype=np.uint8), Digits()
    blueprint = NASBench201().networks(task).blueprint(row)
    assert blueprint is not None
    assert blueprint.args[0][:2] == ["nor_conv_3x3", "skip_connect"]
    part = NASBench201().restrict({"0->1": ["skip_connect"]})
    part_of = part.networks(task).blueprint(np.zeros(part.d, dtype=np.uint8))
    assert part_of is not None
    assert part_of.args[0][:2] == ["skip_connect", "none"]
    for space in (Wider(), CustomCells(["none", "skip_connect", "nor_conv_3x3"])):
        assert space.networks(task).blueprint(np.ones(6, dtype=np.uint8)) is None
