from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archrank.errors import ArchitectureError, ArgumentError, UnknownNameError
from archrank.spaces import SPACES, FBNet
from archrank.testing import check_space

SPACE = FBNet()
SKIP = 8
FREE = [0, 2, 3, 4, 6, 7, 8, 10, 11, 12, 14, 15, 16, 18, 19, 20]  # blocks that keep the shape
SEEDS = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize("name", ["fbnet", "fbnet_cifar", "fbnet_wide"])
def test_contract(name: str) -> None:
    space = SPACES.get(name)()
    check_space(space)
    assert space.name == name


def test_table_1_and_2() -> None:
    assert (SPACE.d, SPACE.size) == (22, 9**22)
    assert {c.options for c in SPACE.choices} == {
        *[("k3_e1", "k3_e1_g2", "k3_e3", "k3_e6", "k5_e1", "k5_e1_g2", "k5_e3", "k5_e6", "skip")]
    }
    assert [c.name for c in SPACE.choices][:6] == ["s1b1", "s2b1", "s2b2", "s2b3", "s2b4", "s3b1"]
    widths = [16] + [24] * 4 + [32] * 4 + [64] * 4 + [112] * 4 + [184] * 4 + [352]
    assert [p.width for p in SPACE.positions] == widths
    assert [p.c_in for p in SPACE.positions] == [16, *widths[:-1]]
    assert [j for j, p in enumerate(SPACE.positions) if p.stride == 2] == [1, 5, 9, 17]
    small = SPACES.get("fbnet_cifar")()
    assert [j for j, p in enumerate(small.positions) if p.stride == 2] == [5, 9, 17]


@pytest.mark.parametrize(
    ("name", "head", "mflops", "millions", "tolerance"),
    [  # as the authors list them beside the released networks
        ("FBNet-A", 1504, 249.4, 4.3, 0.003),
        ("FBNet-B", 1984, 295.6, 4.8, 0.04),
        ("FBNet-B", 1504, 286.8, 4.1, 0.04),
        ("FBNet-C", 1984, 383.0, 5.5, 0.006),
        ("FBNet-C", 1504, 374.2, 4.9, 0.006),
    ],
)
def test_published_networks(
    name: str, head: int, mflops: float, millions: float, tolerance: float
) -> None:
    space = FBNet(head)
    cost = space.cost(space.named(name))
    assert cost["macs"][0] / 1e6 == pytest.approx(mflops, rel=tolerance)
    assert cost["params"][0] / 1e6 == pytest.approx(millions, abs=0.12)


def test_costs_by_hand() -> None:
    """All blocks skipped: what is left are convolutions that change the shape, stem and head."""
    cost = SPACE.cost(np.full((1, 22), SKIP, dtype=np.uint8))
    shapes = [(16, 24, 56), (24, 32, 28), (32, 64, 14), (64, 112, 14), (112, 184, 7), (184, 352, 7)]
    between = sum(a * b * side**2 for a, b, side in shapes)
    head = 352 * 1504 * 7**2 + 1504 * 1000
    assert cost["macs"][0] == 27 * 16 * 112**2 + between + head
    norms = 2 * (16 + sum(b for _, b, _ in shapes) + 1504)
    weights = 27 * 16 + sum(a * b for a, b, _ in shapes) + 352 * 1504 + 1504 * 1000 + 1000
    assert cost["params"][0] == weights + norms


