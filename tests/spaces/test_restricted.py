"""Smaller spaces: the contract for every registered space, and agreement with the whole space."""

from __future__ import annotations

import itertools
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import archrank as ar
from archrank.drawing import draw
from archrank.errors import ArchitectureError, SpaceError, UnknownNameError
from archrank.spaces import SPACES, CustomSpace, NASBench101, NASBench201, Space
from archrank.spaces.transformers.base import LayeredSpace
from archrank.spaces.transformers.layers import Stack
from archrank.tasks import Digits
from archrank.testing import check_space

CHOICES = {"depth": [1, 2, 3], "w1": [8, 16], "w2": [8, 16, 32], "w3": [4, 8], "act": ["a", "b"]}
RULES = {"w2": ("depth", [2, 3]), "w3": ("depth", [3])}


def build(config: dict[str, Any], task: Any) -> Any:
    from torch import nn

    widths = [64, *(config[f"w{i}"] for i in range(1, config["depth"] + 1)), 10]
    layers = [nn.Linear(a, b) for a, b in itertools.pairwise(widths)]
    return nn.Sequential(nn.Flatten(), *layers)


def mlps() -> CustomSpace:
    return CustomSpace(CHOICES, build, active_if=RULES)


class Layers(LayeredSpace):
    """Stacks without networks."""

    name = "layers"

    def __init__(self) -> None:
        per_layer = (ar.spaces.Choice("heads", (1, 2, 4)), ar.spaces.Choice("norm", ("x", "y")))
        shared = (ar.spaces.Choice("width", (8, 16)),)
        super().__init__((Stack(shared, ar.spaces.Choice("depth", (3, 1, 2)), per_layer),))

    def _build(self, arch: Any, sizes: Any) -> Any:
        raise NotImplementedError


def some(space: Space, seed: int, share: float = 0.7) -> dict[str, list[Any]]:
    """About half the options of most decisions that have several."""
    rng = np.random.default_rng(seed)
    kept: dict[str, list[Any]] = {}
    for choice in space.choices:
        if len(choice.options) > 1 and rng.random() < share:
            count = int(rng.integers(1, len(choice.options) + (len(choice.options) < 3)))
            count = max(count, 2) if isinstance(space, NASBench101) else count
            chosen = rng.choice(len(choice.options), count, replace=False)
            kept[choice.name] = [choice.options[k] for k in chosen]
    return kept


@pytest.mark.parametrize("name", SPACES.names())
def test_contract(name: str) -> None:
    space: Space = SPACES.get(name)()
    small = space.restrict(some(space, seed=len(name)))
    assert small.size < space.size
    check_space(small, n=32)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("make", [mlps, Layers])
def test_contract_where_decisions_may_not_exist(make: Any, seed: int) -> None:
    space = make()
    check_space(space.restrict(some(space, seed)), n=16)


@pytest.mark.parametrize("name", ["nasbench201", "nasbench101", "hat", "nds_darts", "proxylessnas"])
def test_everything_is_as_in_the_whole_space(name: str) -> None:
    space: Space = SPACES.get(name)()
    small = space.restrict(some(space, seed=1))
    archs = small.sample(40, rng=np.random.default_rng(0))
    whole = small.to_origin(archs)
    assert small.origin is space
    assert small.format(archs) == space.format(whole)
    assert (space.parse(small.format(archs)) == space.canonical(whole)).all() or name != "hat"
    for view in ("features", "tokens", "active"):
        assert np.array_equal(getattr(small, view)(archs), getattr(space, view)(whole)), view
    for cost, values in space.cost(whole).items():
        assert np.array_equal(small.cost(archs)[cost], values)
    for choice, column in zip(small.choices, archs.T, strict=True):
        original = next(c for c in space.choices if c.name == choice.name)
        assert set(choice.options) <= set(original.options)
        assert column.max() < len(choice.options)
    assert small.config(archs[0]) == space.config(whole[0])


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_size_counts_what_a_filter_leaves(seed: int) -> None:
    for space in (mlps(), Layers()):
        kept = some(space, seed)
        small = space.restrict(kept)
        expected = [
            text
            for text, row in zip(space.format(space.enumerate()), space.enumerate(), strict=True)
            if all(option in kept.get(n, [option]) for n, option in space.config(row).items())
        ]
        assert small.size == len(expected)
        assert sorted(small.format(small.enumerate())) == sorted(expected)


