from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from archrank.checks import instance, number, quoted, whole
from archrank.errors import ArchrankError, ArgumentError, BudgetError


class Unwilling:
    def __repr__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3), 2**100])
def test_whole_numbers(value: Any) -> None:
    found = whole(value, "n")
    assert found == value
    assert type(found) is int


@pytest.mark.parametrize(
    "value", [True, np.True_, 1.5, 2.0, "1", None, [1], np.array([1]), math.nan]
)
def test_no_whole_numbers(value: Any) -> None:
    with pytest.raises(BudgetError, match=r"budget is .*, expected a whole number"):
        whole(value, "budget", error=BudgetError)


def test_bounds_of_numbers() -> None:
    assert whole(1, "n", at_least=1) == 1
    with pytest.raises(ArgumentError, match="n must be at least 1, got 0"):
        whole(0, "n", at_least=1)
    assert number(np.float32(0.5), "x") == 0.5
    assert math.isinf(number(math.inf, "x", finite=False))
    for value in (math.nan, math.inf, True, "1", None, 10**400):
        with pytest.raises(ArgumentError, match="x is"):
            number(value, "x")


def test_objects() -> None:
    assert instance(ArchrankError("a"), Exception, "error").args == ("a",)
    with pytest.raises(ArgumentError, match=r"it is 3, expected an archrank ArchrankError; or so"):
        instance(3, ArchrankError, "it", "or so")
    with pytest.raises(TypeError, match=r"that is the class, call it: BudgetError\(...\)"):
        instance(BudgetError, ArchrankError, "it")


@pytest.mark.parametrize(
    "value", [Unwilling(), 10**5000, "x" * 10_000, "a\nb", b"\xff" * 500], ids=range(5)
)
def test_quotes_are_short(value: object) -> None:
    text = quoted(value)
    assert 0 < len(text) <= 80
    assert "\n" not in text
