from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archrank.errors import ArchitectureError, SpaceError
from archrank.spaces import CustomSpace
from archrank.testing import check_space

CHOICES: dict[str, list[int | str]] = {
    "depth": [1, 2, 3],
    "w1": [4, 8],
    "w2": [4, 8, 16],
    "act2": ["a", "b"],
    "w3": [4, 8],
}
RULES: dict[str, Any] = {"w2": ("depth", [2, 3]), "act2": ("w2", [8, 16]), "w3": ("depth", 3)}


def build(config: dict[str, Any], task: object) -> Any:
    raise AssertionError("nothing is to be built")


@pytest.fixture(scope="module")
def space() -> CustomSpace:
    return CustomSpace(CHOICES, build, active_if=RULES)


@st.composite
def spaces(draw: st.DrawFn) -> CustomSpace:
    """Up to five choices, each depending on an earlier one or on nothing."""
    sizes = draw(st.lists(st.integers(1, 3), min_size=1, max_size=5))
    rules = {}
    for j in range(1, len(sizes)):
        parent = draw(st.integers(-1, j - 1))
        if parent >= 0:
            wanted = draw(st.sets(st.integers(0, sizes[parent] - 1), min_size=1))
            rules[f"c{j}"] = (f"c{parent}", sorted(wanted))
    return CustomSpace({f"c{j}": range(k) for j, k in enumerate(sizes)}, build, active_if=rules)


def brute_force(space: CustomSpace) -> set[tuple[tuple[str, Any], ...]]:
    """Every different configuration, by walking all rows in plain Python."""
    found = set()
    for values in product(*(c.options for c in space.choices)):
        config: dict[str, Any] = {}
        for choice, value, condition in zip(space.choices, values, space.conditions, strict=True):
            if condition is not None:
                parent = space.choices[condition.parent]
                wanted = [o for o, a in zip(parent.options, condition.allows, strict=True) if a]
                if config.get(parent.name) not in wanted:
                    continue
            config[choice.name] = value
        found.add(tuple(config.items()))
    return found


@settings(max_examples=40, deadline=None)
@given(spaces())
def test_enumeration_is_every_configuration_once(space: CustomSpace) -> None:
    rows = space.enumerate()
    configs = [tuple(space.config(row).items()) for row in rows]
    assert len(configs) == len(set(configs)) == space.size
    assert set(configs) == brute_force(space)
    assert np.array_equal(space.index(rows), np.arange(space.size))
    assert np.array_equal(space.parse(space.format(rows)), rows)
    assert np.array_equal(space.canonical(rows), rows)


@settings(max_examples=20, deadline=None)
@given(spaces(), st.integers(0, 2**32 - 1))
def test_contract(space: CustomSpace, seed: int) -> None:
    check_space(space, seed=seed)


@settings(max_examples=30, deadline=None)
@given(spaces(), st.integers(0, 2**32 - 1))
def test_inactive_decisions_change_nothing(space: CustomSpace, seed: int) -> None:
    rng = np.random.default_rng(seed)
    archs = rng.integers(space.radices, size=(50, space.d)).astype(np.uint8)
    canonical = space.canonical(archs)
    assert np.array_equal(space.active(archs), space.active(canonical))
    assert not canonical[~space.active(archs)].any()
    assert np.array_equal(space.index(archs), space.index(canonical))
    assert np.array_equal(space.features(archs), space.features(canonical))
    assert np.array_equal(space.tokens(archs), space.tokens(canonical))
    assert space.format(archs) == space.format(canonical)
    assert [space.config(a) for a in archs] == [space.config(a) for a in canonical]


def test_counts_by_hand(space: CustomSpace) -> None:
    # w2 with act2: 1 + 2 + 2 = 5 settings; w1 is free
    assert space.size == 2 * (1 + 5 + 5 * 2)
    assert space.d == 5