def partition(labels: np.ndarray) -> set[tuple[int, ...]]:
    rows = [bytes(row) for row in np.ascontiguousarray(labels)]
    groups: dict[bytes, list[int]] = {}
    for i, row in enumerate(rows):
        groups.setdefault(row, []).append(i)
    return set(map(tuple, groups.values()))


@pytest.mark.parametrize("seed", range(5))
def test_isomorphic_cells_are_those_of_the_whole_space(seed: int) -> None:
    space = NASBench201()
    small = space.restrict(some(space, seed))
    rows = small.enumerate()
    theirs = partition(space.canonical(small.to_origin(rows)))
    assert partition(small.canonical(rows)) == theirs
    assert len(rows) == small.size


def test_large_spaces_keep_representatives_that_are_inside() -> None:
    space = SPACES.get("nds_darts")()
    ops = ["skip_connect", "sep_conv_3x3", "max_pool_3x3"]
    small = space.restrict({c.name: ops for c in space.choices if c.name.endswith("_op")})
    archs = small.sample(300, rng=np.random.default_rng(0))
    theirs = space.canonical(small.to_origin(archs))
    assert np.array_equal(small.to_origin(small.canonical(archs)), theirs)


def test_cells_stay_valid() -> None:
    space = NASBench101()
    edges = {"0->1": 1, "1->2": 1, "2->6": [1], "0->6": 0, "0->5": 0, "1->6": 0, "3->4": 0}
    small = space.restrict(edges)
    assert small.size > 1_000_000
    rng = np.random.default_rng(0)
    archs = small.sample(200, rng=rng)
    for moved in (
        small.mutate(archs, rng=rng),
        small.mutate(archs, rng=rng, rate=0.9),
        small.crossover(archs, archs[::-1], rng=rng),
        small.neighbors(archs[0]),
    ):
        assert space.valid(small.to_origin(moved)).all()
        assert (small.to_origin(moved)[:, [0]] == 1).all()
    loose = {"0->1", "1->6", "0->6"}
    listed = space.restrict({c.name: 0 for c in space.choices[:21] if c.name not in loose})
    assert 0 < len(listed.enumerate()) < listed.size
    assert listed.valid(listed.sample(50, rng=rng)).all()
    with pytest.raises(SpaceError, match="nasbench101 has no architecture with only"):
        space.restrict({c.name: 0 for c in space.choices[:21]})


# ---- the smaller space in use --------------------------------------------------------------------


def test_networks() -> None:
    task = Digits(copies=1)
    space, small = mlps(), mlps().restrict({"depth": [1, 2], "w2": 32})
    archs = small.enumerate()
    assert small.format(archs)[-1] == "depth=2,w1=16,w2=32,act=b"
    networks = small.networks(task)
    assert networks.cost(archs)["params"].tolist() == [
        sum(p.numel() for p in networks.build(arch).parameters()) for arch in archs
    ]
    assert networks.fingerprint() != space.networks(task).fingerprint()
    assert networks.sizes is task
    with pytest.raises(SpaceError, match="custom has no supernet"):
        networks.supernet()
    with pytest.raises(ArchitectureError, match="out of range"):
        networks.build(np.full(5, 7, dtype=np.uint8))


def test_a_search_that_is_resumed_and_drawn() -> None:
    small = mlps().restrict({"depth": [2, 3], "w1": [16], "act": "b"})

    def score(config: dict[str, Any]) -> float:
        assert config["w1"] == 16
        assert config["act"] == "b"
        return float(-config["depth"] * config["w2"])

    evaluator = ar.evaluators.Function(score)
    study = ar.Study(small, evaluator, ar.strategies.Guided(initial=3), seed=0).run(budget=8)
    assert study.best.string == "depth=2,w1=16,w2=8,act=b"
    assert draw(small, study.best.arch).startswith("<svg")


