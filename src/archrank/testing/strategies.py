"""Contract check of strategies."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from archrank.rows import is_new
from archrank.spaces.base import ENUMERABLE, Space
from archrank.strategies.base import Strategy
from archrank.strategies.history import History
from archrank.strategies.region import Region
from archrank.testing._require import require, require_description
from archrank.testing.rankers import easy_scores
from archrank.types import Archs, Floats

KNOWN = 12  # evaluated architectures in a history
WANTED = 5  # proposals asked for


def check_strategy(make_strategy: Callable[[], Strategy], space: Space, *, seed: int = 0) -> None:
    """Check that a strategy keeps the contract of :class:`~archrank.strategies.Strategy`.

    Args:
        make_strategy: Function that returns a new strategy, or the class.
        space: Space to search, with at least 64 architectures.
        seed: Seed of histories and proposals.

    Raises:
        AssertionError: The strategy breaks a rule; the message names it.
    """
    name = type(make_strategy()).__name__
    require_description(make_strategy().describe(), name)
    for what, history in histories(space, seed):
        where = f"{name}, {what}"
        batch = make_strategy().batch(history)
        require(batch >= 1, f"{where}: batch(history) must be at least 1, got {batch}")
        rows = _propose(make_strategy, history, WANTED, seed, where)
        require(
            len(rows) == WANTED,
            f"{where}: proposed {len(rows)} of {WANTED} though the space has more",
        )
    _check_adaptive(make_strategy, space, seed, name)
    _check_allowed(make_strategy, space, seed, name)
    _check_exhaustion(make_strategy, space, seed, name)


def histories(space: Space, seed: int) -> Iterator[tuple[str, History]]:
    """Yield histories as they occur in real runs: ``(description, history)``."""
    drawn = space.sample(40 * KNOWN, rng=np.random.default_rng(seed))
    _, first = np.unique(drawn, axis=0, return_index=True)
    archs = drawn[np.sort(first)[:KNOWN]]
    n = len(archs)
    good = easy_scores(space, archs)
    none = np.zeros(n)
    some = np.where(np.arange(n) % 3 == 0, np.nan, good)
    broken = np.where(np.arange(n) % 2 == 0, 0.3, 0.0)
    yield "empty history", _history(space, archs[:0], np.zeros((0, 1)))
    yield "one evaluation", _history(space, archs[:1], good[:1, None])
    yield "all evaluated", _history(space, archs, good[:, None])
    yield "some failed", _history(space, archs, some[:, None])
    yield "all failed", _history(space, archs, np.full((n, 1), np.nan))
    yield "constant scores", _history(space, archs, none[:, None])
    yield "two objectives", _history(space, archs, np.stack([good, -archs.sum(1) * 1.0], axis=1))
    yield "two objectives, empty", _history(space, archs[:0], np.zeros((0, 2)))
    yield "two objectives, all failed", _history(space, archs, np.full((n, 2), np.nan))
    yield "half infeasible", History(space, archs, good[:, None], broken)
    yield "all infeasible", History(space, archs, good[:, None], none + 1)


def _history(space: Space, archs: Archs, objectives: Floats) -> History:
    return History(space, archs, objectives, np.zeros(len(archs)))


def _propose(
    make_strategy: Callable[[], Strategy], history: History, n: int, seed: int, where: str
) -> Archs:
    """Propose, check every rule, and return the proposals: ``(k, d)``, ``k <= n``."""
    space = history.space
    before = history.archs.copy(), history.objectives.copy(), history.violation.copy()
    strategy = make_strategy()
    rows = strategy.propose(history, n, rng=np.random.default_rng(seed))
    require(
        rows.ndim == 2 and rows.shape[1] == space.d and rows.dtype == np.uint8,
        f"{where}: propose must return uint8 (k, {space.d}), got {rows.dtype} {rows.shape}",
    )
    require(len(rows) <= n, f"{where}: asked for {n}, proposed {len(rows)}")
    space.validate(rows)
    require(len(np.unique(rows, axis=0)) == len(rows), f"{where}: proposed one row twice")
    require(is_new(rows, history.archs).all(), f"{where}: proposed what is in the history")
    require(history.allowed(rows).all(), f"{where}: proposed what history.allowed forbids")
    same = [
        strategy.propose(history, n, rng=np.random.default_rng(seed)),
        make_strategy().propose(history, n, rng=np.random.default_rng(seed)),
    ]
    require(
        all(np.array_equal(rows, other) for other in same),
        f"{where}: propose must be pure: the same history, n and rng gave other rows",
    )
    unchanged = (
        np.array_equal(before[0], history.archs)
        and np.array_equal(before[1], history.objectives, equal_nan=True)
        and np.array_equal(before[2], history.violation, equal_nan=True)
    )
    require(unchanged, f"{where}: propose wrote into the history")
    return rows


def _check_adaptive(
    make_strategy: Callable[[], Strategy], space: Space, seed: int, name: str
) -> None:
    """Check that a strategy which is not adaptive ignores the results of evaluations."""
    if make_strategy().adaptive:
        return
    known = dict(histories(space, seed))["all evaluated"]
    archs, scores = known.archs, known.objectives
    proposed = [
        _propose(make_strategy, _history(space, archs, results), WANTED, seed, name)
        for results in (scores, -scores, np.full_like(scores, np.nan))
    ]
    require(
        all(np.array_equal(proposed[0], rows) for rows in proposed[1:]),
        f"{name}: proposals depend on results of evaluations, so adaptive must be True",
    )


def _check_allowed(
    make_strategy: Callable[[], Strategy], space: Space, seed: int, name: str
) -> None:
    column = next((j for j, c in enumerate(space.choices) if len(c.options) > 1), 0)
    for what, base in histories(space, seed):
        history = History(
            space,
            base.archs,
            base.objectives,
            base.violation,
            Region.of(lambda archs: np.asarray(archs[:, column] == 0, dtype=bool)),
        )
        _propose(make_strategy, history, WANTED, seed, f"{name}, {what}, part of it allowed")


def _check_exhaustion(
    make_strategy: Callable[[], Strategy], space: Space, seed: int, name: str
) -> None:
    """Check proposals when two allowed architectures are left, and when none is."""
    if space.size > ENUMERABLE:
        return  # rare allowed rows of a huge space need not be found
    rng = np.random.default_rng([seed, 1])  # not what the strategy itself draws with this seed
    drawn = np.unique(space.sample(60, rng=rng), axis=0)
    pool = rng.permutation(drawn)[:KNOWN]
    scores = easy_scores(space, pool)[:, None]
    for left in (2, 0):
        known = len(pool) - left
        history = History(
            space,
            pool[:known],
            scores[:known],
            np.zeros(known),
            Region.of(lambda archs: ~is_new(archs, pool)),
        )
        rows = _propose(make_strategy, history, WANTED, seed, f"{name}, {left} left")
        require(
            len(rows) == left,
            f"{name}: {left} allowed architectures are left, {len(rows)} were proposed",
        )
