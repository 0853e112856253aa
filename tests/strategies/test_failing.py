"""Failures that can be foreseen, and failures by chance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from archrank.errors import EvaluationError
from archrank.evaluators import Function
from archrank.rows import is_new
from archrank.spaces import CustomSpace, Space
from archrank.strategies import Guided, History, failing
from archrank.strategies.failing import FEWEST, foreseen
from archrank.study import Study
from archrank.types import Archs, Bools
from tests.strategies.helpers import Weights, build, history, some


def space() -> CustomSpace:
    """4,096 architectures."""
    return CustomSpace({f"width{i}": [8, 16, 32, 64] for i in range(6)}, build)


def too_large(archs: Archs) -> Bools:
    """A third of all run out of memory."""
    return archs.sum(axis=1) > 10


def evaluated(space: Space, archs: Archs, failed: Bools) -> History:
    scores = np.where(failed, np.nan, archs.sum(axis=1, dtype=float))
    return replace(history(space, archs, scores), failed=failed)


def test_a_region_that_always_fails() -> None:
    every = space().enumerate()
    shares = []
    for seed in range(8):
        archs = some(space(), 40, seed)
        fails = foreseen(evaluated(space(), archs, too_large(archs)))
        assert fails is not None
        unseen = every[is_new(every, archs)]
        marked, wrong = fails(unseen), too_large(unseen)
        shares.append((marked[wrong].mean(), marked[~wrong].mean()))
    found, lost = np.mean(shares, axis=0)
    assert found > 0.7
    assert lost < 0.3


def test_failures_by_chance_are_not_learnt() -> None:
    believed = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        archs = some(space(), 40, seed)
        believed += foreseen(evaluated(space(), archs, rng.random(40) < 0.2)) is not None
    assert believed <= 4


@pytest.mark.parametrize("few", [FEWEST - 1, 40 - FEWEST + 1])
def test_too_few_of_either(few: int) -> None:
    archs = some(space(), 40)
    order = np.argsort(-archs.sum(axis=1, dtype=int), kind="stable")
    failed = np.isin(np.arange(40), order[:few])
    assert foreseen(evaluated(space(), archs, failed)) is None


def test_what_is_still_evaluated_is_no_failure() -> None:
    archs = some(space(), 40)
    known = evaluated(space(), archs, too_large(archs))
    assert foreseen(replace(known, failed=None)) is None
    assert foreseen(replace(known, failed=np.zeros(40, dtype=bool))) is None


def test_it_follows_from_the_latest() -> None:
    """A long run costs no more, and an older part of it does not matter."""
    archs = some(space(), 1500)
    whole = evaluated(space(), archs, too_large(archs))
    assert whole.failed is not None
    latest = np.sort(
        np.concatenate([np.flatnonzero(m)[-failing.MOST :] for m in (whole.failed, ~whole.failed)])
    )
    part = evaluated(space(), archs[latest], whole.failed[latest])
    marks = [foreseen(each) for each in (whole, part)]
    every = space().enumerate()
    assert marks[0] is not None
    assert marks[1] is not None
    assert np.array_equal(marks[0](every), marks[1](every))


def test_the_first_evaluations_of_a_history() -> None:
    archs = some(space(), 40)
    whole = evaluated(space(), archs, too_large(archs))
    first = whole.first(7)
    assert first.failed is not None
    assert first.failed.tolist() == too_large(archs[:7]).tolist()


# ---- in a search ---------------------------------------------------------------------------------


RUNS = [(0, 200), (1, 200), (2, 12)]  # seeds, and evaluations up to which each round is fitted anew


def failures(searched: Space, seed: int, *, known: bool, exact: int = 200) -> int:
    """Search for the largest; return how many of 20 evaluations after the first 30 fail."""
    strategy = Guided(Weights(searched), exact=exact)
    archs = some(searched, 30, seed)
    limit = np.quantile(archs.sum(axis=1), 0.7)
    for n in range(10):
        failed = archs.sum(axis=1) > limit
        past = evaluated(searched, archs, failed)
        past = past if known else replace(past, failed=None)
        picks = strategy.propose(past, 2, rng=np.random.default_rng([seed, n]))
        archs = np.concatenate([archs, picks])
    return int((archs[30:].sum(axis=1) > limit).sum())


def test_a_search_that_fails_at_what_it_wants_most() -> None:
    without, with_ = (
        np.mean([failures(space(), seed, known=known, exact=exact) for seed, exact in RUNS])
        for known in (False, True)
    )
    assert without > 18
    assert with_ < 0.75 * without  # the best are next to the limit, which has to be found


def test_all_are_expected_to_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """The search goes on with what there is."""
    small = CustomSpace({f"width{i}": [8, 16, 32, 64] for i in range(3)}, build)
    every = small.enumerate()
    bad = every.sum(axis=1) > 4
    archs = np.concatenate([every[~bad], every[bad][:5]])
    past = evaluated(small, archs, np.arange(len(archs)) >= len(archs) - 5)
    fails = foreseen(past)
    assert fails is not None
    strategy = Guided(Weights(small))
    picks = strategy.propose(past, 2, rng=np.random.default_rng(0))
    assert len(picks) == 2
    monkeypatch.setattr(failing, "LIKELY", 1e-9)
    assert fails_all(past, every)
    assert len(strategy.propose(past, 2, rng=np.random.default_rng(0))) == 2


def fails_all(past: History, archs: Archs) -> bool:
    fails = foreseen(past)
    return fails is not None and bool(fails(archs).all())


def measure(config: dict[str, int]) -> float:
    if sum(config.values()) > 150:
        raise EvaluationError("out of memory")
    return float(sum(config.values()))


def test_a_study_tells_what_has_failed() -> None:
    study = Study(space(), Function(measure), Guided(Weights(space())))
    study.run(40)
    asked = study.ask(2)
    places = [*study._ledger.records, *study._ledger.asked.values()]
    found = study._engine.history(places)
    assert found.failed is not None
    assert len(found.failed) == 42
    assert (found.failed[:40] == ~found.ok[:40]).all()
    assert not found.ok[-2:].any()
    assert not found.failed[-2:].any()  # they are awaited
    study.tell(asked[0], failed="too hot")
    again = study.history.failed
    assert again is not None
    assert again[-1]
