"""Architectures that a search has scored, their costs, and the limits that it keeps.

Searches under cheap scores, such as a ranker's or a supernet's, hold what they have seen so; they
evaluate nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np

from archrank.rows import distinct, first_rows, is_new
from archrank.spaces.base import Space
from archrank.strategies.history import History, pareto_ranks
from archrank.strategies.region import Region
from archrank.strategies.unseen import sample_unseen
from archrank.types import Archs, Bools, Floats, Ints

Measure = Callable[[Archs], Floats]
"""A function of architectures, ``(n, d) -> (n,)``."""


@dataclass(frozen=True)
class Evaluated:
    """Architectures with their scores and costs.

    Attributes:
        archs: ``(n, d)``, all different.
        scores: ``(n,)``, higher is better; NaN where none could be given.
        costs: ``(n,)``, lower is better.
    """

    archs: Archs
    scores: Floats
    costs: Floats

    def __len__(self) -> int:
        return len(self.archs)

    def take(self, rows: Ints | Bools) -> Evaluated:
        """Return some of them."""
        return Evaluated(self.archs[rows], self.scores[rows], self.costs[rows])

    def joined(self, other: Evaluated) -> Evaluated:
        """Return these, followed by ``other``."""
        return Evaluated(
            np.concatenate([self.archs, other.archs]),
            np.concatenate([self.scores, other.scores]),
            np.concatenate([self.costs, other.costs]),
        )

    def best(self, k: int = 1, limit: float = np.inf) -> Ints:
        """Return the places of the ``k`` best within a limit of the cost, best first: ``(<= k,)``.

        Of equal scores the lower cost is better.
        """
        rows: Ints = np.flatnonzero((self.costs <= limit) & np.isfinite(self.scores))
        order: Ints = np.lexsort([self.costs[rows], -self.scores[rows]])[:k]
        return rows[order]

    def front(self) -> Ints:
        """Return the places of those that none dominates, by rising cost: ``(k,)``."""
        rows: Ints = np.flatnonzero(np.isfinite(self.scores))
        values = np.stack([self.scores[rows], -self.costs[rows]], axis=1)
        rows = rows[pareto_ranks(values) == 0]
        order: Ints = np.argsort(self.costs[rows], kind="stable")
        return rows[order]


class ScoreSearch(Protocol):
    """A search under scores that are cheap: settings and no state."""

    @property
    def evaluations(self) -> int:
        """Architectures that are scored within one limit, at most."""

    def run(
        self,
        space: Space,
        score: Measure,
        cost: Measure,
        *,
        start: Archs,
        limits: Sequence[float] = (),
        excess: Measure | None = None,
        seed: int = 0,
        progress: Callable[[int, int], object] = lambda done, of: None,
    ) -> Evaluated:
        """Search within each limit of the cost, and return all that was scored, in order.

        What is scored depends on ``seed`` and on the scores alone, so a search whose scores are
        kept can be repeated up to where it was stopped.

        Args:
            space: of the architectures.
            score: higher is better.
            cost: cheap, since it is called for every candidate.
            start: ``(k, d)`` the first architectures, such as the smallest network.
            limits: largest costs; nothing above the largest of them is scored. None: no limit.
            excess: part by which architectures exceed limits of other costs, 0 where they keep
                them; nothing else is scored. ``None``: there are no such limits.
            seed: of what is drawn.
            progress: called with the number of architectures that are scored, and of all.
        """


@dataclass(frozen=True)
class WithinLimit:
    """A search within one limit: what it may score, and how.

    Attributes:
        space: of the architectures.
        score: higher is better, ``(n, d) -> (n,)``.
        cost: lower is better, ``(n, d) -> (n,)``.
        region: what may be scored.
        start: ``(k, d)`` the first architectures.
        seed: of what is drawn.
        tell: called with the number of architectures that are scored.
    """

    space: Space
    score: Measure
    cost: Measure
    region: Region
    start: Archs
    seed: int
    tell: Callable[[int], object]

    def measured(self, archs: Archs) -> Evaluated:
        """Score architectures: ``(n, d)``."""
        if not len(archs):
            return Evaluated(archs, np.zeros(0), np.zeros(0))
        return Evaluated(archs, self.score(archs), self.cost(archs))

    def rng(self, number: int) -> np.random.Generator:
        """Return the source of randomness of one round."""
        return np.random.default_rng(np.random.SeedSequence([self.seed, number]))

    def new(self, seen: Archs, first: Archs, n: int, *, rng: np.random.Generator) -> Archs:
        """Return ``first`` and random architectures, ``n`` in all, no two of them equivalent.

        Args:
            seen: ``(k, d)`` canonical rows that are left out.
            first: ``(l, d)`` rows that come first, but for those that may not be scored.
            n: rows that are wanted.
            rng: source of randomness.

        Returns:
            ``(n, d)`` canonical rows; fewer where no more are found.
        """
        first = distinct(self.space.canonical(first))
        first = first[is_new(first, seen)]
        made = first[self.region.allowed(first)][:n]
        missing = n - len(made)
        if not missing:
            return made
        history = history_of(self.space, seen, self.region)
        others = sample_unseen(history, missing, rng=rng, taken=made, skip_isomorphic=True)
        made = distinct(np.concatenate([made, self.space.canonical(others)]))
        return made[is_new(made, seen)][:n]


class LimitSearch(ABC):
    """Base class of searches that look within one limit after the other."""

    @property
    @abstractmethod
    def evaluations(self) -> int:
        """Architectures that are scored within one limit, at most."""

    @abstractmethod
    def _search(self, of: WithinLimit) -> Evaluated:
        """Search within one limit."""

    def run(
        self,
        space: Space,
        score: Measure,
        cost: Measure,
        *,
        start: Archs,
        limits: Sequence[float] = (),
        excess: Measure | None = None,
        seed: int = 0,
        progress: Callable[[int, int], object] = lambda done, of: None,
    ) -> Evaluated:
        """Search within each limit, see :meth:`ScoreSearch.run`.

        Args:
            space: of the architectures.
            score: higher is better.
            cost: cheap, since it is called for every candidate.
            start: ``(k, d)`` the first architectures of each search.
            limits: largest costs; none: one search without.
            excess: part by which architectures exceed limits of other costs.
            seed: of what is drawn.
            progress: called with the number of architectures that are scored, and of all.

        Returns:
            All that was scored, once each; nothing where no architecture is found within a limit.
        """
        bounds = sorted(set(limits)) or [np.inf]
        found: list[Evaluated] = []
        for bound in bounds:
            tell = partial(_tell, progress, sum(map(len, found)), self.evaluations * len(bounds))
            region = within(cost, bound, excess)
            found.append(self._search(WithinLimit(space, score, cost, region, start, seed, tell)))
        every = Evaluated(
            np.concatenate([each.archs for each in found]),
            np.concatenate([each.scores for each in found]),
            np.concatenate([each.costs for each in found]),
        )
        return every.take(first_rows(every.archs))


def _tell(progress: Callable[[int, int], object], before: int, of: int, done: int) -> None:
    progress(before + done, of)


def within(cost: Measure, limit: float, excess: Measure | None) -> Region:
    """Return the region of architectures that cost no more than a limit, and have no excess."""
    if excess is None and not np.isfinite(limit):
        return Region()

    scale = abs(limit) if np.isfinite(limit) and limit else 1.0

    def violation(archs: Archs) -> Floats:
        over: Floats = np.maximum(cost(archs) - limit, 0.0) / scale
        return over if excess is None else over + excess(archs)

    return Region(violation)


def history_of(space: Space, archs: Archs, region: Region) -> History:
    """Return what was scored, as other strategies see it."""
    return History(space, archs, np.zeros((len(archs), 1)), np.zeros(len(archs)), region)
