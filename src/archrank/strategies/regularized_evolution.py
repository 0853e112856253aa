"""Regularized evolution (Real, Aggarwal, Huang & Le, AAAI 2019, algorithm 1)."""

from __future__ import annotations

from typing import Any

import numpy as np

from archrank.strategies.base import Strategy, require_positive
from archrank.strategies.fresh import distinct, is_new, sample_fresh
from archrank.strategies.history import History
from archrank.types import Archs

TRIES = 50  # mutations of a parent before a random architecture stands in


class RegularizedEvolution(Strategy):
    """Evolution in which the oldest dies, not the worst.

    The population is the last ``population`` successful evaluations. Each child mutates one
    decision of the best of ``tournament`` random members. Unlike the paper, a child that has been
    evaluated before, or an isomorphic one, is mutated again, and several children are made per
    round so that workers stay busy; ``batch_size=1, classes=False`` comes closest to the published
    loop, in which nothing remembers what was evaluated.

    Args:
        population: members alive (paper: 100; smaller here because budgets are).
        tournament: members compared per child (paper: 25).
        batch_size: children per round.
        classes: evaluate no two isomorphic architectures while others are left.
    """

    def __init__(
        self,
        population: int = 20,
        tournament: int = 5,
        batch_size: int = 2,
        *,
        classes: bool = True,
    ) -> None:
        require_positive(self, population=population, tournament=tournament, batch_size=batch_size)
        self.population = population
        self.tournament = tournament
        self.batch_size = batch_size
        self.classes = classes

    def batch(self, history: History) -> int:
        """The whole first population, then :attr:`batch_size` children."""
        return max(self.population - len(history), 0) or self.batch_size

    def propose(self, history: History, n: int, *, rng: np.random.Generator) -> Archs:
        """Random architectures until the population is full, then children of tournaments."""
        alive = np.flatnonzero(history.ok)[-self.population :]
        if len(history) < self.population or len(alive) == 0:
            return sample_fresh(history, n, rng=rng, classes=self.classes)
        size = min(self.tournament, len(alive))
        fighters = rng.permuted(np.tile(alive, (n, 1)), axis=1)[:, :size]  # (n, tournament)
        winners = fighters[np.arange(n), history.scores[fighters].argmax(axis=1)]
        children = self._mutate(history, history.archs[winners], rng)
        if len(children) < n:
            extra = sample_fresh(
                history, n - len(children), rng=rng, taken=children, classes=self.classes
            )
            children = np.concatenate([children, extra])
        return children

    def _mutate(self, history: History, parents: Archs, rng: np.random.Generator) -> Archs:
        """One new allowed child per parent where :data:`TRIES` mutations find one."""
        keys = history.space.canonical if self.classes else np.asarray
        seen = keys(history.archs)
        children: list[Archs] = []
        for parent in parents:
            tries = history.space.mutate(np.repeat(parent[None], TRIES, axis=0), rng=rng)
            tries = distinct(tries)
            tries = tries[is_new(keys(tries), seen)]
            child = tries[history.allowed(tries)][:1]
            seen = np.concatenate([seen, keys(child)])
            children.append(child)
        return np.concatenate(children)

    def describe(self) -> dict[str, Any]:
        """Name and settings."""
        return {
            "strategy": "regularized_evolution",
            "population": self.population,
            "tournament": self.tournament,
            "batch_size": self.batch_size,
            "classes": self.classes,
        }
