from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from archrank.integrations.optuna.axes import Axis

DISTRIBUTIONS = [
    CategoricalDistribution(("sgd", "adam", None, True)),
    CategoricalDistribution((16, 32, 64)),
    CategoricalDistribution(tuple(range(1000))),
    IntDistribution(-10, 11, step=3),
    IntDistribution(1, 100, log=True),
    IntDistribution(0, 10**12),
    FloatDistribution(-10.2, 10.2, step=0.1),
    FloatDistribution(0, 1, step=1e-4),
    FloatDistribution(1e-7, 1.0, log=True),
    FloatDistribution(-1e308, 1e308),
    FloatDistribution(-1.0, 1.0),
    FloatDistribution(1.0, math.nextafter(1.0, 2.0)),
]


@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=repr)
def test_a_grid_holds_values_that_optuna_accepts(distribution: Any) -> None:
    axis, rng = Axis("x", distribution), np.random.default_rng(0)
    tried = np.array([axis.draw(rng) for _ in range(300)])
    grid = axis.grid(tried, tried[:1], rng)
    assert 2 <= len(grid) <= 256
    assert (np.diff(grid) > 0).all()
    assert tried[0] in grid
    if axis.ordered:
        assert (axis.value(grid[0]), axis.value(grid[-1])) == (distribution.low, distribution.high)
    for number in grid:
        value = axis.value(number)
        assert distribution._contains(distribution.to_internal_repr(value))
        assert axis.number(value) == number or math.isclose(axis.number(value), number)
    assert axis.weights(grid).sum() == pytest.approx(1)
    assert (axis.nearest(grid, grid) == np.arange(len(grid))).all()
    assert (
        len(axis.choice("x", grid).options) == len(set(axis.choice("x", grid).options)) == len(grid)
    )


@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=repr)
def test_no_tried_number_comes_back_by_chance(distribution: BaseDistribution) -> None:
    """Rows with a new number on the grid are new, though tried ones may be off the grid."""
    axis, rng = Axis("x", distribution), np.random.default_rng(1)
    tried = np.array([axis.draw(rng) for _ in range(300)])
    if axis.fine:
        grid = axis.grid(tried, tried[:0], rng)
        best = list(dict.fromkeys(tried.tolist()))[:96]
        assert not set(grid.tolist()) & (set(tried.tolist()) - set(best))


def test_what_is_left_of_a_range_is_on_the_grid() -> None:
    axis = Axis("x", IntDistribution(0, 299))
    tried = np.setdiff1d(np.arange(300.0), [5, 77, 78])
    assert np.isin([5, 77, 78], axis.grid(tried, tried[:0], np.random.default_rng(0))).all()


def test_the_grid_is_finer_around_the_best() -> None:
    axis = Axis("x", FloatDistribution(0.0, 1.0))
    grid = axis.grid(np.array([0.3, 0.9]), np.zeros(0), np.random.default_rng(0))
    off = np.sort(np.abs(grid - 0.3))
    assert off[0] == 0
    assert off[1] < 1e-4


@given(st.integers(0, 40), st.sampled_from([0.1, 0.25, 1e-3, 7.0]))
def test_steps_are_counted_whatever_floats_are_off_by(k: int, step: float) -> None:
    axis = Axis("x", FloatDistribution(-2.0, -2.0 + 50 * step, step=step))
    assert axis.number(-2.0 + k * step) == k
    assert axis.value(k) == pytest.approx(-2.0 + k * step)


@pytest.mark.parametrize(
    ("distribution", "outside"),
    [
        (IntDistribution(0, 10), 11),
        (IntDistribution(0, 10, step=2), 3),
        (FloatDistribution(0, 1), -0.1),
        (CategoricalDistribution(("a", "b")), "c"),
    ],
)
def test_values_outside_have_no_number(distribution: BaseDistribution, outside: Any) -> None:
    assert math.isnan(Axis("x", distribution).number(outside))


def test_draws_are_even_on_the_scale() -> None:
    rng = np.random.default_rng(0)
    axis = Axis("x", FloatDistribution(1e-4, 1.0, log=True))
    draws = np.log10([axis.draw(rng) for _ in range(4000)])
    assert np.histogram(draws, 4, (-4, 0))[0] == pytest.approx([1000] * 4, rel=0.12)
    few = Axis("x", IntDistribution(0, 3))
    counts = np.bincount([int(few.draw(rng)) for _ in range(4000)])
    assert counts == pytest.approx([1000] * 4, rel=0.12)


def test_draws_leave_out_what_they_can() -> None:
    axis, rng = Axis("x", CategoricalDistribution("abc")), np.random.default_rng(0)
    assert {axis.draw(rng, {0.0, 2.0}) for _ in range(20)} == {1.0}
    assert axis.draw(rng, {0.0, 1.0, 2.0}) in (0.0, 1.0, 2.0)


def test_features_of_numbers_have_an_order_and_options_none() -> None:
    mixed = Axis("x", CategoricalDistribution((1, "a", None)))
    assert mixed.choice("x", np.arange(3.0)).options == ("0: 1", "1: 'a'", "2: None")
    same = Axis("x", CategoricalDistribution((1, True)))
    assert len(set(same.choice("x", np.arange(2.0)).options)) == 2
