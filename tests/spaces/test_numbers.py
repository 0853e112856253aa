from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archrank.spaces import CustomSpace
from archrank.spaces.base import Choice
from archrank.spaces.numbers import is_numeric, places


def nothing(config: dict[str, object], task: object) -> None:
    """Stands for a build function that these tests never call."""


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((3, 5, 7), [1, 1.5, 2]),  # even steps
        ((8, 16, 32), [1, 1.5, 2]),  # geometric
        ((32, 8, 16), [2, 1, 1.5]),  # in any order
        ((1e-4, 1e-3, 1e-2), [1, 1.5, 2]),  # spans decades
        ((-1, 0, 1), [1, 1.5, 2]),  # no logarithm of negative numbers
        ((0, 0.1, 0.2), [1, 1.5, 2]),
        ((0, 0.001, 0.003, 0.007), [1, 4 / 3, 5 / 3, 2]),  # log(1 + x / 0.001): 0, 1, 2, 3 octaves
        ((0, 1), [1, 2]),
        ((6,), [1]),
    ],
)
def test_places_by_hand(options: tuple[float, ...], expected: list[float]) -> None:
    assert places(Choice("c", options)) == pytest.approx(expected)


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=20, unique=True))
def test_places_keep_the_order_and_leave_zero_to_inactive_decisions(options: list[float]) -> None:
    found = places(Choice("c", tuple(options)))
    assert found.min() == 1
    assert found.max() == (2 if len(options) > 1 else 1)
    order = np.argsort(options)
    assert (np.diff(found[order]) >= 0).all()


def test_strings_are_no_numbers() -> None:
    assert is_numeric(Choice("c", (1, 2.5)))
    assert not is_numeric(Choice("c", (1, "2")))


def test_both_views_of_a_space_by_hand() -> None:
    space = CustomSpace(
        {"depth": [1, 2], "act": ["relu", "tanh"], "width": [4, 8, 16]},
        nothing,
        active_if={"width": ("depth", [2])},
    )
    assert space.feature_names == (
        *("ordered:depth", "ordered:width"),
        *("choice:depth=1", "choice:depth=2", "choice:act=relu", "choice:act=tanh"),
        *("choice:width=4", "choice:width=8", "choice:width=16"),
    )
    archs = space.parse(
        ["depth=2,act=tanh,width=8", "depth=1,act=relu", "depth=2,act=relu,width=4"]
    )
    assert space.features(archs).tolist() == [
        [2, 1.5, 0, 1, 0, 1, 0, 1, 0],
        [1, 0, 1, 0, 1, 0, 0, 0, 0],  # an inactive width is unlike any option in both views
        [2, 1, 0, 1, 1, 0, 1, 0, 0],
    ]


def test_a_space_of_categories_has_no_ordered_view() -> None:
    space = CustomSpace({"a": ["x", "y"], "b": ["x", "y", "z"]}, nothing)
    assert {name.partition(":")[0] for name in space.feature_names} == {"choice"}
    assert space.features(space.enumerate()).shape == (6, 5)


@given(
    st.lists(st.integers(1, 4096), min_size=3, max_size=8, unique=True).flatmap(
        lambda options: st.tuples(st.just(options), st.permutations(range(len(options))))
    )
)
def test_places_do_not_depend_on_the_order_of_options(
    drawn: tuple[list[int], list[int]],
) -> None:
    options, order = drawn
    found = places(Choice("c", tuple(options)))
    moved = places(Choice("c", tuple(options[k] for k in order)))
    np.testing.assert_allclose(moved, found[order])
