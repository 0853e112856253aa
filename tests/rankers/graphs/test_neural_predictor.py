from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch

from archrank.errors import LabelError, UnknownNameError
from archrank.rankers import NeuralPredictor
from archrank.rankers.graphs.neural_predictor import BothWays, MeanPooled
from archrank.spaces import NASBench201
from archrank.testing import check_ranker


@pytest.mark.parametrize("variant", ["wen", "acenas"])
def test_contract(space: NASBench201, variant: str) -> None:
    check_ranker(partial(NeuralPredictor, variant=variant, width=48, epochs=60, lr=3e-3), space)


def test_published_shapes(space: NASBench201) -> None:
    network = NeuralPredictor(space)._network()
    assert isinstance(network, MeanPooled)
    shapes = {name: tuple(p.shape) for name, p in network.named_parameters()}
    assert shapes.pop("head.0.weight") == (128, 144)
    assert shapes.pop("head.2.weight") == (1, 128)
    assert sorted(shapes.values()) == [(144, 7)] * 2 + [(144, 144)] * 4  # no biases
    acenas = NeuralPredictor(space, variant="acenas", layers=4)._network()
    assert isinstance(acenas, MeanPooled)
    assert len(acenas.layers) == 4


def test_layer_against_loops(space: NASBench201) -> None:
    archs = space.sample(2, rng=np.random.default_rng(0))
    _, share, _, *flows = NeuralPredictor(space)._inputs(archs)
    assert (share == 1 / 8).all()
    a = space.graph(archs).adjacency[0] | np.eye(8, dtype=bool)
    layer, x = BothWays(3, 5, 0.1).eval(), torch.randn(2, 8, 3)
    with torch.no_grad():
        ours = layer(x, *flows)
        for node in range(8):
            before = x[0, np.flatnonzero(a[:, node])].mean(0) @ layer.ahead.linear.weight.T
            after = x[0, np.flatnonzero(a[node])].mean(0) @ layer.back.linear.weight.T
            torch.testing.assert_close(ours[0, node], (before.relu() + after.relu()) / 2)


def test_mistakes(space: NASBench201) -> None:
    with pytest.raises(UnknownNameError, match="variant of NeuralPredictor 'nao'"):
        NeuralPredictor(space, variant="nao").fit(space.enumerate()[:2], [0, 1.5])  # type: ignore[arg-type]
    with pytest.raises(LabelError, match="at least 2 labels, got 1"):
        NeuralPredictor(space).fit(space.enumerate()[:1], [0.5])
    with pytest.raises(LabelError, match="no order to learn"):
        NeuralPredictor(space).fit(space.enumerate()[:3], [0.5] * 3)
