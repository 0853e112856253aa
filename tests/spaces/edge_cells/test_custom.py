from __future__ import annotations

import pickle
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import archrank as ar
from archrank.errors import BuildError, SpaceError, UncountedOperationWarning
from archrank.networks.operations import OPERATIONS
from archrank.spaces import CustomCells, NASBench201, Scale
from archrank.spaces.edge_cells.operations import BUILT_IN
from archrank.tasks import Digits
from archrank.testing import check_space

TASK = Digits()


def conv(channels: int) -> nn.Module:
    return nn.Sequential(nn.ReLU(), nn.Conv2d(channels, channels, 3, padding=1, bias=False))


def separable(channels: int) -> nn.Module:
    depthwise = nn.Conv2d(channels, channels, 5, padding=2, groups=channels)
    return nn.Sequential(depthwise, nn.Conv2d(channels, channels, 1), nn.BatchNorm2d(channels))


OPS: dict[str, Any] = {"none": None, "skip_connect": None, "conv": conv, "separable": separable}


def two_cells(make_cell: Any, task: Any) -> nn.Module:
    """A network of a user's own: two cells of different width and size."""
    return nn.Sequential(
        nn.Conv2d(1, 4, 1), make_cell(4), nn.Conv2d(4, 6, 3, stride=2, padding=1),
        make_cell(6), nn.Flatten(), nn.Linear(6 * 16, task.n_classes),
    )  # fmt: skip


def measured(network: nn.Module) -> tuple[float, int]:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network.eval()(torch.zeros(1, *TASK.input_shape))
    return counter.get_total_flops() / 2, sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize("nodes", [2, 3, 4, 6])
@pytest.mark.parametrize("network", [None, two_cells])
def test_contract_and_costs(nodes: int, network: Any) -> None:
    space = CustomCells(OPS, nodes, network=network)
    networks = space.networks(TASK)
    check_space(space, n=16)
    archs = space.sample(8, rng=np.random.default_rng(nodes))
    cost = networks.cost(archs)
    found = [measured(networks.build(arch)) for arch in archs]
    assert list(zip(cost["macs"], cost["params"], strict=True)) == found


def test_built_in_operations_are_nasbench201() -> None:
    assert set(BUILT_IN) == set(OPERATIONS)
    theirs = NASBench201()
    ours = CustomCells(list(theirs.ops))
    archs = theirs.sample(500, rng=np.random.default_rng(0))
    whole = archs[theirs.live(archs).all(axis=1) | (archs == 1).all(axis=1)]
    assert len(whole) > 50
    for task in (None, TASK):
        a, b = ours.networks(task), theirs.networks(task)
        for name in ("macs", "params"):
            assert np.array_equal(a.cost(whole)[name], b.cost(whole)[name])
    assert ours.format(archs) == theirs.format(archs)


def test_dead_edges_are_not_there() -> None:
    space = CustomCells(OPS, 3)
    networks = space.networks(TASK)
    live, dead = space.parse(["|conv~0|+|conv~0|conv~1|", "|conv~0|+|conv~0|none~1|"])
    one = space.parse(["|none~0|+|conv~0|none~1|"])
    assert networks.cost(dead[None])["params"] == networks.cost(one)["params"]
    assert networks.cost(live[None])["params"] > networks.cost(one)["params"]
    assert measured(networks.build(dead)) == measured(networks.build(one[0]))
    empty = networks.build(np.zeros(3, dtype=np.uint8))
    assert empty(torch.randn(2, 1, 8, 8)).shape == (2, 10)


def labelled_edges(space: CustomCells, row: np.ndarray, order: tuple[int, ...]) -> Any:
    """The live edges of one cell in another order of its nodes."""
    live = space.live(row[None])[0]
    return sorted(
        (order[j], order[i], int(row[e])) for e, (j, i) in enumerate(space.edges) if live[e]
    )


