from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import archrank as ar
from archrank.errors import SpaceError
from archrank.spaces import CustomSpace
from archrank.spaces.base import Choice
from archrank.spaces.numbers import is_ordered, places
from tests.spaces.declared import nothing


@given(st.integers(-1000, 1000), st.integers(1, 3000), st.integers(2, 256), st.booleans())
def test_whole_numbers_lie_on_a_grid(low: int, span: int, points: int, log: bool) -> None:
    log = log and low > 0
    high = low + span
    options = ar.Int(low, high, log=log, points=points).options
    assert (options[0], options[-1]) == (low, high)
    assert list(options) == sorted(set(options))
    assert all(type(option) is int for option in options)
    if span < points:
        assert options == tuple(range(low, high + 1))
        return
    assert 2 <= len(options) <= points
    if log:  # as near to even factors as whole numbers are
        ratio = (high / low) ** (1 / (points - 1))
        ideal = low * ratio ** np.arange(points)
        assert np.abs(ideal[:, None] - np.array(options)).min(axis=1).max() <= 0.5 + 1e-6
    else:
        assert len(options) == points
        assert np.ptp(np.diff(options)) <= 1


@given(
    st.floats(-1e6, 1e6, width=32),
    st.floats(2**-10, 1e6, width=32),
    st.integers(2, 256),
    st.booleans(),
)
def test_numbers_lie_on_a_grid(low: float, span: float, points: int, log: bool) -> None:
    log = log and low > 0
    high = low + span
    options = np.array(ar.Float(low, high, log=log, points=points).options)
    assert (options[0], options[-1]) == (low, high)
    assert len(options) == points
    exact = np.geomspace(low, high, points) if log else np.linspace(low, high, points)
    near = np.minimum(np.append(np.diff(exact), np.inf), np.insert(np.diff(exact), 0, np.inf))
    assert (np.abs(options - exact) <= 0.0101 * near + 1e-9 * abs(exact)).all()
    assert (np.diff(options) > 0).all()


def test_grids_by_hand() -> None:
    assert ar.Int(1, 12).options == tuple(range(1, 13))
    assert ar.Int(1, 10, step=4).options == (1, 5, 9)
    assert ar.Int(8, 256, step=8).options == tuple(range(8, 257, 8))
    assert len(ar.Int(8, 256).options) == 32
    assert ar.Float(0, 1, step=0.3).options == (0.0, 0.3, 0.6, 0.9)
    assert ar.Float(1e-3, 1, log=True, points=7).options == (
        *(0.001, 0.00316, 0.01, 0.0316, 0.1, 0.316),
        1.0,
    )
    assert ar.Bool().options == (False, True)


@given(st.floats(-100, 100), st.floats(1e-3, 10), st.floats(1, 200))
def test_steps_lead_from_the_lower_end_to_the_upper(low: float, step: float, count: float) -> None:
    high = low + count * step
    options = ar.Float(low, high, step=step).options
    exact = [low + step * k for k in range(len(options))]
    np.testing.assert_allclose(options, exact, rtol=1e-9, atol=1e-7 * step)
    assert options[0] == low
    assert high - step * (1 + 1e-6) < options[-1] <= high


def test_steps_are_as_they_were_typed() -> None:
    assert ar.Float(0, 0.998, step=0.499).options == (0.0, 0.499, 0.998)
    assert ar.Float(0.00123, 2.5, step=1).options == (0.00123, 1.00123, 2.00123)
    assert ar.Float(-0.3, 0.3, step=0.1).options == (-0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3)
    assert str(ar.Float(-0.0, 1, points=2).options[0]) == "0.0"


