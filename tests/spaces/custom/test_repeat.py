"""Blocks that are repeated, sets and conditions inside, against lists made by hand."""

from __future__ import annotations

import json
from itertools import combinations, product
from typing import Any

import numpy as np
import pytest

import archrank as ar
from archrank.errors import ArchitectureError, SpaceError
from archrank.spaces import CustomSpace, Space
from archrank.testing import check_space
from tests.spaces.declared import mixed, nothing, small


def by_hand() -> set[str]:
    """Every configuration of ``small``, in plain Python."""
    blocks = [
        {"k": k, "q": (q,), **({"z": z} if z else {})}
        for k in (1, 2)
        for q in range(3)
        for z in (("u", "v") if q == 1 else (None,))
    ]
    found = set()
    for a in (1, 2):
        sets = [c for k in range(3) for c in combinations("xyw", k)] if a == 2 else [None]
        for members in sets:
            for b in (3, 4) if members and "y" in members else (None,):
                for times in range(3):
                    for copies in product(blocks, repeat=times):
                        for c in (7, 8, 9) if times else (None,):
                            config: dict[str, Any] = {"a": a}
                            config |= {} if members is None else {"set": members}
                            config |= {"b": b} if b else {}
                            config |= {"blocks": list(copies)}
                            config |= {"c": c} if c else {}
                            found.add(repr(config))
    return found


def test_every_configuration_once() -> None:
    space = small()
    rows = space.enumerate()
    configs = [repr(space.config(row)) for row in rows]
    assert len(configs) == len(set(configs)) == space.size
    assert set(configs) == by_hand()
    assert np.array_equal(space.index(rows), np.arange(space.size))
    assert np.array_equal(space.parse(space.format(rows)), rows)


def test_names_strings_and_configurations() -> None:
    space = CustomSpace(
        {"stages": ar.Repeat({"blocks": ar.Repeat({"w": [1, 2]}, (1, 2)), "s": ar.Bool()}, 2)},
        nothing,
    )
    assert [c.name for c in space.choices] == [
        f"stages.{i}.{name}"
        for i in range(2)
        for name in ("blocks", "blocks.0.w", "blocks.1.w", "s")
    ]
    assert space.size == ((2 + 4) * 2) ** 2
    text = (
        "stages.0.blocks=1,stages.0.blocks.0.w=2,stages.0.s=True,"
        "stages.1.blocks=2,stages.1.blocks.0.w=1,stages.1.blocks.1.w=1,stages.1.s=False"
    )
    row = space.parse([text])
    assert space.format(row) == [text]
    assert space.config(row[0]) == {
        "stages": [
            {"blocks": [{"w": 2}], "s": True},
            {"blocks": [{"w": 1}, {"w": 1}], "s": False},
        ]
    }
    with pytest.raises(
        ArchitectureError, match=r"blocks.1.w is inactive \(it needs stages.0.blocks=2"
    ):
        space.parse([text.replace("stages.0.s", "stages.0.blocks.1.w=1,stages.0.s")])
    check_space(space)


def test_numbers_of_copies() -> None:
    one = {"w": [1, 2]}
    for times, counts in [
        (3, (3,)),
        ((0, 2), (0, 1, 2)),
        (ar.Int(2, 6, step=2), (2, 4, 6)),
        (ar.Ordered([4, 1]), (1, 4)),
    ]:
        space = CustomSpace({"blocks": ar.Repeat(one, times)}, nothing)
        assert space.size == sum(2**count for count in counts)
        found = {len(space.config(row)["blocks"]) for row in space.enumerate()}
        assert found == set(counts)


def test_a_block_that_may_not_exist() -> None:
    space = CustomSpace(
        {"mixer": ["conv", "attention"], "heads": ar.Repeat({"w": [1, 2, 3]}, 2)},
        nothing,
        active_if={"heads": ("mixer", "attention")},
    )
    assert space.size == 1 + 9
    assert space.config(space.parse(["mixer=conv"])[0]) == {"mixer": "conv"}


