from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archrank.errors import ArchitectureError, SpaceError, UnknownNameError
from archrank.spaces import SPACES
from archrank.spaces.mobile.proxylessnas import OPS, SKIP, ProxylessNAS
from archrank.testing import check_space

SPACE = ProxylessNAS()
ACENAS_M1 = (  # the collapsed index string of the checkpoint
    "0:0:0:0:1:0:0:0:0:0:1:1:1:1:1:0:1:0:0:0:0:0:1:1:1:1:0:0:0:0:1:0:0:0:1:1:0:0:2:0:1:0:2:1:0:0:"
    "1:0:0:1:0:2:0:0:0:2:1:0:2:1:0:2:0:0:2:0:0:0:2:1:0:0:0"
)
SEEDS = st.integers(0, 2**32 - 1)


def test_contract() -> None:
    check_space(SPACE)
    assert SPACES.get("proxylessnas") is ProxylessNAS


def test_size_and_choices() -> None:
    assert SPACE.d == 21
    assert SPACE.size == 6**6 * 7**15
    fixed = [c.name for c in SPACE.choices if "skip" not in c.options]
    assert fixed == ["s2b1", "s3b1", "s4b1", "s5b1", "s6b1", "s7b1"]
    assert all(
        c.options[:6] == ("k3e3", "k3e6", "k5e3", "k5e6", "k7e3", "k7e6") for c in SPACE.choices
    )


def test_published_networks() -> None:
    mobile, m1 = SPACE.named("ProxylessNAS-mobile"), SPACE.named("AceNAS-M1")
    cost = SPACE.cost(mobile)
    assert round(cost["macs"][0] / 1e6) == 320  # MACs and parameters as ProxylessNAS reports them
    assert round(cost["params"][0] / 1e6, 2) == 4.08
    assert SPACE.format(m1) == [
        "k3e6,k3e3,skip,skip|k5e3,k3e3,skip,k5e3|k3e6,skip,k5e3,skip|k7e6,k3e6,k3e6,k7e3|"
        "k7e6,k7e6,k7e3,k7e3|k7e6"
    ]
    flat = "1:0:6:6:2:0:1:1:5:1:1:1:4:1:1:1:5:5:2:2:5"
    assert (SPACE.parse([ACENAS_M1, flat, "AceNAS-M1"]) == np.concatenate([m1, mobile, m1])).all()
    with pytest.raises(UnknownNameError, match="did you mean 'ProxylessNAS-mobile'"):
        SPACE.named("ProxylessNAS-mobil")


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS)
def test_tunas_numbers_are_another_order(seed: int) -> None:
    archs = SPACE.sample(20, rng=np.random.default_rng(seed), skip=0.5)
    ids = SPACE.to_tunas(archs)
    assert (SPACE.from_tunas(ids) == archs).all()
    assert (SPACE.parse([":".join(map(str, row)) for row in ids.tolist()]) == archs).all()
    assert [OPS[k] for k in SPACE.from_tunas(np.full((1, 21), 3))[0, :1]] == ["k3e6"]


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, skip=st.sampled_from([None, 0.5]))
def test_canonical_moves_skips_and_nothing_else(seed: int, skip: float | None) -> None:
    archs = SPACE.sample(50, rng=np.random.default_rng(seed), skip=skip)
    one = SPACE.canonical(archs)
    for stage in range(5):
        before, after = archs[:, 4 * stage : 4 * stage + 4], one[:, 4 * stage : 4 * stage + 4]
        assert (before[:, 0] == after[:, 0]).all()
        for a, b in zip(before.tolist(), after.tolist(), strict=True):
            kept = [k for k in a if k != SKIP]
            assert b == kept + [SKIP] * (4 - len(kept))
    for view in (SPACE.features, SPACE.tokens, lambda a: SPACE.graph(a).ops):
        assert (view(archs) == view(one)).all()
    for name, values in SPACE.cost(archs).items():
        assert (values == SPACE.cost(one)[name]).all()


def test_chain_graph_as_published() -> None:
    arch = SPACE.parse(
        [
            "k5e3,k3e3,skip,skip|k7e3,skip,k5e3,k5e3|"
            + "|".join(["k3e3,skip,skip,skip"] * 3)
            + "|k7e6"
        ]
    )
    graph = SPACE.graph(arch)
    kept = int(graph.mask.sum())
    assert kept == 2 + 3 + 3 + 1
    assert graph.mask[0, :kept].all()
    assert np.argwhere(graph.adjacency[0]).tolist() == [[k, k + 1] for k in range(kept - 1)]
    names = [graph.op_names[k] for k in graph.ops[0, :kept]]
    assert names[:5] == ["s2:k5e3", "s2:k3e3", "s3:k7e3", "s3:k5e3", "s3:k5e3"]
    nodes = SPACE.node_features(arch)
    assert nodes.shape == (1, 21, 12)
    assert (nodes[0].sum(1) == 2 * graph.mask[0]).all()
    assert np.flatnonzero(nodes[0, kept - 1]).tolist() == [5, 11]  # k7e6 in the last stage


def test_skip_prior() -> None:
    archs = SPACE.sample(4_000, rng=np.random.default_rng(0), skip=0.5)
    skippable = SPACE.radices > SKIP
    assert abs((archs == SKIP)[:, skippable].mean() - 0.5) < 0.01
    assert not (archs == SKIP)[:, ~skippable].any()
    always = SPACE.sample(100, rng=np.random.default_rng(0), skip=1)
    assert (always == SKIP)[:, skippable].all()
    assert not (SPACE.sample(100, rng=np.random.default_rng(0), skip=0.0) == SKIP).any()


@pytest.mark.parametrize("skip", [-0.1, 1.5, float("nan")])
def test_skip_is_a_probability(skip: float) -> None:
    with pytest.raises(SpaceError, match=f"skip is a probability, got {skip}"):
        SPACE.sample(3, rng=np.random.default_rng(0), skip=skip)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("k3e3,k3e4", "unknown operation 'k3e4', did you mean"),
        ("k3e3,k3e3", "has 2 blocks, proxylessnas has 21"),
        (",".join(["skip"] + ["k3e3"] * 20), "block s2b1 cannot be skipped"),
        ("1:2:3", "21 flat or at least 71 collapsed numbers, got 3 parts"),
        (":".join(["7"] * 21), "flat numbers are 0..6, got 7"),
        (":".join(["6"] * 21), "block s2b1 cannot be skipped"),
        (":".join(["3"] * 73), "kernel 0..2"),
        (":".join(["x"] * 21), "got 21 parts"),
    ],
)
def test_parse_names_the_fault(text: str, message: str) -> None:
    with pytest.raises(ArchitectureError, match=message):
        SPACE.parse([text])


@pytest.mark.parametrize("ids", [np.zeros((1, 20), int), np.full((1, 21), 7), np.zeros((1, 21))])
def test_wrong_tunas_numbers(ids: np.ndarray) -> None:
    with pytest.raises(ArchitectureError, match="TuNAS numbers are"):
        SPACE.from_tunas(ids)


def test_costs_follow_the_task() -> None:
    from archrank.tasks import Digits

    networks = SPACE.networks(Digits())
    archs = SPACE.sample(10, rng=np.random.default_rng(0))
    assert (networks.cost(archs)["macs"] < SPACE.cost(archs)["macs"]).all()
    assert SPACE.fingerprint() == "proxylessnas"
    assert networks.fingerprint() != SPACE.networks().fingerprint()
