from __future__ import annotations

from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.special import expit

from archrank.errors import LabelError
from archrank.rankers import BRPNAS
from archrank.rankers.graphs.brp_nas import BRPNetwork, embed_distinct, simplify
from archrank.spaces import NASBench201
from archrank.spaces.base import Graphs
from archrank.testing import check_ranker

# nodes of the line graph: input, the edges 0->1, 0->2, 1->2, 0->3, 1->3, 2->3, output
IN, E01, E02, E12, E03, E13, E23, OUT = range(8)
FULL = {
    (IN, E01), (IN, E02), (IN, E03), (E01, E12), (E01, E13), (E02, E23), (E12, E23),
    (E03, OUT), (E13, OUT), (E23, OUT),
}  # fmt: skip
SKIP, NONE, CONV = "skip_connect", "none", "nor_conv_3x3"


def test_contract(space: NASBench201) -> None:
    check_ranker(partial(BRPNAS, width=32, epochs=60, lr=3e-3), space)


def edges_left(space: NASBench201, ops: list[str]) -> set[tuple[int, int]]:
    """``ops`` of the edges 0->1, 0->2, 1->2, 0->3, 1->3, 2->3."""
    arch = np.array([[space.ops.index(op) for op in ops]], dtype=np.uint8)
    adjacency, kept = simplify(space.graph(arch), *BRPNAS(space)._removable(space.graph(arch)))
    edges = set(map(tuple, np.argwhere(adjacency[0]).tolist()))
    assert {node for edge in edges for node in edge} == set(np.flatnonzero(kept[0]).tolist())
    return edges  # type: ignore[return-value]


def test_simplified_graphs_worked_by_hand(space: NASBench201) -> None:
    assert edges_left(space, [CONV] * 6) == FULL
    only = {(IN, E03), (E03, OUT)}
    assert edges_left(space, [CONV, CONV, CONV, CONV, NONE, NONE]) == only
    bridged = {(IN, E02), (IN, E03), (IN, E12), (IN, E13), (E02, E23), (E12, E23),
               (E03, OUT), (E13, OUT), (E23, OUT)}  # fmt: skip
    assert edges_left(space, [SKIP] + [CONV] * 5) == bridged
    parallel = {(IN, E23), (E23, OUT)}  # 0->2 and 0->1->2 collapse to one edge
    assert edges_left(space, [SKIP, SKIP, SKIP, NONE, NONE, CONV]) == parallel
    assert edges_left(space, [SKIP] * 6) == {(IN, OUT)}
    assert edges_left(space, [CONV, CONV, CONV, NONE, NONE, NONE]) == set()


def test_number_of_connected_cells(space: NASBench201) -> None:
    graphs = space.graph(space.enumerate())
    adjacency, kept = simplify(graphs, *BRPNAS(space)._removable(graphs))
    assert kept[:, IN].sum() == kept[:, OUT].sum() == 15_284  # as in the released code
    conv = space.ops.index(CONV)
    live = space.live(space.enumerate()) & (space.enumerate() == conv)
    assert (kept[:, 1:7] & (space.enumerate() == conv) == live).all()
    assert not (adjacency & ~kept[:, :, None]).any()


def test_order_of_nodes_does_not_matter(space: NASBench201) -> None:
    graphs = space.graph(space.sample(200, rng=np.random.default_rng(0)))
    none, skip = BRPNAS(space)._removable(graphs)
    adjacency, kept = simplify(graphs, none, skip)
    order = np.random.default_rng(1).permutation(8)
    shuffled = Graphs(
        graphs.adjacency[:, order][:, :, order],
        graphs.ops[:, order],
        graphs.mask[:, order],
        graphs.op_names,
    )
    ours, left = simplify(shuffled, none, skip)
    assert (ours == adjacency[:, order][:, :, order]).all()
    assert (left == kept[:, order]).all()


def test_global_node_and_features(space: NASBench201) -> None:
    arch = np.array([[space.ops.index(op) for op in [CONV, NONE, SKIP, CONV, CONV, CONV]]])
    flow, x, extra = BRPNAS(space)._inputs(arch.astype(np.uint8))
    assert flow.shape == (1, 9, 9)
    assert x.shape == (1, 9, 6)  # 3 operations, input, output, global
    assert extra.shape == (1, 0)
    assert (flow[0, 0] == 1).all()  # the global node hears all, nobody hears it
    assert (flow[0, 1:, 0] == 0).all()
    assert (flow[0].diagonal() == 1).all()
    assert flow[0, 1 + E01, 1 + E23] == 1  # a node hears its successors: e12 is bridged
    assert x[0].sum(1).tolist() == [1, 1, 1, 0, 0, 1, 1, 1, 1]  # nothing for none and skip


