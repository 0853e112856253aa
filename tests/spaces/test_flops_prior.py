"""The distribution of FLOPs that networks of a space share: its bins, and where it comes from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from torch import nn

from archrank.errors import SpaceError
from archrank.spaces import AttentiveNAS, AttentiveSmall, CustomSpace
from archrank.spaces import networks as module
from archrank.tasks import Digits


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SAMPLED", 50_000)


def build(config: dict[str, Any], task: Any) -> nn.Module:
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, config["width"]), nn.Linear(config["width"], 10)
    )


def test_bins_are_the_same_part_of_the_range() -> None:
    for networks in (AttentiveNAS().networks(), AttentiveSmall().networks(Digits())):
        prior = networks.flops_prior
        assert prior is networks.flops_prior
        ends = networks.cost(np.stack([networks.smallest, networks.largest]))["macs"] / 1e6
        assert (ends[1] - ends[0]) / prior.bin_mflops == pytest.approx(69.44, rel=0.01)
        assert prior.shares.sum() == pytest.approx(1)
        assert networks.closed_form
    assert AttentiveNAS().networks().flops_prior.bin_mflops == 25


def test_networks_that_are_built_to_be_counted() -> None:
    networks = CustomSpace({"width": [4, 8, 16]}, build=build).networks(Digits())
    assert not networks.closed_form
    prior = networks.flops_prior
    assert len(prior.targets) == 3
    rows = prior.sample(30, rng=np.random.default_rng(0))
    assert set(rows[:, 0].tolist()) == {0, 1, 2}
    with pytest.raises(SpaceError, match="the sample of 2,000 met bins around"):
        prior.sample(1, rng=np.random.default_rng(0), targets=np.array([1e3]))


def test_networks_of_one_size() -> None:
    networks = CustomSpace({"kind": ["a", "b"]}, build=lambda c, t: build({"width": 4}, t))
    prior = networks.networks(Digits()).flops_prior
    assert prior.shares.tolist() == [1.0]
