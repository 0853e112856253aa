"""When guided search fits again in a long run, what from, and which candidates it keeps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archrank.strategies.shortlist import (
    FITTED,
    LONGEST,
    chebyshev,
    last_fit,
    learnt_from,
    most_promising,
    seed_of,
    until_next,
)
from tests.strategies.helpers import history, huge, some


@given(st.integers(1, 300), st.integers(0, 3000))
def test_fits_lie_on_a_fixed_schedule(exact: int, more: int) -> None:
    n = exact + more
    at = last_fit(n, exact)
    assert exact <= at <= n
    assert last_fit(at, exact) == at
    assert at + until_next(at, exact) > n
    assert 1 <= until_next(at, exact) <= LONGEST


def test_fits_become_seldom() -> None:
    sizes = sorted({last_fit(n, 200) for n in range(200, 3000)})
    assert sizes[:3] == [200, 206, 212]
    between = np.diff(sizes)
    assert (np.diff(between) >= 0).all()
    assert between[-1] == LONGEST
    assert 60 <= until_next(1000, 200) <= 100
    assert len(sizes) < 60


def test_a_fit_learns_from_all_that_succeeded() -> None:
    archs = some(huge(), 40)
    good = np.where(np.arange(40) % 4 == 1, np.nan, np.arange(40.0))
    assert learnt_from(history(huge(), archs, good)).tolist() == list(range(30))


@pytest.mark.parametrize("objectives", [1, 2])
def test_of_very_many_a_fit_learns_from_the_best_and_some_others(objectives: int) -> None:
    n = 2 * FITTED
    archs = some(huge(), n)
    good = np.random.default_rng(0).permutation(n).astype(float)
    columns = np.stack([good, good][:objectives], axis=1)
    rows = learnt_from(history(huge(), archs, columns))
    assert len(rows) == len(set(rows.tolist())) == FITTED
    assert (np.diff(rows) > 0).all()
    best = np.flatnonzero(good >= n - FITTED // 2)
    assert np.isin(best, rows).all()
    others = np.setdiff1d(rows, best)
    assert others[0] < 10
    assert others[-1] > n - 10
    assert np.diff(others).max() < 20


def test_candidates_of_the_highest_utility_are_kept() -> None:
    utilities = np.random.default_rng(0).permutation(50).astype(float)[:, None]
    kept = most_promising(utilities, np.random.default_rng(0), 10)
    assert sorted(utilities[kept, 0]) == list(range(40, 50))
    assert (np.diff(kept) > 0).all()
    assert len(most_promising(utilities[:4], np.random.default_rng(0), 10)) == 4


def test_candidates_all_along_the_front_are_kept() -> None:
    angle = np.linspace(0, np.pi / 2, 200)
    front = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    utilities = np.concatenate([0.5 * front, front])  # the first half is dominated
    kept = most_promising(utilities, np.random.default_rng(0), 50)
    assert (kept >= 200).all()
    assert np.ptp(angle[kept - 200]) > 1


def test_the_scalarisation_prefers_what_is_nearer_to_the_ideal_point() -> None:
    quantiles = np.array([[1.0, 1.0], [1.0, 0.5], [0.5, 0.5], [0.0, 1.0]])
    value = chebyshev(quantiles, np.array([0.5, 0.5]))
    assert value[0] == 0
    assert (np.diff(value) < 0).all()


def test_the_seed_follows_from_what_was_evaluated() -> None:
    archs = some(huge(), 10)
    pasts = [history(huge(), archs, np.arange(10.0)) for _ in range(2)]
    assert seed_of(pasts[0]) == seed_of(pasts[1])
    others = [history(huge(), archs, np.arange(10.0) + 1), history(huge(), archs[::-1], range(10))]
    assert len({tuple(seed_of(past)) for past in [pasts[0], *others]}) == 3
