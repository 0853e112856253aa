from __future__ import annotations

import numpy as np
import pytest

from archrank.errors import SpaceError, UnknownNameError
from archrank.rankers import DecoderLayers
from archrank.spaces import GPTS, HAT, CustomSpace, NASBench201
from archrank.testing import check_ranker


def test_contract() -> None:
    check_ranker(DecoderLayers, HAT("wmt"))


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_layers_first_then_macs_in_the_direction_of_the_labels(sign: float) -> None:
    space = HAT("wmt")
    archs = space.sample(200, rng=np.random.default_rng(0))
    layers = space.values(archs, "dec_layers")[:, 0]
    macs = space.cost(archs)["macs"]
    predicted = sign * DecoderLayers(space).fit(archs[:20], sign * layers[:20]).predict(archs)
    assert (np.lexsort((macs, layers)) == np.argsort(predicted, kind="stable")).all()


def test_one_extreme_label_does_not_turn_the_direction() -> None:
    space = HAT("wmt")
    archs = space.sample(40, rng=np.random.default_rng(0))
    order = DecoderLayers(space).fit(archs, np.arange(40.0)).predict(archs)
    labels = np.abs(order)  # as the layers order, but for the last one
    labels[labels.argmax()] = -1e6
    assert DecoderLayers(space).fit(archs, labels).score(archs, labels) > 0.8


def test_a_decision_can_be_named() -> None:
    space = CustomSpace({"width": [8, 16], "blocks": [3, 1, 2]}, build=lambda c, t: None)
    archs = space.enumerate()
    blocks = np.array([3.0, 1.0, 2.0])[archs[:, 1]]
    predicted = DecoderLayers(space, "blocks").fit(archs, -blocks).predict(archs)
    assert (predicted == -blocks).all()
    with pytest.raises(UnknownNameError, match="'layers'"):
        DecoderLayers(space, "layers").fit(archs, blocks)
    with pytest.raises(SpaceError, match="no decision on the number of layers"):
        DecoderLayers(space).fit(archs, blocks)


def test_without_layers_macs_order(space: NASBench201) -> None:
    archs = space.sample(50, rng=np.random.default_rng(0))
    macs = space.cost(archs)["macs"]
    assert DecoderLayers(space).fit(archs, macs).score(archs, macs) == pytest.approx(1.0)


def test_language_models_have_layers_too() -> None:
    space = GPTS()
    archs = space.sample(30, rng=np.random.default_rng(0))
    layers = space.values(archs, "n_layer")[:, 0]
    predicted = DecoderLayers(space).fit(archs, -layers).predict(archs)
    assert (np.floor(-predicted) == layers).all()