def test_orders_decide_what_rankers_see() -> None:
    space = CustomSpace(
        {
            "a": ar.Int(1, 5),
            "b": ar.Int(1, 100, log=True, points=3),
            "c": ar.Ordered(["low", "middle", "high"]),
            "d": ar.Categorical([1, 2, 3]),
            "e": ["x", "y"],
            "f": [1, 2],
            "g": ar.Ordered([1, 10, 100]),
        },
        nothing,
    )
    ordered = [n for n in space.feature_names if n.startswith("ordered:")]
    assert ordered == [f"ordered:{name}" for name in "abcfg"]
    by_name = {choice.name: choice for choice in space.choices}
    assert places(by_name["a"]).tolist() == [1, 1.25, 1.5, 1.75, 2]
    for name in "bcg":
        assert places(by_name[name]) == pytest.approx([1, 1.5, 2])
    assert places(Choice("n", (1, 4, 2), "listed")).tolist() == [1, 1.5, 2]
    assert places(Choice("n", (1, 2, 4), "linear")) == pytest.approx([1, 4 / 3, 2])
    assert not is_ordered(by_name["d"])
    assert Choice("n", (1, 2), "none") == Choice("n", (1, 2))  # of one table
    plain = CustomSpace({"d": [1, 2, 3]}, nothing)
    assert (
        plain.fingerprint() != CustomSpace({"d": ar.Categorical([1, 2, 3])}, nothing).fingerprint()
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ar.Int(8.0, 256), r"Int: low is 8.0, expected a whole number"),
        (lambda: ar.Int(8, "256"), r"Int: high is '256', expected a whole number"),
        (lambda: ar.Int(256, 8), r"Int\(256, 8\): the lower end comes first"),
        (lambda: ar.Int(8, 8), r"a single option is written \[8\]"),
        (
            lambda: ar.Int(0, 8, log=True),
            r"Int\(0, 8, log=True\): a logarithmic scale begins above 0",
        ),
        (lambda: ar.Int(1, 8, log="yes"), "log is 'yes', expected True or False"),
        (lambda: ar.Int(1, 8, step=0), "Int: step must be at least 1, got 0"),
        (lambda: ar.Int(1, 8, step=2, log=True), "step=2 and log=True exclude each other"),
        (
            lambda: ar.Int(1, 1000, step=1),
            "has 1,000 options, a choice has 256 at most: give a larger",
        ),
        (lambda: ar.Int(1, 8, step=9), "has one option, since the step leads beyond 8"),
        (lambda: ar.Int(1, 8, points=1), "Int: points must be at least 2, got 1"),
        (lambda: ar.Int(1, 8, points=300), "Int: points must be at most 256, got 300"),
        (lambda: ar.Int(0, 10**400), "Int: high must be at most"),
        (lambda: ar.Float("0", 1), "Float: low is '0', expected a number"),
        (lambda: ar.Float(0, float("inf")), "Float: high is inf, expected a finite number"),
        (lambda: ar.Float(1, 0), r"Float\(1, 0\): the lower end comes first"),
        (lambda: ar.Float(0, 1, step=-1), "Float: step must be above 0, got -1"),
        (lambda: ar.Float(0, 1, step=1e-9), "options, a choice has 256 at most"),
        (lambda: ar.Float(0, 1, step=1e-320), "options, a choice has 256 at most"),
        (lambda: ar.Float(-1e308, 1e308), "the range is too wide"),
        (lambda: ar.Float(1, 1 + 2e-16), "too narrow for 21 different numbers"),
        (lambda: ar.Float(-1, 1, log=True), "logarithmic scale begins above 0"),
        (lambda: ar.Float(0, 1, points=2.5), "Float: points is 2.5"),
        (lambda: ar.Ordered("abc"), "Ordered takes a list of options, got 'abc'"),
        (lambda: ar.Categorical(3), "Categorical takes a list of options, got 3"),
        (lambda: CustomSpace({"a": ar.Bool}, nothing), "'a' is the class Bool; call it"),
        (lambda: CustomSpace({"a": ar.Int}, nothing), "'a' is the class Int; call it"),
        (lambda: CustomSpace({"a": ar.Ordered([1, 1])}, nothing), "different options"),
    ],
)
def test_wrong_options(make: Any, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        make()
