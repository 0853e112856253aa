"""Sets of limited size, against lists of all their members."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

import archrank as ar
from archrank.errors import ArchitectureError, ArchrankError, SpaceError, UnknownNameError
from archrank.spaces import CustomSpace, Space
from archrank.testing import check_space
from tests.spaces.declared import four_of_24, mixed, nothing, small


def of(members: Any, count: Any, **others: Any) -> CustomSpace:
    return CustomSpace({"chosen": ar.Subset(members, count), **others}, nothing)


def chosen(space: Space, archs: Any) -> list[tuple[Any, ...]]:
    return [space.config(arch)["chosen"] for arch in archs]


def test_a_set_is_counted_and_listed() -> None:
    space = four_of_24()
    assert space.size == 10_626
    rows = space.enumerate()
    assert {space.config(row)["attention"] for row in rows} == set(combinations(range(24), 4))
    assert np.array_equal(space.index(rows), np.arange(10_626))
    few = rows[::101]
    assert np.array_equal(space.parse(space.format(few)), few)
    assert space.format(rows[:1]) == ["attention=20+21+22+23"]


@settings(max_examples=12, deadline=None)
@given(st.integers(1, 6), st.data())
def test_all_sizes(members: int, data: st.DataObject) -> None:
    least = data.draw(st.integers(0, members))
    most = data.draw(st.integers(least, members))
    space = of(members, (least, most), other=[1, 2])
    sizes = range(least, most + 1)
    expected = {c for size in sizes for c in combinations(range(members), size)}
    rows = space.enumerate()
    assert space.size == len(rows) == 2 * len(expected)
    assert set(chosen(space, rows)) == expected
    assert np.array_equal(space.parse(space.format(rows)), rows)
    check_space(space, seed=members)


def test_samples_are_uniform_over_sets() -> None:
    space = of(5, (1, 3))
    numbers = space.index(space.sample(20_000, rng=np.random.default_rng(0)))
    assert chisquare(np.bincount(numbers, minlength=space.size)).pvalue > 0.001
    small_one = space.restrict({"chosen.2": True})
    numbers = small_one.index(small_one.sample(20_000, rng=np.random.default_rng(0)))
    assert chisquare(np.bincount(numbers, minlength=small_one.size)).pvalue > 0.001


def test_a_mutation_replaces_any_member_by_any_other() -> None:
    space = of(8, 3)
    arch = space.parse(["chosen=1+4+6"])
    mutants = space.mutate(np.repeat(arch, 6000, axis=0), rng=np.random.default_rng(0))
    found = [({1, 4, 6} - set(c), set(c) - {1, 4, 6}) for c in chosen(space, mutants)]
    assert all(len(out) == len(into) == 1 for out, into in found)
    pairs = [(min(out), min(into)) for out, into in found]
    counts = [pairs.count((i, j)) for i in (1, 4, 6) for j in (0, 2, 3, 5, 7)]
    assert chisquare(counts).pvalue > 0.001


def test_children_keep_what_parents_share() -> None:
    space = of(8, 4)
    one, two = space.parse(["chosen=0+1+2+3", "chosen=0+1+6+7"])
    children = space.crossover(
        *(np.repeat(a[None], 4000, axis=0) for a in (one, two)), rng=np.random.default_rng(0)
    )
    found = chosen(space, children)
    assert set(found) == {(0, 1, *pair) for pair in combinations((2, 3, 6, 7), 2)}


def test_neighbours_swap_one_member() -> None:
    space = of(6, 2)
    near = chosen(space, space.neighbors(space.parse(["chosen=1+3"])[0]))
    assert len(near) == len(set(near)) == 2 * 4
    assert all(len({1, 3} & set(c)) == 1 for c in near)
    ranged = of(6, (2, 3))
    near = chosen(ranged, ranged.neighbors(ranged.parse(["chosen=1+3"])[0]))
    assert len(near) == len(set(near)) == 2 * 4 + 4  # swapped, or one more


@pytest.mark.parametrize("make", [four_of_24, mixed, small])
@pytest.mark.parametrize("seed", [0, 1])
def test_contract(make: Any, seed: int) -> None:
    check_space(make(), seed=seed)


@pytest.mark.parametrize(
    "kept", [{"quantised": ["mlp", "head"]}, {"attention.3": True, "layers": 2}]
)
def test_contract_of_smaller_spaces(kept: Any) -> None:
    check_space(mixed().restrict(kept))


@settings(max_examples=12, deadline=None)
@given(st.sets(st.integers(0, 5)), st.sets(st.integers(0, 5)))
def test_a_smaller_space_has_the_sets_that_are_left(kept: set[int], always: set[int]) -> None:
    space = of(6, (2, 3))
    options = {"chosen": sorted(kept), **{f"chosen.{i}": True for i in always}}
    every = [c for size in (2, 3) for c in combinations(range(6), size)]
    left = {c for c in every if set(c) <= kept and always <= set(c)}
    if not left:
        with pytest.raises(SpaceError):
            space.restrict(options)
        return
    smaller = space.restrict(options)
    rows = smaller.enumerate()
    assert smaller.size == len(rows) == len(left)
    assert set(chosen(smaller, rows)) == left
    drawn = smaller.sample(50, rng=np.random.default_rng(0))
    for moved in (drawn, smaller.mutate(drawn, rng=np.random.default_rng(1))):
        assert set(chosen(smaller, moved)) <= left


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"attention": [1, 2, 3]},
            SpaceError,
            "attention needs 4 members; .* it has 0 to 3; keep more",
        ),
        ({"attention": []}, SpaceError, "set 'attention' would have no member left"),
        ({"attention": 24}, SpaceError, "set 'attention' has no member 24.* has 0, 1"),
        ({"atention": [1]}, UnknownNameError, "did you mean 'attention'"),
        ({f"attention.{i}": True for i in range(5)}, SpaceError, "it has 5 to 24"),
    ],
)
def test_wrong_restrictions(options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        four_of_24().restrict(options)


def test_wrong_rows_and_strings() -> None:
    space = four_of_24()
    rows = np.zeros((2, 24), dtype=np.uint8)
    rows[0, :4] = 1
    assert space.valid(rows).tolist() == [True, False]
    for method in (space.validate, space.index):
        with pytest.raises(
            ArchitectureError, match="architecture 1: attention has 0 members, expected 4"
        ):
            method(rows)
    for text, fault in {
        "attention=1+2+3": "got 3$",
        "attention=1+2+3+3": "got '3' twice",
        "attention=1+2+3+24": "got '24'",
        "attention=none": "got 0$",
        "attention": "got ''",
        "attentoin=1+2+3+4": "unknown decision 'attentoin', did you mean 'attention'",
    }.items():
        with pytest.raises(ArchitectureError, match=fault):
            space.parse([text])
    assert of(3, (0, 1)).parse(["chosen=none"]).tolist() == [[0, 0, 0]]


def test_features_tell_members() -> None:
    space = of(["a", "b", "c"], 2)
    names = list(space.feature_names)
    x = space.features(space.parse(["chosen=a+c"]))[0]
    assert [x[names.index(f"choice:chosen.{m}=True")] for m in "abc"] == [1, 0, 1]


def test_features_tell_how_many_members_come_first() -> None:
    space = of(4, 2)
    names = list(space.feature_names)
    x = space.features(space.parse(["chosen=1+2"]))[0]
    assert [x[names.index(f"set:chosen.upto.{m}")] for m in range(3)] == [0, 1, 2]
    assert not any(name.startswith("set:") for name in of(["a", "b"], 1).feature_names)


@pytest.mark.parametrize(
    ("members", "count", "message"),
    [
        (24, 25, "25 of 24 members cannot be chosen"),
        (24, -1, "-1 of 24 members cannot be chosen"),
        (24, (3, 1), "3 to 1 of 24 members cannot be chosen"),
        (24, (1, 2, 3), r"count is a number, or the fewest and the most such as \(0, 4\), got"),
        (24, 4.0, "count is 4.0, expected a whole number"),
        (24, "4", "count is '4', expected a whole number"),
        (0, 0, "members must be at least 1, got 0"),
        (257, 1, "members must be at most 256, got 257"),
        ("abc", 1, "members are 'abc', expected their number, or a list of names"),
        (["a", "a"], 1, "member 'a' is listed twice"),
        (["a", "1", 1], 1, "member '1' is listed twice"),
        (["a+b", "c"], 1, "member 'a\\+b': names .* no commas, plus signs"),
        (["none", "c"], 1, "not 'none'"),
        ([1.5, 2], 1, "member 1.5 is no name; members are strings or whole numbers"),
        ([], 0, "1 to 256 members, got none"),
    ],
)
def test_wrong_sets(members: Any, count: Any, message: str) -> None:
    with pytest.raises(ArchrankError, match=message):
        ar.Subset(members, count)