def test_config_leaves_out_what_is_inactive(space: CustomSpace) -> None:
    rows = space.parse(["depth=1,w1=8", "w2=16,w1=4,act2=b,depth=2"])
    assert rows.tolist() == [[0, 1, 0, 0, 0], [1, 0, 2, 1, 0]]
    assert space.config(rows[0]) == {"depth": 1, "w1": 8}
    assert space.config(rows[1]) == {"depth": 2, "w1": 4, "w2": 16, "act2": "b"}
    silent = np.array([0, 1, 2, 1, 1], dtype=np.uint8)
    assert space.config(silent) == {"depth": 1, "w1": 8}


def test_features_and_tokens_mask(space: CustomSpace) -> None:
    row = np.array([[0, 1, 2, 1, 1]], dtype=np.uint8)
    named = dict(zip(space.feature_names, space.features(row)[0].tolist(), strict=True))
    assert {name for name, value in named.items() if value} == {
        *("ordered:depth", "ordered:w1", "choice:depth=1", "choice:w1=8")
    }
    assert space.tokens(row).tolist() == [[1, 5, 0, 0, 0]]


def test_mutation_wastes_nothing(space: CustomSpace) -> None:
    rng = np.random.default_rng(0)
    archs = space.sample(2000, rng=rng)
    for rate in (None, 0.0):
        mutants = space.mutate(archs, rng=rng, rate=rate)
        assert ((mutants != archs).sum(axis=1) == 1).all()
        assert (space.index(mutants) != space.index(archs)).all()  # always another network
    shallow = space.parse(["depth=1,w1=4"] * 2000)
    moved = (space.mutate(shallow, rng=rng) != shallow).mean(axis=0)
    assert moved[:2] == pytest.approx([0.5, 0.5], abs=0.05)
    assert moved[2:].tolist() == [0, 0, 0]
    many = space.mutate(shallow, rng=rng, rate=np.full((2000, 1), 0.5))
    assert ((many != shallow).mean(axis=0)[2:] > 0.4).all()  # silent ones move, too
    assert (space.index(many) != space.index(shallow)).all()


def test_without_conditions_nothing_differs() -> None:
    plain = CustomSpace(CHOICES, build)
    assert not plain.conditional
    assert plain.size == 3 * 2 * 3 * 2 * 2
    assert plain.fingerprint() == "custom(depth=1|2|3;w1=4|8;w2=4|8|16;act2=a|b;w3=4|8)"


def test_fingerprint_names_conditions(space: CustomSpace) -> None:
    assert space.fingerprint().endswith(
        "; w2 needs depth=2|3; act2 needs w2=8|16; w3 needs depth=3"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("depth=1,w1=5", "architecture 0: .*expected w1=<4|8>, got '5'"),
        ("depth=1", "expected w1=<4|8>, is missing"),
        ("depth=2,w1=4", "expected w2=<4|8|16>, is missing"),
        ("depth=1,w1=4,w2=8", r"w2 is inactive \(it needs depth=2|3\); leave it out"),
        ("depth=1,w1=4,deph=8", "unknown decision 'deph'"),
        ("dept=1,w1=4", "unknown decision 'dept', did you mean 'depth'"),
        ("depth=1,depth=1,w1=4", "'depth' twice; known: depth, w1, w2, act2, w3"),
        ("depth=2,w1=4,w1=4", "'w1' twice; known: depth"),
        ("", "unknown decision ''"),
    ],
)
def test_strings_that_cannot_be_read(space: CustomSpace, text: str, message: str) -> None:
    with pytest.raises(ArchitectureError, match=message):
        space.parse([text])


def test_spaces_beyond_numbers() -> None:
    rules = {f"c{j}": ("c0", [1]) for j in range(1, 30)}
    huge = CustomSpace({f"c{j}": range(10) for j in range(30)}, build, active_if=rules)
    assert huge.size == 9 + 10**29
    with pytest.raises(SpaceError, match="too many to number"):
        huge.index(huge.sample(2, rng=np.random.default_rng(0)))
    check_space(CustomSpace({"a": range(200), "b": [1]}, build, active_if={"b": ("a", 199)}))