def test_published_shapes(space: NASBench201) -> None:
    network = BRPNAS(space)._network()
    assert isinstance(network, BRPNetwork)
    weights = [tuple(conv.weight.shape) for conv in network.convs]
    assert weights == [(600, 6)] + [(600, 600)] * 3
    assert tuple(network.relation.weight.shape) == (2, 1200)


def test_relation_is_the_published_softmax(space: NASBench201) -> None:
    network = BRPNAS(space, width=8)._network().eval()
    assert isinstance(network, BRPNetwork)
    flow, x, extra = BRPNAS(space)._inputs(space.sample(5, rng=np.random.default_rng(0)))
    with torch.no_grad():
        h = x
        for conv, norm in zip(network.convs, network.norms, strict=True):
            h = norm(flow @ (h @ conv.weight.T) + conv.bias).relu()
        p, q = network(flow, x, extra).T
        for i in range(5):
            for j in range(5):
                pair = torch.cat([h[i, 0], h[j, 0]])
                published = network.relation(pair).softmax(0)[0]
                torch.testing.assert_close((p[i] + q[j]).sigmoid(), published)


def test_distinct_neighbourhoods_are_embedded_once(
    space: NASBench201, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = BRPNAS(space, width=8)._network().eval()
    assert isinstance(network, BRPNetwork)
    archs = space.sample(500, rng=np.random.default_rng(0))
    flow, x, extra = BRPNAS(space)._inputs(archs)
    rows: list[int] = []
    for conv in network.convs:
        conv.register_forward_hook(lambda _, given, __: rows.append(len(given[0])))
    with torch.no_grad():
        found = embed_distinct(network, flow, x)
        distinct = list(rows)
        plain = network(flow, x, extra)
    torch.testing.assert_close(network.relate(found, extra), plain)
    assert distinct[0] < distinct[1] < distinct[2]  # farther neighbourhoods differ more
    assert distinct[0] < 200
    assert distinct[2] < 500 * 9 / 2
    assert distinct[3] <= len(np.unique(archs, axis=0))
    ranker = BRPNAS(space, width=8)
    whole = ranker._outputs(network, archs)
    np.testing.assert_allclose(whole, plain.detach(), rtol=1e-5, atol=1e-6)
    monkeypatch.setattr("archrank.rankers.graphs.brp_nas.SCORED", 64)
    np.testing.assert_allclose(ranker._outputs(network, archs), whole, rtol=1e-5, atol=1e-6)


def test_loss_against_a_loop(space: NASBench201) -> None:
    outputs, y = torch.randn(6, 2), torch.rand(6)
    total = 0.0
    for i in range(6):
        for j in range(6):
            if i != j:
                target = torch.softmax(torch.stack([y[i], y[j]]), 0)
                guess = (outputs[i, 0] + outputs[j, 1]).sigmoid()
                total += float((target * (target / torch.stack([guess, 1 - guess])).log()).sum())
    ours = BRPNAS(space)._loss(outputs, y, torch.Generator())
    assert float(ours) == pytest.approx(total, rel=1e-4)


def test_score_is_the_mean_win_rate_and_the_comparator_sorts(space: NASBench201) -> None:
    archs = space.sample(30, rng=np.random.default_rng(0))
    ranker = BRPNAS(space, width=16, epochs=10).fit(archs, space.cost(archs)["macs"])
    p, q = ranker._outputs(ranker.network_, archs[:9]).T
    p_ref, q_ref = ranker.references_.T
    wins = [[(expit(p[i] + q_ref[r]) + 1 - expit(p_ref[r] + q[i])) / 2 for r in range(30)]
            for i in range(9)]  # fmt: skip
    np.testing.assert_allclose(ranker.predict(archs[:9]), np.mean(wins, axis=1))
    positions = ranker.set_params(comparator=True).predict(archs[:9])
    assert sorted(positions) == list(range(9))
    order = np.argsort(positions)
    assert all(p[low] + q[high] <= 0 for low, high in pairwise(order))


def test_mistakes(space: NASBench201) -> None:
    with pytest.raises(LabelError, match="at least 2 labels, got 1"):
        BRPNAS(space).fit(space.enumerate()[:1], [0.5])
    with pytest.raises(LabelError, match="no order to learn"):
        BRPNAS(space).fit(space.enumerate()[:3], [0.5] * 3)