def test_canonical_cells_are_the_same_graphs() -> None:
    space = CustomCells({"none": None, "conv": conv, "separable": separable}, 4)
    rows = space.enumerate()
    canonical = space.canonical(rows)
    graphs = [
        tuple(min(labelled_edges(space, row, order) for order in ((0, 1, 2, 3), (0, 2, 1, 3))))
        for row in rows
    ]
    pairs = set(zip(graphs, map(bytes, canonical), strict=True))
    assert len(pairs) == len(set(graphs)) == len(np.unique(canonical, axis=0)) < len(rows)
    assert (space.index(canonical) <= np.arange(len(rows))).all()
    cost = space.networks(TASK).cost(rows)["params"]
    assert np.array_equal(cost, cost[space.index(canonical)])
    published = space.canonical(rows, "live")
    assert np.array_equal(published, rows[space.classes(rows, "live")])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), order=st.permutations([1, 2, 3, 4]))
def test_large_cells_forget_the_order_of_nodes(seed: int, order: list[int]) -> None:
    space = CustomCells(OPS, 6)  # 4 ** 15 rows: nothing is tabulated
    rng = np.random.default_rng(seed)
    archs = np.where(rng.random((40, 15)) < 0.6, 0, space.sample(40, rng=rng)).astype(np.uint8)
    canonical = space.canonical(archs)
    assert np.array_equal(space.canonical(canonical), canonical)
    assert np.array_equal(
        np.sort(canonical, 1)[:, ::-1], np.sort(_dead_removed(space, archs), 1)[:, ::-1]
    )
    matrix = np.zeros((40, 6, 6), dtype=np.uint8)
    source, target = (list(ends) for ends in zip(*space.edges, strict=True))
    matrix[:, source, target] = _dead_removed(space, archs)
    place = [0, *order, 5]
    moved = matrix[:, place][:, :, place]
    same = ~np.tril(moved).any(axis=(1, 2))  # still a DAG in this order
    assert np.array_equal(space.canonical(moved[:, source, target])[same], canonical[same])


def _dead_removed(space: CustomCells, archs: np.ndarray) -> np.ndarray:
    return np.where(space.live(archs), archs, 0).astype(np.uint8)


def test_cells_without_none() -> None:
    space = CustomCells({"conv": conv, "separable": separable}, 7)
    check_space(space, n=8)
    archs = space.sample(5, rng=np.random.default_rng(0))
    assert np.array_equal(space.canonical(archs), archs)


def test_a_search() -> None:
    recipe = ar.tasks.Recipe(epochs=1)
    task = Digits(recipe=recipe, copies=1)
    evaluator = ar.evaluators.Combined(ar.evaluators.Training(task), ar.evaluators.Cost())
    study = ar.Study(CustomCells(OPS, 3), evaluator, ar.strategies.Random(), seed=0).run(budget=2)
    assert all(record.reason is None for record in study.records)


def test_scale_and_fingerprint() -> None:
    scale = Scale(channels=2, cells=1, reduction="pool")
    small = CustomCells(OPS, 3, scale=scale)
    skip = small.parse(["|none~0|+|skip_connect~0|none~1|"])
    networks, others = (s.networks(TASK) for s in (small, CustomCells(OPS, 3)))
    assert networks.cost(skip)["params"] < others.cost(skip)["params"]
    assert measured(networks.build(skip[0]))[1] == networks.cost(skip)["params"]
    with pytest.raises(SpaceError, match="belongs to the default network"):
        CustomCells(OPS, 3, network=two_cells, scale=scale)
    assert small.fingerprint() != CustomCells(OPS, 3).fingerprint()
    assert CustomCells(OPS, 3).fingerprint() == "cells(3 nodes;none|skip_connect|conv|separable)"


def test_pickles() -> None:
    space = CustomCells(OPS, 3, network=two_cells)
    archs = space.enumerate()
    cost = space.networks(TASK).cost(archs)["macs"]
    copy = pickle.loads(pickle.dumps(space)).networks(TASK)
    assert np.array_equal(copy.cost(archs)["macs"], cost)
    with pytest.raises(SpaceError, match="cannot be sent to worker processes"):
        pickle.dumps(CustomCells({"a": lambda c: conv(c), "b": conv}))


