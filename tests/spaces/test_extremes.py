"""The smallest and the largest architecture, against whole lists of small spaces."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from torch import nn

import archrank as ar
from archrank.spaces import AttentiveNAS, CustomSpace, NASBench201, Space
from archrank.spaces.extremes import extremes
from archrank.tasks import Digits


class Layers(nn.Module):
    """Layers whose stride makes them cheaper, and a number that costs nothing."""

    def __init__(self, config: dict[str, Any], task: Any) -> None:
        super().__init__()
        width, stride = config["width"], config["stride"]
        layers = [nn.Conv2d(1, width, 3, stride, 1)]
        layers += [nn.Conv2d(width, width, 1) for _ in range(config.get("depth", 0))]
        if config["kind"] == "wide":
            layers += [nn.Conv2d(width, width, 3, 1, 1)]
        self.layers = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(width, task.n_classes)

    def forward(self, x: Any) -> Any:
        return self.head(self.layers(x))


OWN = CustomSpace(
    {
        "width": [8, 2, 4],
        "stride": [1, 2],
        "depth": [0, 1, 2],
        "kind": ["plain", "wide"],
        "rate": [0.1, 0.3, 0.2],
    },
    build=Layers,
)


class Chosen(nn.Module):
    """Layers of different cost, of which some are chosen."""

    def __init__(self, config: dict[str, Any], task: Any) -> None:
        super().__init__()
        sizes = [(5 * i + 3) % 7 + 1 for i in config["layers"]]
        sizes += [block["width"] for block in config["blocks"]]
        self.layers = nn.ModuleList(nn.Conv2d(1, size, 3, padding=1) for size in sizes)
        self.head = nn.Linear(64, task.n_classes)

    def forward(self, x: Any) -> Any:
        return self.head(sum(layer(x).mean(dim=1).flatten(1) for layer in self.layers))


SETS = CustomSpace(
    {"layers": ar.Subset(6, (2, 3)), "blocks": ar.Repeat({"width": [3, 1, 2]}, (1, 2))}, Chosen
)


@pytest.mark.parametrize(
    "space",
    [OWN, OWN.restrict({"width": [2, 4], "kind": ["plain"]}), SETS, NASBench201()],
    ids=["own", "restricted", "sets", "nasbench201"],
)
def test_costs_are_those_of_the_whole_list(space: Space) -> None:
    networks = space.networks(Digits())
    macs = networks.cost(space.enumerate())["macs"]
    found = np.stack([networks.smallest, networks.largest])
    assert networks.cost(found)["macs"].tolist() == [macs.min(), macs.max()]
    assert (space.canonical(found) == found).all()
    params = networks.cost(space.enumerate())["params"]
    found = extremes(networks, "params")
    assert networks.cost(found)["params"].tolist() == [params.min(), params.max()]


def test_a_number_that_costs_nothing_is_decided_by_its_value() -> None:
    networks = OWN.networks(Digits())
    assert [OWN.config(networks.smallest)[k] for k in ("stride", "rate")] == [2, 0.1]
    assert [OWN.config(networks.largest)[k] for k in ("stride", "rate")] == [1, 0.3]


def test_the_published_range() -> None:
    space = AttentiveNAS()
    networks = space.networks()
    found = space.mflops(np.stack([networks.smallest, networks.largest]))
    assert found.round(2).tolist() == [203.39, 1939.34]
    assert (networks.largest == space.radices - 1).all()
