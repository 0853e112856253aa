"""Regularized evolution (Real, Aggarwal, Huang & Le, AAAI 2019, algorithm 1)."""

from __future__ import annotations

from typing import Any

import numpy as np

from archrank.rows import distinct, is_new
from archrank.strategies.base import Strategy, require_positive
from archrank.strategies.history import History
from archrank.strategies.unseen import sample_unseen
from archrank.types import Archs

TRIES = 50  # mutations of one parent that are tried before a random architecture replaces the child


class RegularizedEvolution(Strategy):
    """Regularized evolution, in which the oldest member of the population dies, not the worst.

    The population is the last ``population`` successful evaluations. Each child is a copy of the
    best of ``tournament`` random members with one decision changed.

    Differences from the paper: a child that is equal or isomorphic to an evaluated architecture
    is replaced by another mutation, and each round makes several children, so that several
    workers have something to do. ``batch_size=1, skip_isomorphic=False`` comes closest to the
    published loop, which does not remember what was evaluated.

    Args:
        population: Size of the population (paper: 100; smaller here, for smaller budgets).
        tournament: Members that are compared to find a parent (paper: 25).
        batch_size: Children per round.
        skip_isomorphic: Evaluate no two isomorphic architectures as long as there are others.

    Raises:
        BudgetError: ``population``, ``tournament`` or ``batch_size`` below 1.
    """

    adaptive = True

    def __init__(
        self,
        population: int = 20,
        tournament: int = 5,
        batch_size: int = 2,
        *,
        skip_isomorphic: bool = True,
    ) -> None:
        require_positive(self, population=population, tournament=tournament, batch_size=batch_size)
        self.population = population
        self.tournament = tournament
        self.batch_size = batch_size
        self.skip_isomorphic = skip_isomorphic

    def batch(self, history: History) -> int:
        """Return the members that the first population lacks, then :attr:`batch_size`."""
        return max(self.population - len(history), 0) or self.batch_size

    def propose(self, history: History, n: int, *, rng: np.random.Generator) -> Archs:
        """Propose random architectures until the population is full, then mutated winners."""
        alive = np.flatnonzero(history.ok)[-self.population :]
        if len(history) < self.population or len(alive) == 0:
            return sample_unseen(history, n, rng=rng, skip_isomorphic=self.skip_isomorphic)
        size = min(self.tournament, len(alive))
        members = rng.permuted(np.tile(alive, (n, 1)), axis=1)[:, :size]  # (n, tournament)
        winners = members[np.arange(n), history.scores[members].argmax(axis=1)]
        children = self._mutate(history, history.archs[winners], rng)
        if len(children) < n:
            extra = sample_unseen(
                history,
                n - len(children),
                rng=rng,
                taken=children,
                skip_isomorphic=self.skip_isomorphic,
            )
            children = np.concatenate([children, extra])
        return children

    def _mutate(self, history: History, parents: Archs, rng: np.random.Generator) -> Archs:
        """Mutate each parent into a new allowed child, ``(k, d)``; at most :data:`TRIES` attempts.

        Parents whose attempts all fail have no child.
        """
        keys = history.space.canonical if self.skip_isomorphic else np.asarray
        seen = history.canonical if self.skip_isomorphic else history.archs
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
        """Return the name and the settings, as JSON values."""
        return {
            "strategy": "regularized_evolution",
            "population": self.population,
            "tournament": self.tournament,
            "batch_size": self.batch_size,
            "skip_isomorphic": self.skip_isomorphic,
        }