# ---- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ops", "nodes", "message"),
    [
        ({}, 3, "needs 2 to 254 operations, got 0"),
        ({"conv": conv}, 3, "needs 2 to 254 operations, got 1"),
        ({f"op{i}": conv for i in range(255)}, 3, "needs 2 to 254 operations, got 255"),
        (["none", "none"], 3, "every operation occurs once"),
        (["none", "nor_conv_3x4"], 3, "'nor_conv_3x4'.*or 'nor_conv_3x3'.*your own"),
        ({"none": None, "conv": None}, 3, "unknown operation 'conv'.*{name: function}"),
        ("none", 3, "list of names, got 'none'"),
        (3, 3, "list of names, got 3"),
        ({"none": None, "a|b": conv}, 3, r"got 'a\|b'"),
        ({"none": conv, "conv": conv}, 3, "'none' is built in"),
        ({"none": None, "conv": nn.ReLU()}, 3, "returns a new module.*, got ReLU"),
        ({"none": None, "conv": 3}, 3, "returns a new module.*, got int"),
        (OPS, 1, "2 to 8 nodes .*, got 1"),
        (OPS, 9, "2 to 8 nodes .*, got 9"),
        (OPS, "4", "2 to 8 nodes .*, got '4'"),
    ],
)
def test_wrong_declarations(ops: Any, nodes: Any, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        CustomCells(ops, nodes)
    if nodes == 3 and ops == {}:
        with pytest.raises(SpaceError, match="network is a function"):
            CustomCells(OPS, network=3)  # type: ignore[arg-type]


def raising(channels: int) -> nn.Module:
    raise ValueError(f"no {channels}")


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        (raising, "operation 'odd' for 16 channels failed: ValueError: no 16"),
        (
            lambda c: None,
            "operation 'odd' for 16 channels returned None, expected a torch.nn.Module",
        ),
        (lambda c: nn.Conv2d(c, c, 3), r"'odd' turns \(b, 16, 8, 8\) into .* keep the shape"),
        (lambda c: nn.Conv2d(3, c, 1), r"'odd' cannot run on one input of shape \(16, 8, 8\)"),
    ],
)
def test_operations_that_fail(factory: Any, message: str) -> None:
    space = CustomCells({"none": None, "conv": conv, "odd": factory}, 2, scale=Scale(cells=1))
    with pytest.raises(
        BuildError, match=message.replace("16, 8, 8", r"\d+, \d, \d").replace("16", r"\d+")
    ):
        space.networks(TASK).cost(space.enumerate())
    result = ar.evaluators.Cost().bind(space, task=TASK).evaluate(space.enumerate())
    assert [reason is None for reason in result.reasons] == [True, True, False]
    assert np.isfinite(result["macs"]).tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (lambda make_cell, task: make_cell(1), r"\(b, 1, 8, 8\), task 'digits' needs \(b, 10\)"),
        (
            lambda make_cell, task: None,
            r"network\(make_cell, task\) returned None, expected a torch.nn.Module",
        ),
        (lambda make_cell, task: 1 / 0, "failed: ZeroDivisionError"),
        (lambda make_cell: None, "failed: TypeError"),
    ],
)
def test_networks_that_fail(network: Any, message: str) -> None:
    networks = CustomCells(OPS, 2, network=network).networks(TASK)
    skip = np.ones((1, 1), dtype=np.uint8)
    with pytest.raises(BuildError, match=message):
        networks.cost(skip)
    with pytest.raises(BuildError, match=message):
        networks.build(skip[0])


def test_uncounted_operations_are_named_once() -> None:
    class Fourier(nn.Module):
        def forward(self, x: Any) -> Any:
            return torch.fft.fft2(x).abs()

    space = CustomCells({"none": None, "fourier": lambda c: Fourier()}, 3)
    networks = space.networks(TASK)
    with pytest.warns(UncountedOperationWarning, match=r"'fourier' leave out aten\._fft") as caught:
        networks.cost(space.enumerate())
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        networks.cost(space.enumerate())