@pytest.mark.parametrize("ranker", ["gaussian_process", "gates", "brp_nas", "lstm", "gbdt"])
def test_rankers(ranker: str) -> None:
    from archrank.rankers import RANKERS

    small = NASBench201().restrict({"0->1": ["none", "nor_conv_3x3"], "2->3": "skip_connect"})
    archs = small.sample(30, rng=np.random.default_rng(0))
    scores = small.cost(archs)["macs"] + np.arange(30)
    fast = {"epochs": 2} if ranker in ("gates", "brp_nas", "lstm") else {}
    predicted = RANKERS.get(ranker)(small, seed=0, **fast).fit(archs, scores).predict(archs)
    assert np.isfinite(predicted).all()


@pytest.mark.parametrize("name", SPACES.names())
def test_drawings_are_those_of_the_whole_space(name: str) -> None:
    space: Space = SPACES.get(name)()
    small = space.restrict(some(space, seed=3))
    arch = small.sample(1, rng=np.random.default_rng(0))
    assert draw(small, arch[0]) == draw(space, small.to_origin(arch)[0])


# ---- declarations --------------------------------------------------------------------------------


def test_restricting_again_is_restricting_once() -> None:
    space = NASBench201()
    twice = space.restrict({"0->1": ["none", "nor_conv_3x3"]}).restrict(
        {"0->1": "none", "0->2": ("skip_connect",)}
    )
    once = space.restrict({"0->1": "none", "0->2": "skip_connect"})
    assert twice.fingerprint() == once.fingerprint()
    assert np.array_equal(twice.to_origin(twice.enumerate()), once.to_origin(once.enumerate()))
    assert twice.origin is space
    with pytest.raises(SpaceError, match="'nor_conv_3x3'"):
        once.restrict({"0->1": "nor_conv_3x3"})


def test_fingerprint_names_the_options() -> None:
    small = mlps().restrict({"w2": [32, 8]})
    assert small.fingerprint() == f"{mlps().fingerprint()} restricted to w2=8|32"
    assert mlps().restrict({"w2": [8, 16]}).fingerprint() != small.fingerprint()


def test_decisions_that_never_exist_have_one_option() -> None:
    small = mlps().restrict({"depth": [1]})
    assert [len(c.options) for c in small.choices] == [1, 2, 1, 1, 2]
    assert small.format(small.enumerate()) == [
        "depth=1,w1=8,act=a",
        "depth=1,w1=8,act=b",
        "depth=1,w1=16,act=a",
        "depth=1,w1=16,act=b",
    ]


def test_pickles() -> None:
    small = mlps().restrict({"w2": [32]})
    copy = pickle.loads(pickle.dumps(small))
    assert copy.fingerprint() == small.fingerprint()
    assert np.array_equal(copy.enumerate(), small.enumerate())


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"dept": [1]},
            UnknownNameError,
            "decision of custom 'dept', did you mean 'depth'",
        ),
        ({"depth": [4]}, SpaceError, "'depth' has no option 4; it has 1, 2, 3"),
        ({"depth": ["3"]}, SpaceError, "'depth' has no option '3', did you mean 3\\? It has 1"),
        ({"act": ["aa"]}, SpaceError, "no option 'aa', did you mean 'a'\\? It has 'a', 'b'"),
        ({"act": []}, SpaceError, "'act' would have no option left; keep one or more of 'a', 'b'"),
        ([("act", "a")], SpaceError, "restrict takes {decision: options}"),
    ],
)
def test_wrong_declarations(options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        mlps().restrict(options)


def test_strings_outside() -> None:
    small = mlps().restrict({"w2": [32]})
    assert small.parse(["depth=2,w1=8,w2=32,act=a", "depth=1,w1=8,act=a"]).shape == (2, 5)
    with pytest.raises(
        ArchitectureError,
        match="architecture 1: w2 is 16, which custom_restricted leaves out; it keeps 32",
    ):
        small.parse(["depth=1,w1=8,act=a", "depth=2,w1=8,w2=16,act=a"])


def test_nothing_changes_where_every_decision_is_frozen() -> None:
    space = NASBench201()
    small = space.restrict({choice.name: choice.options[1:2] for choice in space.choices})
    archs = small.sample(3, rng=np.random.default_rng(0))
    changed = small.mutate(archs, rng=np.random.default_rng(1))
    assert changed.tolist() == archs.tolist()
    assert changed is not archs
