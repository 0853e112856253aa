"""Walks towards limits and inside them; the oracle lists the region by arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

from archrank.spaces import CustomSpace
from archrank.strategies import walk as module
from archrank.strategies.region import Region
from archrank.strategies.walk import Walk, walk
from archrank.types import Archs, Floats
from tests.strategies.helpers import build, rows


def space_of(d: int, options: int = 4) -> CustomSpace:
    return CustomSpace({f"k{i}": list(range(options)) for i in range(d)}, build, "big")


class Sum:
    """Excess of the sum of options over a limit; remembers what it was asked."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.asked: list[bytes] = []

    def __call__(self, archs: Archs) -> Floats:
        self.asked += [row.tobytes() for row in archs]
        return np.maximum(archs.sum(axis=1, dtype=float) - self.limit, 0.0)


def look(d: int, excess: Sum, n: int, start: Archs | None = None, seed: int = 0) -> Archs:
    space = space_of(d)
    none = np.empty((0, d), dtype=np.uint8)
    return walk(
        space,
        Region(excess),
        none if start is None else start,
        enough=lambda archs: len(archs) >= n,
        n=n,
        rng=np.random.default_rng(seed),
    )


def test_it_finds_all_there_are() -> None:
    found = look(14, Sum(1), 99)
    none = np.zeros((1, 14), dtype=np.uint8)
    expected = np.concatenate([none, np.eye(14, dtype=np.uint8)])
    assert rows(found) == rows(expected)


@pytest.mark.parametrize("limit", [3, 40])
def test_what_is_found_is_inside_and_enough(limit: int) -> None:
    excess = Sum(limit)
    found = look(100, excess, 200)
    assert len(rows(found)) >= 200
    assert (found.sum(axis=1) <= limit).all()
    assert len(set(excess.asked)) == len(excess.asked)  # none is counted twice
    assert len(excess.asked) < 60_000


def test_the_same_seed_walks_the_same_way() -> None:
    assert np.array_equal(look(20, Sum(8), 50), look(20, Sum(8), 50))
    assert not np.array_equal(look(20, Sum(8), 50), look(20, Sum(8), 50, seed=1)[:50])


def test_it_starts_from_what_is_known() -> None:
    excess = Sum(0)
    start = np.zeros((1, 14), dtype=np.uint8)
    assert rows(look(14, excess, 1, start)) == rows(start)


def test_the_draws_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DRAWS", 1_000)
    excess = Sum(-1)
    assert look(14, excess, 5).shape == (0, 14)
    assert 1_000 <= len(excess.asked) <= 1_000 + module.POPULATION


def test_a_population_that_is_stuck_begins_anew() -> None:
    """A valley that leads away from the only way in: all options 0 but the first, which is 3."""

    def excess(archs: Archs) -> Floats:
        total = archs.sum(axis=1).astype(float)
        trap = 1 + total  # least, but outside, where everything is 0
        inside = (archs[:, 0] == 3) & (total <= 5)
        return np.where(inside, 0.0, trap)

    walker = Walk(space_of(11), Region(excess), np.empty((0, 11), dtype=np.uint8),
                  rng=np.random.default_rng(0))  # fmt: skip
    walker.descend()
    assert len(walker.inside)


def test_long_chains_are_uniform_within_the_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where chains end, each of the 66 architectures of at most 2 in sum is as likely."""
    monkeypatch.setattr(module, "STEPS", (200, 200))
    space = space_of(10)
    counts: dict[bytes, int] = {}
    for seed in range(12):
        walker = Walk(space, Region(Sum(2)), np.zeros((1, 10), dtype=np.uint8),
                      rng=np.random.default_rng(seed))  # fmt: skip
        for row in walker.spread(256):
            counts[row.tobytes()] = counts.get(row.tobytes(), 0) + 1
    expected = 12 * 256 / 66
    assert len(counts) == 66
    assert max(abs(n - expected) for n in counts.values()) < 6 * np.sqrt(expected)
