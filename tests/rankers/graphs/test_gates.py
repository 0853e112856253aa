from __future__ import annotations

from functools import partial
from typing import Literal

import numpy as np
import pytest
import torch

from archrank.errors import LabelError, SpaceError, UnknownNameError
from archrank.losses import hinge
from archrank.rankers import GATES
from archrank.rankers.graphs.gates import EdgeFlow, GATESNetwork, NodeFlow
from archrank.spaces import NASBench201
from archrank.testing import check_ranker
from tests.rankers.graphs.test_layers import PaddedSpace


@pytest.mark.parametrize("form", ["edge", "node"])
def test_contract(space: NASBench201, form: str) -> None:
    check_ranker(partial(GATES, form=form, width=32, layers=4, head=(64,), epochs=100), space)


def test_published_shapes(space: NASBench201) -> None:
    network = GATES(space, width=128)._network()
    assert isinstance(network, GATESNetwork)
    shapes = {name: tuple(p.shape) for name, p in network.named_parameters()}
    assert shapes["ops"] == (5, 48)
    assert shapes["start"] == (1, 48)
    assert shapes["lift.weight"] == (96, 48)
    assert [shapes[f"layers.{i}.weight"] for i in range(5)] == [(96, 128)] + [(128, 128)] * 4
    assert shapes["layers.4.gate.weight"] == (128, 48)
    linear = [m for m in network.head if isinstance(m, torch.nn.Linear)]
    assert [m.in_features for m in linear] == [128, 300, 300, 300, 300, 300]
    node = GATES(space, form="node")._network()
    assert isinstance(node, GATESNetwork)
    assert len(node.layers) == 4
    assert [m.out_features for m in node.head if isinstance(m, torch.nn.Linear)] == [200, 1]
    assert node.layers[0].weight.shape == (96, 128)
    narrow = GATES(space)._network()  # a departure, on edges only
    assert isinstance(narrow, GATESNetwork)
    assert narrow.layers[0].weight.shape == (96, 64)


def test_edge_flow_against_loops(space: NASBench201) -> None:
    archs = space.sample(6, rng=np.random.default_rng(0))
    ranker = GATES(space, width=7)
    routes, start, _, _ = ranker._inputs(archs)
    layer, ops, x = EdgeFlow(3, 7), torch.randn(5, 48), torch.randn(6, 4, 3)
    with torch.no_grad():
        ours = layer(x, ops, routes, start)
        for g, arch in enumerate(archs.tolist()):
            for target in range(4):
                total = x[g, 0] @ layer.weight if target == 0 else torch.zeros(7)
                for (source, end), op in zip(space.edges, arch, strict=True):
                    if end == target and op != space.none:
                        gate = torch.sigmoid(layer.gate(ops[op]))
                        total = total + gate * (x[g, source] @ layer.weight)
                torch.testing.assert_close(ours[g, target], total)


def test_node_flow_against_loops() -> None:
    space = PaddedSpace()
    archs = space.sample(6, rng=np.random.default_rng(0))
    routes, start, _, _, kinds = GATES(space)._inputs(archs)
    graphs = space.graph(archs)
    layer, ops, x = NodeFlow(3, 7), torch.randn(5, 48), torch.randn(6, 5, 3)
    with torch.no_grad():
        ours = layer(x, ops, routes, start, kinds)
        for g, t in np.argwhere(graphs.mask):
            heard = torch.zeros(7)
            for s in np.flatnonzero(graphs.adjacency[g, :, t]):
                heard = heard + x[g, s] @ layer.weight
            gate = torch.sigmoid(layer.gate(ops[graphs.ops[g, t]]))
            torch.testing.assert_close(ours[g, t], gate * heard + x[g, t] @ layer.weight)


def test_operations_that_lead_nowhere_do_not_count(space: NASBench201) -> None:
    archs = space.sample(30, rng=np.random.default_rng(0))
    ranker = GATES(space, width=16, epochs=1).fit(archs, space.cost(archs)["macs"])
    cell = "|nor_conv_3x3~0|+|none~0|{}~1|+|skip_connect~0|none~1|none~2|"
    leads_nowhere = space.parse([cell.format("none"), cell.format("nor_conv_1x1")])
    a, b = ranker.predict(leads_nowhere)
    assert a == pytest.approx(b)


def test_loss_is_the_hinge_over_at_most_four_pairs_per_label(space: NASBench201) -> None:
    s, y = torch.randn(20), torch.randn(20)
    generator = torch.Generator().manual_seed(3)
    ours = GATES(space)._loss(s, y, generator)
    theirs = hinge(s, y, margin=0.1, max_pairs=80, generator=generator.manual_seed(3))
    assert ours == theirs


def test_mistakes(space: NASBench201) -> None:
    form: Literal["edge"] = "edge"
    with pytest.raises(SpaceError, match="no operations on edges"):
        GATES(PaddedSpace(), form=form).fit(
            PaddedSpace().sample(4, rng=np.random.default_rng(0)), [1, 2, 3, 4]
        )
    with pytest.raises(UnknownNameError, match="unknown form"):
        GATES(space, form="edges").fit(space.enumerate()[:2], [0, 1.5])  # type: ignore[arg-type]
    with pytest.raises(LabelError, match="at least 2 labels, got 1"):
        GATES(space).fit(space.enumerate()[:1], [0.5])
    with pytest.raises(LabelError, match="no order to learn"):
        GATES(space).fit(space.enumerate()[:3], [0.5] * 3)
