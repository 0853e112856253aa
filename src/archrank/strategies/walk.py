"""Architectures within limits that almost none keeps, in spaces too large to be listed.

First a population descends towards the limits: mutants and mixtures of the least violating
architectures replace the most violating ones (the feasibility rule of Deb, 2000: of two infeasible
solutions the smaller violation wins). Then Markov chains spread inside: each step mutates every
chain, and moves it where the mutant is within the limits (Metropolis with a uniform target). If
chains meet too few, everything found so far is mutated until nothing new turns up.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from archrank.rows import first_rows, is_new, row_codes
from archrank.spaces.base import Space
from archrank.strategies.region import BUILT, Region
from archrank.types import Archs, Floats

DRAWS = 100_000  # different architectures whose limits are checked per walk, at most
SLOW_DRAWS = 2_048  # of these where each check builds a network
POPULATION = 128
PATIENCE = 30  # generations without progress after which a population begins anew
CHAINS = (64, 256)  # fewest and most
STEPS = (16, 64)  # of every chain, one per decision within these bounds
SETTLING = 4  # times as many steps where nothing inside is known yet
BATCH = 16_384  # mutants at a time when looking for the last ones
BATCHES = 64  # of these, at most
COVERAGE = 8  # mutants per change of one decision of what is inside, before it counts as all


class Walk:
    """Looks for architectures of a region.

    Args:
        space: their space.
        region: tells how far an architecture is outside.
        start: ``(k, d)`` architectures that may be inside, such as the evaluated ones.
        rng: source of randomness.

    Attributes:
        rows: ``(k, d)`` all different architectures checked so far, sorted.
        excess: ``(k,)`` how far each is outside.
    """

    def __init__(
        self, space: Space, region: Region, start: Archs, *, rng: np.random.Generator
    ) -> None:
        self.space = space
        self.region = region
        self.rng = rng
        self.rows = start[:0]
        self.excess: Floats = np.zeros(0)
        self.check(start)
        self.knew_some = bool((self.excess <= 0).any())

    @property
    def inside(self) -> Archs:
        """The architectures found that may be proposed: ``(k, d)``."""
        return self.rows[self.excess <= 0]

    @property
    def is_spent(self) -> bool:
        """True once :data:`DRAWS` architectures are checked, or :data:`SLOW_DRAWS`."""
        return len(self.rows) >= (SLOW_DRAWS if self.region.slow else DRAWS)

    def check(self, archs: Archs) -> Floats:
        """Return how far ``archs: (n, d)`` are outside, ``(n,)``; checks each one only once."""
        unique = archs[first_rows(archs)]
        unique = unique[is_new(unique, self.rows)]
        if len(unique):
            unique = unique[np.argsort(row_codes(unique))]
            at = np.searchsorted(row_codes(self.rows), row_codes(unique))
            self.rows = np.insert(self.rows, at, unique, axis=0)
            self.excess = np.insert(self.excess, at, self.region.excess(unique))
        place = np.searchsorted(row_codes(self.rows), row_codes(archs))
        found: Floats = self.excess[place]
        return found

    def mutants(self, archs: Archs) -> Archs:
        """Change one decision of half the rows, one or more of the others: ``(n, d)``."""
        n, d = archs.shape
        rates = self.rng.choice([0.0, 0.0, 1.5, 3.0], (n, 1)) / d  # at least one changes anyway
        return self.space.mutate(archs, rng=self.rng, rate=rates)

    def descend(self) -> None:
        """Go towards the limits until something is inside, or the draws are spent."""
        while not self.is_spent and not (self.excess <= 0).any():
            people = self.space.sample(POPULATION, rng=self.rng)
            outside, stale = self.check(people), 0
            while stale < PATIENCE and outside.min() > 0 and not self.is_spent:
                least = outside.min()
                children = self._children(people)
                pool = np.concatenate([people, children])
                away = np.concatenate([outside, self.check(children)])
                first = first_rows(pool)
                order = first[np.lexsort((self.rng.random(len(first)), away[first]))][:POPULATION]
                people, outside = pool[order], away[order]
                stale = 0 if outside.min() < least else stale + 1

    def _children(self, people: Archs) -> Archs:
        """Mutants of half the people, mutants of mixtures of two for the rest: ``(n, d)``."""
        one, two = (people[self.rng.permutation(len(people))] for _ in range(2))
        mixed = self.space.crossover(one, two, rng=self.rng)
        alone = self.rng.random((len(people), 1)) < 0.5
        return self.mutants(np.where(alone, one, mixed))

    def spread(self, n: int) -> Archs:
        """Walk chains from what is inside, and return where they end: ``(chains, d)``."""
        inside = self.inside
        chains = min(max(n, CHAINS[0]), CHAINS[1])
        steps = min(max(self.space.d, STEPS[0]), STEPS[1])
        state = inside[self.rng.integers(len(inside), size=chains)]
        for _ in range(steps if self.knew_some else SETTLING * steps):
            if self.is_spent:
                break
            near = self.mutants(state)
            state = np.where((self.check(near) <= 0)[:, None], near, state)
        return state

    def widen(self, enough: Callable[[Archs], bool]) -> None:
        """Mutate all that is inside until that is ``enough``, or nothing new turns up."""
        changes = max(int((self.space.radices - 1).sum()), 1)
        vain, batch = 0, BUILT if self.region.slow else BATCH
        for _ in range(BATCHES):
            inside = self.inside
            if enough(inside) or self.is_spent or vain > COVERAGE * changes * len(inside):
                break
            self.check(self.mutants(inside[self.rng.integers(len(inside), size=batch)]))
            vain = 0 if len(self.inside) > len(inside) else vain + batch


def walk(
    space: Space,
    region: Region,
    start: Archs,
    *,
    enough: Callable[[Archs], bool],
    n: int,
    rng: np.random.Generator,
) -> Archs:
    """Look for architectures of a region that almost none is in: ``(k, d)``.

    Checks the limits of about :data:`DRAWS` architectures at most.

    Args:
        space: their space.
        region: tells how far an architecture is outside.
        start: ``(k, d)`` architectures that may be inside, such as evaluated ones.
        enough: whether the different rows found inside, ``(l, d)``, suffice.
        n: how many are wanted, roughly; decides the number of chains.
        rng: source of randomness.

    Returns:
        All that were found: first where the chains ended, then the others in random order; a row
        may occur several times.
    """
    walker = Walk(space, region, start, rng=rng)
    walker.descend()
    if not len(walker.inside):
        return start[:0]
    ends = walker.spread(n)
    walker.widen(enough)
    return np.concatenate([ends, rng.permutation(walker.inside)])