@pytest.mark.parametrize("space", [small(), mixed(), mixed().restrict({"quantised": "mlp"})])
def test_rows_of_configurations(space: Space) -> None:
    for row in space.sample(20, rng=np.random.default_rng(0)):
        config = space.config(row)
        for given in (config, json.loads(json.dumps(config)), dict(reversed(config.items()))):
            assert np.array_equal(space.from_config(given), row)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"a": 2, "set": ["x", "q"], "blocks": []}, "small: set has no member 'q'; it has x, y, w"),
        (
            {"a": 2, "set": "x+y+w", "b": 3, "blocks": []},
            "set has 3 members, expected 0 to 2",
        ),
        ({"a": 1, "blocks": [3]}, "blocks is a list of 0 or 1 or 2 blocks .* got 3"),
        ({"a": 1, "blocks": [{}] * 3}, "blocks is a list of 0 or 1 or 2 blocks .* got 3"),
        ({"a": 1, "blocks": [{"k": 5, "q": [0]}], "c": 7}, "expected blocks.0.k=<1|2>, got 5"),
        ({"a": 1, "block": []}, "unknown decision 'block', did you mean 'blocks'"),
    ],
)
def test_wrong_configurations(config: Any, message: str) -> None:
    with pytest.raises(ArchitectureError, match=message.replace("|", r"\|")):
        small().from_config(config)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ar.Repeat({}, 2), "choices of a block are {name: options}.* got {}"),
        (lambda: ar.Repeat(3, 2), "choices of a block are {name: options}.* got 3"),
        (lambda: ar.Repeat({"w": [1]}, 0), "times is 0, which leaves no block"),
        (lambda: ar.Repeat({"w": [1]}, -1), "times must be at least 0, got -1"),
        (lambda: ar.Repeat({"w": [1]}, 10**9), "times must be at most 256, got 1000000000"),
        (lambda: ar.Repeat({"w": [1]}, 2.0), "times is 2.0, expected a whole number"),
        (
            lambda: ar.Repeat({"w": [1]}, (6, 1)),
            r"range \(fewest, most\) such as \(1, 6\), got \(6, 1\)",
        ),
        (
            lambda: ar.Repeat({"w": [1]}, [1, 6]),
            r"write a range as \(1, 6\), single numbers as ar.Ordered",
        ),
        (lambda: ar.Repeat({"w": [1]}, ar.Ordered(["a"])), "times is 'a', expected a whole number"),
    ],
)
def test_wrong_blocks(make: Any, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        make()


@pytest.mark.parametrize(
    ("choices", "active_if", "message"),
    [
        ({"b": ar.Repeat({"w": []}, 2)}, None, "choice 'b.0.w' needs 1 to 256 different options"),
        ({"b": ar.Repeat({"w w": [1]}, 2)}, None, "choice names are Python identifiers, got 'w w'"),
        ({"b": ar.Repeat({"w": [1]}, 2, {"v": ("w", 1)})}, None, "unknown choice 'v'"),
        (
            {"b": ar.Repeat({"w": ar.Subset(250, 3)}, 256)},
            None,
            "at most 4,096 decisions, .* 'b.16.w",
        ),
        ({"b": ar.Repeat}, None, "choice 'b' is the class Repeat; call it"),
        ({"b": ar.Subset}, None, "choice 'b' is the class Subset; call it"),
        ({"b": ar.Repeat({"w": [1]}, 2), "c": [1]}, {"c": ("b", 2)}, "'b' is there 2 times always"),
        (
            {"b": ar.Repeat({"w": [1]}, (1, 2)), "c": [1]},
            {"c": ("b", 3)},
            "'b' has no option 3; it has 1, 2",
        ),
        (
            {"s": ar.Subset(3, 1), "c": [1]},
            {"c": ("s", [0, 1])},
            r"names one member of 's', such as \('s', 0\), got 0, 1",
        ),
        ({"s": ar.Subset(3, 1), "c": [1]}, {"c": ("s", 7)}, "got 7; it has 0, 1, 2"),
    ],
)
def test_wrong_spaces(choices: Any, active_if: Any, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        CustomSpace(choices, nothing, active_if=active_if)
