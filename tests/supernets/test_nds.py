"""Supernets of the NDS spaces: what architectures of different cells, widths and depths share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from archrank.networks.nds import NDSNetwork
from archrank.spaces import NDS
from archrank.supernets.nds import NDSSupernet
from archrank.supernets.nds_places import needed, places
from archrank.tasks import Digits
from archrank.training.layout import channels_last, default, layout_of
from archrank.training.loop import initialise

SPACE = NDS("enas", widths=(4, 8), depths=(4, 8))
X = torch.randn(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))
SEP = [("sep_conv_3x3", 0), ("sep_conv_5x5", 1)]
FLAT = SEP * 5  # every node reads the cell's inputs, so all five are joined
CHAIN = [*SEP, *(("sep_conv_3x3", 1 + i) for i in range(1, 5) for _ in (0, 1))]  # one is joined


@pytest.fixture(scope="module")
def supernet() -> NDSSupernet:
    found = initialise(SPACE.networks(Digits()).supernet, 0)
    assert isinstance(found, NDSSupernet)
    return found.eval()


def extracted(supernet: NDSSupernet, arch: np.ndarray) -> NDSNetwork:
    network = supernet.extract(arch)
    assert isinstance(network, NDSNetwork)
    return network


@pytest.mark.parametrize("imagenet", [False, True])
@pytest.mark.parametrize("depth", range(3, 24))
def test_places_are_those_of_the_network(depth: int, imagenet: bool) -> None:
    found, head = places(depth, imagenet=imagenet)
    reductions = [depth // 3, 2 * depth // 3]
    assert [i for i, place in enumerate(found) if place.reduces] == reductions
    stages = [sum(i >= r for r in reductions) for i in range(depth)]
    assert [place.stage for place in found] == stages
    for i, place in enumerate(found):
        halves = i - 1 in reductions or (imagenet and i == 0)
        kinds = ["stem", "stem", *("reduce" if p.reduces else "normal" for p in found)]
        assert (place.before.kind, place.last.kind) == (kinds[i], kinds[i + 1])
        assert place.before.halves == halves
        assert not place.last.halves
    assert head.kind == kinds[-1]
    assert len({place.name for place in found}) == depth


def test_a_shallow_network_uses_the_first_cells_of_each_stage() -> None:
    cells, _ = needed([4, 20], imagenet=False)
    assert len(cells) == 20
    shallow = {place.name for place in places(4, imagenet=False)[0]}
    assert shallow == {"normal0_0", "reduce1", "reduce2", "normal2_0"}


def test_the_deepest_network_has_every_cell() -> None:
    supernet = NDS("darts", widths=(2,), depths=(3, 4, 20)).networks(Digits()).supernet()
    assert isinstance(supernet, NDSSupernet)
    assert len(supernet.cells) == 20
    assert set(supernet.classifiers) == {"normal", "reduce"}  # three cells end in a reduction


def test_depths_and_widths_share_their_first_weights(supernet: NDSSupernet) -> None:
    wide, narrow, deep = (
        extracted(supernet, SPACE.row(FLAT, FLAT, width, depth))
        for width, depth in ((8, 4), (4, 4), (8, 8))
    )
    for name in ("cells.0.operations.3.2.weight", "cells.0.operations.3.3.weight", "stem.0.weight"):
        a, b, c = (network.get_parameter(name) for network in (wide, narrow, deep))
        assert torch.equal(a, c)
        assert torch.equal(a[tuple(map(slice, b.shape))], b)
    assert torch.equal(wide.cells[3].operations[0][1].weight, deep.cells[6].operations[0][1].weight)


def test_inputs_are_sliced_state_by_state(supernet: NDSSupernet) -> None:
    flat, chain = (SPACE.row(cell, FLAT, 4, 8) for cell in (FLAT, CHAIN))
    whole = extracted(supernet, flat).cells[1].last[1].weight  # reads all five states
    assert whole.shape == (4, 20, 1, 1)
    single = extracted(supernet, chain).cells[1].last[1].weight  # the last node alone
    assert torch.equal(single, whole[:, 16:])
    shared = supernet.cells["normal0_1"].last["normal"].layer[1].weight  # type: ignore[index,union-attr]
    assert torch.equal(whole, torch.cat([shared[:4, 8 * k : 8 * k + 4] for k in range(5)], dim=1))


def test_the_order_of_terms_does_not_matter(supernet: NDSSupernet) -> None:
    turned = [pair for i in range(0, 10, 2) for pair in (CHAIN[i + 1], CHAIN[i])]
    a, b = (SPACE.row(cell, FLAT, 8, 4) for cell in (CHAIN, turned))
    assert not np.array_equal(a, b)
    assert torch.allclose(supernet(X, a), supernet(X, b), atol=1e-5)


def test_an_input_has_weights_for_each_kind_of_cell_before_it(supernet: NDSSupernet) -> None:
    reduction: Any = supernet.cells["reduce2"]
    assert set(reduction.before) == {"normal", "normal_halved"}
    assert set(reduction.last) == {"normal", "reduce"}  # four cells have nothing in between


@pytest.mark.parametrize(("least", "layout"), [(4, default), (8, channels_last)])
def test_narrow_slices_decide_the_layout(least: int, layout: Any) -> None:
    networks = NDS("enas", widths=(least, 16), depths=(4,)).networks(Digits())
    assert layout_of(networks.supernet()) is layout
    narrow = networks.space.row(CHAIN, CHAIN, least, 4)  # type: ignore[attr-defined]
    assert layout_of(networks.build(narrow)) is layout


def test_a_network_of_nothing_but_none() -> None:
    space = NDS("darts", widths=(4,), depths=(4,))
    supernet = space.networks(Digits()).supernet()
    nothing = space.row([("none", 0)] * 8, [("none", 1)] * 8, 4, 4)
    outputs = supernet(X, nothing)
    assert torch.isfinite(outputs).all()
    assert torch.allclose(outputs, outputs[:1].expand(5, -1))
