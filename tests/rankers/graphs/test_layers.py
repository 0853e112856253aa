from __future__ import annotations

import numpy as np
import pytest
import torch

from archrank.errors import SpaceError
from archrank.rankers import BRPNAS, GATES, AceNAS, NeuralPredictor
from archrank.rankers.graphs import layers as graph
from archrank.rankers.kit.neural import NeuralRanker
from archrank.spaces import CustomSpace, NASBench201
from archrank.spaces.base import Graphs
from archrank.types import Archs

ALL = [AceNAS, BRPNAS, GATES, NeuralPredictor]


def nothing(config: dict[str, object], task: object) -> None:
    """Stands for a build function that these tests never call."""


class PaddedSpace(CustomSpace):
    """A chain of ``length`` operations, padded to five nodes, with a width beside the graph."""

    padding = 0

    def __init__(self) -> None:
        super().__init__(
            {"length": [1, 2, 3], "a": list("xyz"), "b": list("xyz"), "c": list("xyz"),
             "width": [8, 16, 24, 32]},
            build=nothing,
        )  # fmt: skip

    def graph(self, archs: Archs) -> Graphs:
        n, v = len(archs), 5 + self.padding
        ops = np.zeros((n, v), dtype=np.uint8)
        mask = np.zeros((n, v), dtype=bool)
        adjacency = np.zeros((n, v, v), dtype=bool)
        for row, arch in enumerate(archs.tolist()):
            length = arch[0] + 1
            ops[row, 1 : length + 1] = np.array(arch[1 : length + 1]) + 2
            ops[row, length + 1] = 1
            mask[row, : length + 2] = True
            adjacency[row, np.arange(length + 1), np.arange(1, length + 2)] = True
        extra = archs[:, 4:].astype(np.float32) / 3
        return Graphs(adjacency, ops, mask, ("input", "output", "x", "y", "z"), extra=extra)


def quick(kind: type[NeuralRanker], space: object) -> NeuralRanker:
    sizes = {"width": 16, "epochs": 2} | ({"pretrain_epochs": 1} if kind is AceNAS else {})
    return kind(space, **sizes)  # type: ignore[call-arg]


@pytest.mark.parametrize("kind", ALL)
def test_one_by_one_is_what_a_batch_gives(space: NASBench201, kind: type[NeuralRanker]) -> None:
    archs = space.sample(40, rng=np.random.default_rng(0))
    ranker = quick(kind, space).fit(archs, space.cost(archs)["params"])
    alone = np.concatenate([ranker.predict(row[None]) for row in archs])
    np.testing.assert_allclose(ranker.predict(archs), alone, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", ALL)
def test_padding_does_not_matter(kind: type[NeuralRanker]) -> None:
    space = PaddedSpace()
    archs = space.sample(40, rng=np.random.default_rng(0))
    ranker = quick(kind, space).fit(archs, archs.astype(float).sum(1))
    before = ranker.predict(archs)
    assert np.ptp(before) > 0
    space.padding = 3
    tolerance = 1e-4 * float(np.ptp(before))
    np.testing.assert_allclose(ranker.predict(archs), before, rtol=1e-4, atol=tolerance)


@pytest.mark.parametrize("kind", ALL)
def test_numbers_beside_the_graph_count(kind: type[NeuralRanker]) -> None:
    space = PaddedSpace()
    archs = space.sample(40, rng=np.random.default_rng(0))
    ranker = quick(kind, space).fit(archs, archs.astype(float).sum(1))
    wider = archs.copy()
    wider[:, 4] = (wider[:, 4] + 1) % 4
    assert not np.allclose(ranker.predict(archs), ranker.predict(wider), rtol=1e-6, atol=0)


@pytest.mark.parametrize("kind", [AceNAS, GATES, NeuralPredictor])  # BRPNAS: test_brp_nas.py
def test_order_of_nodes_does_not_matter(space: NASBench201, kind: type[NeuralRanker]) -> None:
    archs = space.sample(20, rng=np.random.default_rng(0))
    ranker = quick(kind, space).fit(archs, space.cost(archs)["params"])
    if isinstance(ranker, GATES):
        ranker = GATES(space, form="node", width=16, epochs=2).fit(archs, np.arange(20.0))
    order = np.random.default_rng(1).permutation(8)

    class Shuffled:
        def graph(self, archs: Archs) -> Graphs:
            g = space.graph(archs)
            adjacency = g.adjacency[:, order][:, :, order]
            return Graphs(adjacency, g.ops[:, order], g.mask[:, order], g.op_names)

    straight = ranker._outputs(ranker.network_, archs)
    ranker.space = Shuffled()  # type: ignore[assignment]
    shuffled = ranker._outputs(ranker.network_, archs)
    np.testing.assert_allclose(shuffled, straight, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", ALL)
def test_a_space_without_graphs_is_refused(kind: type[NeuralRanker]) -> None:
    flat = CustomSpace({"a": [1, 2, 3], "b": [1, 2, 3]}, build=nothing)
    with pytest.raises(SpaceError, match="no graph view"):
        quick(kind, flat).fit(flat.enumerate(), np.arange(9.0))


def test_normalisations_against_loops() -> None:
    rng = np.random.default_rng(0)
    a = np.triu(rng.random((3, 5, 5)) < 0.6, 1)
    mask = np.ones((3, 5), dtype=bool)
    mask[1, 3:] = False
    graphs = Graphs(a, np.zeros((3, 5), dtype=np.uint8), mask, ("x",))
    both = graph.symmetric(graph.edges(graphs, loops=True))
    mean = graph.averaging(graph.edges(graphs, "backward", loops=True))
    for g in range(3):
        real = int(mask[g].sum())
        edge = (a[g] | np.eye(5, dtype=bool))[:real, :real]
        for s in range(5):
            for t in range(5):
                inside = s < real and t < real and edge[s, t]
                expected = (edge[:, t].sum() * edge[s].sum()) ** -0.5 if inside else 0
                assert both[g, t, s] == pytest.approx(expected)
                expected = 1 / edge[s].sum() if inside else 0
                assert mean[g, s, t] == pytest.approx(expected)


def test_inputs_and_outputs_are_found_without_names() -> None:
    graphs = PaddedSpace().graph(np.array([[1, 0, 0, 0, 0]], dtype=np.uint8))
    named = graph.terminals(graphs)
    nameless = Graphs(graphs.adjacency, graphs.ops, graphs.mask, tuple("abcde"))
    for ours, by_name in zip(graph.terminals(nameless), named, strict=True):
        assert torch.equal(ours, by_name)
    assert named[0].tolist() == [[1, 0, 0, 0, 0]]
    assert named[1].tolist() == [[0, 0, 0, 1, 0]]