def test_groups_halve_both_pointwise_convolutions() -> None:
    one, two = np.zeros((1, 22), dtype=np.uint8), np.zeros((1, 22), dtype=np.uint8)
    two[0, 3] = 1  # k3_e1_g2 in place of k3_e1, at 56 pixels and 24 channels
    fewer = SPACE.cost(one)["macs"] - SPACE.cost(two)["macs"]
    assert fewer[0] == 2 * (24 * 24 // 2) * 56**2


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS)
def test_only_skips_that_are_the_identity_move(seed: int) -> None:
    rng = np.random.default_rng(seed)
    archs = SPACE.sample(50, rng=rng)
    archs[rng.random(archs.shape) < 0.3] = SKIP
    one = SPACE.canonical(archs)
    fixed = [j for j in range(22) if j not in FREE]
    assert (one[:, fixed] == archs[:, fixed]).all()
    for first in (2, 6, 10, 14, 18):
        for a, b in zip(archs[:, first : first + 3], one[:, first : first + 3], strict=True):
            rest = [k for k in a.tolist() if k != SKIP]
            assert b.tolist() == rest + [SKIP] * (3 - len(rest))
    for view in (SPACE.features, SPACE.tokens, lambda a: SPACE.graph(a).ops):
        assert (view(archs) == view(one)).all()
    for name, values in SPACE.cost(archs).items():
        assert (values == SPACE.cost(one)[name]).all()


def test_equal_canonical_rows_are_equal_networks() -> None:
    """Every way to fill a stage: as many canonical rows as different networks."""
    rows = np.zeros((9**3, 22), dtype=np.uint8)
    rows[:, 6:9] = list(product(range(9), repeat=3))
    different = {tuple(k for k in row if k != SKIP) for row in rows[:, 6:9].tolist()}
    assert len(np.unique(SPACE.canonical(rows), axis=0)) == len(different) == 1 + 8 + 64 + 512


def test_graph_and_features() -> None:
    arch = SPACE.parse(["|".join(["skip", *["skip,k5_e1_g2,skip,skip"] * 5, "k3_e6"])])
    graph = SPACE.graph(arch)
    kept = int(graph.mask.sum())
    assert [graph.op_names[k] for k in graph.ops[0, :kept]] == [
        *(f"s{s}:{op}" for s in range(2, 7) for op in ("skip", "k5_e1_g2")),
        "s7:k3_e6",
    ]
    assert np.argwhere(graph.adjacency[0]).tolist() == [[k, k + 1] for k in range(kept - 1)]
    assert SPACE.node_features(arch).shape == (1, 22, 9 + 7)
    named = dict(zip(SPACE.feature_names, SPACE.features(arch)[0].tolist(), strict=True))
    assert [named[f"depth:s{s}"] for s in range(1, 8)] == [0, 2, 2, 2, 2, 2, 1]
    assert [named[f"groups:s{s}"] for s in range(1, 8)] == [0, 2, 2, 2, 2, 2, 1]
    assert (named["ordered:s2b2 kernel"], named["ordered:s7b1 expand"]) == (2, 2)
    assert named["ordered:s2b1 kernel"] == 0
    assert named["choice:s2b1=skip"] == 1


def test_a_head_of_another_width() -> None:
    wide = SPACES.get("fbnet_wide")()
    assert wide.fingerprint() != SPACE.fingerprint()
    rows = SPACE.sample(3, rng=np.random.default_rng(0))
    more = wide.cost(rows)["macs"] - SPACE.cost(rows)["macs"]
    assert (more == 480 * (352 * 49 + 1000)).all()
    for head in (0, 1.5, "wide"):
        with pytest.raises(ArgumentError, match="FBNet: head"):
            FBNet(head)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("k3_e1,k3_e2", "unknown operation 'k3_e2', did you mean"),
        ("k3_e1,k3_e1", "has 2 blocks, fbnet has 22"),
        ("FBNet-D", "unknown operation 'FBNet-D'"),
    ],
)
def test_parse_names_the_fault(text: str, message: str) -> None:
    with pytest.raises(ArchitectureError, match=message):
        SPACE.parse([text])


def test_names() -> None:
    assert (SPACE.parse([" FBNet-C "]) == SPACE.named("FBNet-C")).all()
    with pytest.raises(UnknownNameError, match="FBNet network 'FBNet-D', did you mean"):
        SPACE.named("FBNet-D")
