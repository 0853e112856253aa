from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from archrank.errors import SpaceError
from archrank.spaces.custom.declaration import read_space

CHOICES: dict[str, list[int | str]] = {
    "depth": [1, 2, 3],
    "kind": ["conv", "pool"],
    "width": [8, 16],
}


def test_both_forms_and_numpy() -> None:
    assert read_space(CHOICES).choices == read_space(list(CHOICES.items())).choices
    declared: Any = {"a": np.arange(3), "b": [np.int64(4), np.float64(0.5)], "c": range(2)}
    choice = read_space(declared).choices
    assert [c.options for c in choice] == [(0, 1, 2), (4, 0.5), (0, 1)]
    assert {type(o) for c in choice for o in c.options} == {int, float}
    assert len(read_space({"many": range(256)}).choices[0].options) == 256


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({}, "at least one choice"),
        ([], "at least one choice"),
        ("depth", "pairs, got 'depth'"),
        (["depth"], "pairs, got 'depth'"),
        (["ab"], "pairs, got 'ab'"),
        ([("depth", [1]), ("depth", [2])], "choice 'depth' is declared twice"),
        ({1: [1]}, "Python identifiers, got 1"),
        ({"depth": []}, "'depth' needs 1 to 256 different options, got none"),
        ({"depth": range(257)}, "'depth' needs 1 to 256 different options, got 257"),
        ({"act": "relu"}, "options of choice 'act' are a list, got 'relu'"),
        ({"act": {"relu", "silu"}}, "options of choice 'act' are a list"),
        ({"act": 3}, "options of choice 'act' are a list, got 3"),
        ({"act": [None, "relu"]}, "option None of choice 'act' is a NoneType; options are numbers"),
        ({"act": [print]}, "is a builtin_function_or_method; options are numbers or strings"),
        ({"act": [(1, 2)]}, r"option \(1, 2\) of choice 'act' is a tuple"),
        ({"lr": [0.1, float("nan")]}, "option nan of choice 'lr' is not finite"),
        ({"act": ["a,b"]}, "'a,b' of choice 'act': .*no commas"),
        ({"act": [""]}, "not empty"),
        ({"act": [" a"]}, "outer spaces"),
        ({"act": ["1", 1]}, "options '1' and 1 of choice 'act' are written alike"),
        ({"act": [1, 1.0]}, r"different options, got \[1, 1.0\]"),
    ],
)
def test_wrong_choices(declared: Any, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        read_space(declared)


def test_conditions() -> None:
    rules = {"kind": ("depth", [3, 2]), "width": ("kind", "conv")}
    none, kind, width = read_space(CHOICES, rules).conditions
    assert none is None
    assert kind is not None
    assert (kind.parent, kind.allows.tolist()) == (0, [False, True, True])
    assert width is not None
    assert (width.parent, width.allows.tolist()) == (1, [True, False])


@pytest.mark.parametrize(
    ("active_if", "message"),
    [
        ({"widht": ("depth", [1])}, "unknown choice 'widht', did you mean 'width'"),
        ({"width": ("dept", [1])}, "of 'width': unknown choice 'dept', did you mean 'depth'"),
        ({"width": ("depth", [4])}, "'depth' has no option 4; it has 1, 2, 3"),
        ({"width": ("depth", ["3"])}, "'depth' has no option '3'; it has 1, 2, 3"),
        ({"width": ("depth", [])}, "names no option of 'depth'"),
        ({"depth": ("width", [8])}, "depends on 'width', which is declared after it"),
        ({"depth": ("depth", [1])}, "circle: depth -> depth"),
        ({"depth": ("width", 8), "width": ("depth", 1)}, "circle: depth -> width -> depth"),
        (
            {"width": ("kind", "conv"), "kind": ("depth", 1), "depth": ("kind", "conv")},
            "circle: kind -> depth -> kind$",  # width only leads to it
        ),
        ({"width": ("depth", [1], "or more")}, "is one .* pair"),
        ({"width": "depth"}, r"one \(choice, options\) pair such as .*, got 'depth'"),
        ({"width": [("depth", [1]), ("kind", ["conv"])]}, "is one .* pair"),
        ({"width": lambda config: True}, "is one .* pair"),
        ([("width", ("depth", [1]))], "active_if is {choice: "),
    ],
)
def test_wrong_conditions(active_if: Any, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        read_space(CHOICES, active_if)
