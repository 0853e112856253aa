"""Guided search in long runs: a shortlist is followed between fits, and nobody can tell."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from archrank.rankers import GaussianProcess
from archrank.rankers.kit.kernels import Kernel
from archrank.spaces import NASBench201, Space
from archrank.strategies import Guided, History, guided, shortlist
from archrank.strategies.region import Region
from archrank.strategies.shortlist import last_fit
from archrank.testing import check_strategy
from archrank.types import Archs, Floats
from tests.strategies.helpers import Weights, history, huge, some

EXACT = 12  # evaluations up to which everything is anew
SMALL = {"exact": EXACT, "candidates": 400}


def worth(archs: Archs) -> Floats:
    """Scores that a ranker can learn."""
    effects = np.random.default_rng(5).normal(size=(archs.shape[1], 10))
    return effects[np.arange(archs.shape[1]), archs].sum(axis=1)


def searched(strategy: Guided, space: Space, n: int, measure: Callable[[Archs], Any]) -> History:
    """Go on until there are ``n`` evaluations, one strategy for all rounds."""
    past = history(space, some(space, 5), measure(some(space, 5)))
    while len(past) < n:
        rng = np.random.default_rng(len(past))
        archs = np.concatenate([past.archs, strategy.propose(past, 2, rng=rng)])
        past = History(
            space,
            archs,
            history(space, archs, measure(archs)).objectives,
            np.zeros(len(archs)),
            past.region,
        )
    return past


def two(archs: Archs) -> Floats:
    return np.stack([worth(archs), -archs.sum(axis=1) * 1.0], axis=1)


def failing(archs: Archs) -> Floats:
    return np.where(archs[:, 0] % 3 == 2, np.nan, worth(archs))


@pytest.mark.parametrize(
    ("make", "settings"),
    [
        (NASBench201, {}),
        (NASBench201, {"skip_isomorphic": False, "acquisition": "ei"}),
        (huge, {"explore": 0.5}),
        (huge, {"acquisition": "thompson"}),
        (huge, {"acquisition": "greedy"}),
    ],
)
def test_contract(make: Callable[[], Space], settings: dict[str, Any]) -> None:
    check_strategy(lambda: Guided(initial=4, **SMALL, **settings), make())


@pytest.mark.parametrize("measure", [worth, two, failing])
@pytest.mark.parametrize("make", [NASBench201, huge])
def test_a_strategy_proposes_the_same_whatever_it_saw_before(
    make: Callable[[], Space], measure: Callable[[Archs], Any]
) -> None:
    space, strategy = make(), Guided(explore=0.2, **SMALL)
    past = searched(strategy, space, 50, measure)
    seen = Guided(explore=0.2, **SMALL)
    for n in (49, 13, 31, 33, 32, 45):  # in any order
        for other in (seen, Guided(explore=0.2, **SMALL)):
            picks = other.propose(past.first(n), 2, rng=np.random.default_rng(n))
            if n % 2:  # a round of the run itself
                assert picks.tolist() == past.archs[n : n + 2].tolist()
    first = seen.propose(past.first(32), 2, rng=np.random.default_rng(1))
    other = Guided(explore=0.2, **SMALL).propose(past.first(32), 2, rng=np.random.default_rng(1))
    assert first.tolist() == other.tolist()


def test_up_to_the_limit_nothing_is_kept() -> None:
    space = huge()
    archs = some(space, EXACT)
    for n in (EXACT - 1, EXACT):
        past = history(space, archs[:n], worth(archs[:n]))
        rng = np.random.default_rng
        strategy, always = Guided(**SMALL), Guided(**SMALL | {"exact": 10**6})
        picks = [s.propose(past, 2, rng=rng(0)).tolist() for s in (strategy, always)]
        assert (picks[0] == picks[1]) == (n < EXACT)
        assert (strategy._kept is None) == (n < EXACT)


def test_other_results_or_another_region_are_no_continuation() -> None:
    space, strategy = huge(), Guided(**SMALL)
    past = searched(strategy, space, 40, worth)
    evens = Region.of(lambda archs: archs[:, 3] % 2 == 0)
    changed = past.objectives.copy()
    changed[3] += 1.0
    for other in (
        History(space, past.archs, changed, past.violation, past.region),
        History(space, past.archs, past.objectives, past.violation, evens),
        History(huge(), past.archs, past.objectives, past.violation, past.region),
        past.first(39),
    ):
        strategy.propose(past, 2, rng=np.random.default_rng(0))
        picks = strategy.propose(other, 4, rng=np.random.default_rng(0))
        fresh = Guided(**SMALL).propose(other, 4, rng=np.random.default_rng(0))
        assert picks.tolist() == fresh.tolist()
        assert other.allowed(picks).all()


def test_what_is_kept_is_neither_copied_nor_stored() -> None:
    strategy = Guided(**SMALL)
    searched(strategy, huge(), 20, worth)
    assert strategy._kept is not None
    for other in (copy.copy(strategy), pickle.loads(pickle.dumps(strategy))):
        assert other._kept is None
        assert other.describe() == strategy.describe()


def test_rankers_that_must_be_fitted_anew_are() -> None:
    space = huge()
    past = history(space, some(space, 40), worth(some(space, 40)))
    picks = [
        Guided(Weights(space), candidates=400, exact=exact)
        .propose(past, 3, rng=np.random.default_rng(0))
        .tolist()
        for exact in (EXACT, 1000)
    ]
    assert picks[0] == picks[1]


def test_labels_that_say_nothing_at_the_fit() -> None:
    space = huge()
    archs = some(space, 30)
    for good in (np.r_[np.zeros(EXACT), np.arange(18.0)], np.r_[np.zeros(29), 1.0]):
        past = history(space, archs, good)
        assert len(Guided(**SMALL).propose(past, 3, rng=np.random.default_rng(0))) == 3


def test_a_small_space_is_searched_to_its_end() -> None:
    space = NASBench201().restrict({"0->1": "none", "0->2": "none", "0->3": "none"})
    strategy = Guided(skip_isomorphic=False, **SMALL)
    past = searched(strategy, space, 125, worth)
    assert len({row.tobytes() for row in past.archs}) == 125
    assert len(strategy.propose(past, 2, rng=np.random.default_rng(0))) == 0


def test_it_still_finds_what_is_best() -> None:
    space = huge()
    past = searched(Guided(**SMALL), space, 90, worth)
    scores = past.objectives[:, 0]
    assert scores[60:].mean() > scores[:EXACT].mean() + 10


def test_the_work_of_a_round_does_not_depend_on_the_number_of_candidates(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    entries: list[int] = []
    fits: list[int] = []
    between, fit = Kernel.between, GaussianProcess._fit

    def counted(self: Kernel, theta: Floats, a: list[Floats], b: list[Floats]) -> Floats:
        entries.append(len(a[0]) * len(b[0]))
        return between(self, theta, a, b)

    def fitted(self: GaussianProcess, archs: Archs, scores: Floats) -> None:
        fits.append(len(archs))
        fit(self, archs, scores)

    monkeypatch.setattr(guided, "KEPT", 50)
    monkeypatch.setattr(shortlist, "FITTED", 64)
    monkeypatch.setattr(guided, "MUTANTS", 20)
    space = huge()
    strategy = Guided(**SMALL)
    archs = some(space, 200)
    past = history(space, archs, worth(archs))
    strategy.propose(past.first(150), 2, rng=np.random.default_rng(0))
    monkeypatch.setattr(Kernel, "between", counted)
    monkeypatch.setattr(GaussianProcess, "_fit", fitted)
    for n in range(152, 200, 2):
        entries.clear()
        fits.clear()
        strategy.propose(past.first(n), 2, rng=np.random.default_rng(0))
        known = 64 + n - last_fit(n, EXACT)
        assert len(fits) == (last_fit(n, EXACT) > n - 2)
        assert all(size == 64 for size in fits)
        if not fits:
            kernels = len(strategy._kept.forecasts[0]._posteriors)  # type: ignore[union-attr, attr-defined]
            assert sum(entries) <= kernels * (2 * (known + 50) + 20 * known)
