"""Every supernet through the route of the command line: train, keep, read, score."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from archrank.spaces import NDS, CustomCells, FBNet, NASBench201, ProxylessNAS, Scale, Space
from archrank.supernets import SupernetTraining, one_shot_scores, train_supernet
from archrank.supernets.checkpoints import checkpoints, load_supernet
from archrank.supernets.samplers import DeIsomorphic, Uniform
from archrank.tasks import Digits, Recipe
from archrank.training.loop import initialise
from tests.supernets.small import SMALL, their_network

TASK = Digits(recipe=Recipe(epochs=1, batch_size=700, lr=0.05), copies=1)


ALIKE = {"pnas", "amoeba", "enas", "published reduction", "transnas", "cells"}  # as others here


@pytest.mark.parametrize("kind", [kind for kind in SMALL if kind not in ALIKE])
def test_train_keep_read_score(kind: str, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    space = SMALL[kind].make()
    networks = space.networks(TASK)
    options = {"affine": False} if "affine" in space.supernet_options else {}
    supernet: Any = initialise(lambda: networks.supernet(**options), 0)
    before = {name: tensor.clone() for name, tensor in supernet.state_dict().items()}
    training = SupernetTraining(supernet, TASK, DeIsomorphic())
    train_supernet(training, tmp_path)
    assert np.isfinite(training.losses).all()
    assert any(not torch.equal(before[name], t) for name, t in supernet.state_dict().items())
    archs = space.sample(2, rng=np.random.default_rng(0))
    scores = one_shot_scores(supernet, TASK, archs)
    assert np.isfinite(scores["loss"]).all()
    read = load_supernet(checkpoints(tmp_path)[1], networks)
    assert np.array_equal(one_shot_scores(read, TASK, archs)["loss"], scores["loss"])
    alone = one_shot_scores(supernet, TASK, archs[:1], statistics="recalibrated", calibration=1)
    assert np.isfinite(alone["loss"]).all()


def test_a_restricted_space_trains_only_its_own_weights() -> None:
    whole = NASBench201(Scale(channels=2, cells=1, reduction="pool"))
    space = whole.restrict({name: ["skip_connect", "nor_conv_1x1"] for name in ("0->1", "2->3")})
    supernet: Any = initialise(space.networks(TASK).supernet, 0)
    before = {name: tensor.clone() for name, tensor in supernet.state_dict().items()}
    train_supernet(SupernetTraining(supernet, TASK, Uniform(m=40)))
    changed = {n for n, t in supernet.state_dict().items() if not torch.equal(before[n], t)}
    convolutions = {tuple(n.split(".edges.")[1].split(".")[:2]) for n in changed if "edges" in n}
    assert {k for edge, k in convolutions if edge == "0"} == {"2"}
    assert {k for edge, k in convolutions if edge == "1"} == {"2", "3"}
    row = space.sample(1, rng=np.random.default_rng(0))[0]
    x = torch.randn(4, 1, 8, 8)
    assert torch.equal(supernet(x, row), supernet.whole(x, space.to_origin(row[None])[0]))


NOTHING: dict[str, tuple[Space, list[int]]] = {
    "cells": (NASBench201(), [0] * 6),
    "operations of one's own": (
        CustomCells(["none", "nor_conv_1x1"], network=their_network),
        [0] * 6,
    ),
    "darts": (NDS("darts", widths=(4,), depths=(4,)), [0] * 34),
    "proxylessnas": (ProxylessNAS(), [0, 6, 6, 6] * 5 + [0]),  # all that may be skipped
    "fbnet": (FBNet(head=24), [8] * 22),
}


@pytest.mark.parametrize("kind", NOTHING)
def test_an_architecture_of_nothing_has_a_score(kind: str) -> None:
    space, arch = NOTHING[kind]
    supernet: Any = initialise(space.networks(TASK).supernet, 0)
    row = np.array([arch], dtype=np.uint8)
    for statistics in ("batch", "recalibrated"):
        scores = one_shot_scores(supernet, TASK, row, statistics=statistics, calibration=1)  # type: ignore[arg-type]
        assert np.isfinite(scores["loss"]).all()
        assert 0 <= scores["accuracy"][0] <= 1
        if kind not in ("proxylessnas", "fbnet"):
            assert scores["accuracy"][0] == pytest.approx(0.1, abs=0.05)
