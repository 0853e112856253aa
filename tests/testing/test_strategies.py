"""The contract check of strategies catches what it promises to catch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from archrank.rows import is_new
from archrank.strategies import History, Random, Strategy
from archrank.testing import check_strategy
from archrank.types import Archs
from tests.testing.helpers import make


class Repeats(Random):
    def propose(self, history: History, n: int, *, rng: np.random.Generator) -> Archs:
        return np.repeat(super().propose(history, 1, rng=rng), n, axis=0)


class Forgets(Random):
    def propose(self, history: History, n: int, *, rng: np.random.Generator) -> Archs:
        return history.archs[:n] if len(history) else super().propose(history, n, rng=rng)


class Counts(Random):
    def propose(self, history: History, n: int, *, rng: np.random.Generator) -> Archs:
        self.calls = getattr(self, "calls", 0) + 1
        for _ in range(self.calls):
            rows = super().propose(history, n, rng=rng)
        return rows


class Greedy(Random):
    def propose(self, history: History, n: int, *, rng: np.random.Generator) -> Archs:
        return super().propose(history, n + 1, rng=rng)


class SecretlyAdaptive(Random):
    def propose(self, history: History, n: int, *, rng: np.random.Generator) -> Archs:
        good = np.nansum(history.objectives) > 0
        return super().propose(history, n, rng=rng)[:: 1 if good else -1]


class Unruly(Random):
    def propose(self, history: History, n: int, *, rng: np.random.Generator) -> Archs:
        free = History(history.space, history.archs, history.objectives, history.violation)
        return super().propose(free, n, rng=rng)


class Opaque(Random):
    def describe(self) -> dict[str, Any]:
        return {"batch_size": {8}}


class Idle(Random):
    def batch(self, history: History) -> int:
        return 0


class GivesUp(Random):
    """Stops at the first failure."""

    def propose(self, history: History, n: int, *, rng: np.random.Generator) -> Archs:
        rows = super().propose(history, n, rng=rng)
        return rows[:0] if not history.ok.all() else rows


class Signed(Random):
    def propose(self, history: History, n: int, *, rng: np.random.Generator) -> Archs:
        return super().propose(history, n, rng=rng).astype(np.int64)


class OwnRandomness(Random):
    def propose(self, history: History, n: int, *, rng: np.random.Generator) -> Archs:
        return super().propose(history, n, rng=np.random.default_rng())


class Sorts(Random):
    def propose(self, history: History, n: int, *, rng: np.random.Generator) -> Archs:
        history.objectives.sort(axis=0)
        return super().propose(history, n, rng=rng)


class NeverLists(Random):
    """Draws once: the last few of a space are missed."""

    def propose(self, history: History, n: int, *, rng: np.random.Generator) -> Archs:
        drawn = np.unique(history.space.sample(30, rng=rng), axis=0)
        drawn = drawn[is_new(drawn, history.archs)]
        return rng.permutation(drawn[history.allowed(drawn)])[:n]


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (Opaque, "JSON values only"),
        (Idle, r"batch\(history\) must be at least 1, got 0"),
        (GivesUp, "some failed: proposed 0 of 5 though the space has more"),
        (Signed, r"must return uint8 \(k, 4\), got int64"),
        (OwnRandomness, "propose must be pure"),
        (Sorts, "wrote into the history"),
        (NeverLists, "2 allowed architectures are left, [01] were proposed"),
        (Repeats, "one row twice"),
        (Forgets, "what is in the history|though the space has more"),
        (Counts, "propose must be pure"),
        (Greedy, "asked for 5, proposed 6"),
        (Unruly, "allowed forbids"),
        (SecretlyAdaptive, "so adaptive must be True"),
    ],
)
def test_broken_strategies(broken: Callable[[], Strategy], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_strategy(broken, make())


def test_a_correct_strategy() -> None:
    check_strategy(Random, make())
