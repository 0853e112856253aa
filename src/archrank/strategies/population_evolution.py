"""Evolution of a population under cheap scores: the search of HAT and of RankNAS.

Wang et al., "HAT: Hardware-Aware Transformers for Efficient Natural Language Processing", ACL 2020,
score 125 random architectures that keep a limit, and 30 times over take the best 25 as parents of
50 mutants and 50 mixtures. Hu et al., "RankNAS: Efficient Neural Architecture Search by Pairwise
Ranking", EMNLP 2021, section 4.1, search so under the scores of a ranker.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from archrank.checks import number, whole
from archrank.errors import BudgetError, SettingsError
from archrank.rows import distinct, first_rows, is_new
from archrank.spaces.base import Space
from archrank.strategies.evaluated import Evaluated, LimitSearch, WithinLimit, history_of
from archrank.strategies.unseen import sample_unseen
from archrank.types import Archs

ATTEMPTS = 20  # rounds of children before random architectures take the place of those missing


@dataclass(frozen=True)
class PopulationEvolution(LimitSearch):
    """Evolution whose parents are the best of a population; one run for each limit.

    Differences from HAT's script: no two architectures that are scored are equivalent, a parent
    keeps its score, a mutant always differs from its parent, and the children of the last
    generation are scored. ``published=True`` does as the script: parents are scored again in every
    generation, a mutated decision may be drawn as it was, architectures may be met several times,
    and the last children are never scored. What is found is the best of all that was scored in
    either case. The script names the best of the last population, which is the same one.

    Args:
        parents: best of a population, which have children.
        mutants: children per generation of one parent.
        mixtures: children per generation of two parents.
        generations: of children.
        rate: probability with which a mutant changes a decision.
        published: do as HAT's script.

    Raises:
        BudgetError: a number is below 1.
        SettingsError: ``rate`` is no probability above 0.

    Example:
        >>> PopulationEvolution().evaluations, PopulationEvolution(published=True).evaluations
        (3125, 3750)
    """

    parents: int = 25
    mutants: int = 50
    mixtures: int = 50
    generations: int = 30
    rate: float = 0.3
    published: bool = False

    def __post_init__(self) -> None:
        name = type(self).__name__
        for setting in ("parents", "mutants", "mixtures", "generations"):
            whole(getattr(self, setting), f"{name}: {setting}", at_least=1, error=BudgetError)
        if not 0 < number(self.rate, f"{name}: rate", error=SettingsError) <= 1:
            raise SettingsError(f"{name}: rate is a probability above 0, got {self.rate:g}")

    @property
    def size(self) -> int:
        """Architectures of a population."""
        return self.parents + self.mutants + self.mixtures

    @property
    def evaluations(self) -> int:
        """Architectures that are scored within one limit, parents of the script anew."""
        if self.published:
            return self.size * self.generations
        return self.size + (self.mutants + self.mixtures) * self.generations

    def _search(self, of: WithinLimit) -> Evaluated:
        return self._as_published(of) if self.published else self._evolve(of)

    def _evolve(self, of: WithinLimit) -> Evaluated:
        """Search within one limit; nothing is scored twice."""
        rng = of.rng(0)
        seen = of.measured(of.new(of.start[:0], of.start, self.size, rng=rng))
        of.tell(len(seen))
        for generation in range(1, self.generations + 1) if len(seen) else ():
            rng = of.rng(generation)
            children = self._children(of, seen, rng)
            missing = self.mutants + self.mixtures
            children = of.new(seen.archs, children, missing, rng=rng)
            if not len(children):
                break  # everything within the limit is scored
            seen = seen.joined(of.measured(children))
            of.tell(len(seen))
        return seen

    def _children(self, of: WithinLimit, seen: Evaluated, rng: np.random.Generator) -> Archs:
        """Return children that are new and may be scored, canonical: ``(<= n, d)``."""
        parents = seen.archs[seen.best(self.parents)]
        made = seen.archs[:0]
        for make, n in ((self._mutants, self.mutants), (self._mixtures, self.mixtures)):
            n += len(made)
            for _ in range(ATTEMPTS if len(parents) else 0):
                children = of.space.canonical(make(of.space, parents, 2 * (n - len(made)), rng))
                children = children[is_new(children, seen.archs)]
                children = children[of.region.allowed(children)]
                made = distinct(np.concatenate([made, children]))[:n]
                if len(made) == n:
                    break
        return made

    def _as_published(self, of: WithinLimit) -> Evaluated:
        """Search within one limit as HAT's script; what it scores is told once each."""
        people = of.start[of.region.allowed(of.start)]
        people = self._filled(of, people, of.rng(0))
        met, scores = people[:0], np.zeros(0)
        for generation in range(1, self.generations + 1):
            if not len(people):
                break
            values = of.score(people)
            met, scores = np.concatenate([met, people]), np.concatenate([scores, values])
            of.tell(len(met))
            if generation == self.generations:
                break  # the script makes children once more, and does not score them
            best = np.argsort(-np.where(np.isnan(values), -np.inf, values), kind="stable")
            people = self._next(of, people[best[: self.parents]], of.rng(generation))
        first = first_rows(met)
        return Evaluated(met[first], scores[first], of.cost(met[first]))

    def _next(self, of: WithinLimit, parents: Archs, rng: np.random.Generator) -> Archs:
        """Return parents and their children, which may be any of them again: ``(size, d)``."""
        people = parents
        for make, n in ((self._redrawn, self.mutants), (self._mixtures, self.mixtures)):
            n += len(people)
            for _ in range(ATTEMPTS):
                children = make(of.space, parents, 2 * (n - len(people)), rng)
                children = children[of.space.valid(children)]
                people = np.concatenate([people, children[of.region.allowed(children)]])[:n]
                if len(people) == n:
                    break
        return self._filled(of, people, rng)

    def _filled(self, of: WithinLimit, people: Archs, rng: np.random.Generator) -> Archs:
        """Add random architectures to a population up to its size: ``(size, d)``."""
        history = history_of(of.space, people[:0], of.region)
        missing = max(self.size - len(people), 0)
        drawn = sample_unseen(history, missing, rng=rng) if missing else people[:0]
        return np.concatenate([people, drawn])[: self.size]

    def _mutants(self, space: Space, parents: Archs, n: int, rng: np.random.Generator) -> Archs:
        one = parents[rng.integers(len(parents), size=n)]
        return space.mutate(one, rng=rng, rate=self.rate)

    def _redrawn(self, space: Space, parents: Archs, n: int, rng: np.random.Generator) -> Archs:
        one = parents[rng.integers(len(parents), size=n)]
        drawn = space.sample(n, rng=rng)
        return np.where(rng.random(one.shape) < self.rate, drawn, one)

    @staticmethod
    def _mixtures(space: Space, parents: Archs, n: int, rng: np.random.Generator) -> Archs:
        k = len(parents)
        one = rng.integers(k, size=n)
        other = (one + rng.integers(1, max(k, 2), size=n)) % k  # another parent, if there is one
        return space.crossover(parents[one], parents[other], rng=rng)
