"""Evolution of a whole front at once: the best architecture of every bucket of costs is a parent.

Wang et al., "AttentiveNAS: Improving Neural Architecture Search via Attentive Sampling", CVPR 2021,
search so for networks of all sizes; the settings are those of the script that was released with its
successor, AlphaNet. 512 architectures are scored first, the smallest network and random ones. Then
every generation makes 128 mutants and 128 mixtures of parents that are drawn alike from the best of
each bucket of 10 MFLOPs. 19 generations are scored, 5,376 architectures in all; the script makes a
20th, which it does not score, and the paper speaks of 5,248.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from archrank.checks import number, whole
from archrank.errors import BudgetError, SettingsError
from archrank.rows import distinct, is_new
from archrank.spaces.base import Space
from archrank.strategies.evaluated import Evaluated, Measure, history_of, within
from archrank.strategies.history import History
from archrank.strategies.unseen import sample_unseen
from archrank.types import Archs, Ints

CHANGES = 3.0  # decisions that a mutant changes on average, where no rate is told
ATTEMPTS = 20  # rounds of children before random architectures take the place of those missing

Draw = Callable[[int, float], Archs]
"""A function that draws ``n`` parents, ``(n, d)``, with the share of the best within limits."""


@dataclass(frozen=True)
class BucketEvolution:
    """Evolution whose parents are the best architectures of every bucket of costs.

    Differences from the script: no architecture is scored twice, a mutant always differs from its
    parent, and a bucket that a limit cuts counts as two, so that what keeps the limit has children
    although something a little larger is better. Without limits there is no such cut.

    Where limits are known, half of the parents are the best within each of them, and mutants change
    few decisions: measured under the released forest, every seed then finds what A0 to A6 score at
    their MFLOPs, and .86 of the seeds with ``focus=0, rate=0.2`` (``benchmarks/README.md``).

    Args:
        width: of the buckets, in the unit of the costs; 10 MFLOPs as published.
        initial: architectures of the first population.
        generations: populations of children that are scored.
        mutants: children per generation of one parent.
        mixtures: children per generation of two parents.
        rate: probability with which a mutant changes a decision, .2 as published; ``None``: three
            decisions on average.
        focus: share of parents that are the best within a limit, but for the other parent of a
            mixture; 0 as published.

    Raises:
        SettingsError: ``width`` is not positive, or ``rate`` or ``focus`` no probability.
        BudgetError: there is no first population, or a number is negative.

    Example:
        >>> BucketEvolution(width=10.0).evaluations
        5376
    """

    width: float
    initial: int = 512
    generations: int = 19
    mutants: int = 128
    mixtures: int = 128
    rate: float | None = None
    focus: float = 0.5

    def __post_init__(self) -> None:
        name = type(self).__name__
        whole(self.initial, f"{name}: initial", at_least=1, error=BudgetError)
        for setting in ("generations", "mutants", "mixtures"):
            whole(getattr(self, setting), f"{name}: {setting}", at_least=0, error=BudgetError)
        if not number(self.width, f"{name}: width", error=SettingsError) > 0:
            raise SettingsError(f"{name}: width is positive, got {self.width:g}")
        if self.rate is not None and (
            not 0 < number(self.rate, f"{name}: rate", error=SettingsError) <= 1
        ):
            raise SettingsError(f"{name}: rate is a probability above 0, got {self.rate:g}")
        if not 0 <= number(self.focus, f"{name}: focus", error=SettingsError) <= 1:
            raise SettingsError(f"{name}: focus is a share from 0 to 1, got {self.focus:g}")

    @property
    def evaluations(self) -> int:
        """Architectures that are scored, unless there are fewer."""
        return self.initial + self.generations * (self.mutants + self.mixtures)

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
        """Search for the front, and for the best architecture within each limit.

        The proposals of generation ``g`` depend on ``SeedSequence([seed, g])`` and on the scores
        before it, so a search whose scores are kept can be repeated up to where it was stopped.

        Args:
            space: of the architectures.
            score: higher is better; called once per generation.
            cost: cheap, since it is called for every candidate.
            start: ``(k, d)`` the first architectures, such as the smallest network.
            limits: largest costs; nothing above the largest of them is scored. None: no limit.
            excess: part by which architectures exceed limits of other costs, 0 where they keep
                them; nothing else is scored. ``None``: there are no such limits.
            seed: of what is drawn.
            progress: called with the number of architectures that are scored, and of all.

        Returns:
            All that was scored, in order; nothing where no architecture is found within the limits.
        """
        region = within(cost, max(limits, default=np.inf), excess)
        first = start[region.allowed(start)][: self.initial]
        rng = np.random.default_rng(np.random.SeedSequence([seed, 0]))
        history = history_of(space, start[:0], region)
        others = sample_unseen(history, self.initial - len(first), rng=rng, taken=first)
        archs = np.concatenate([first, others])
        if not len(archs):
            return Evaluated(archs, np.zeros(0), np.zeros(0))
        found = Evaluated(archs, score(archs), cost(archs))
        progress(len(found), self.evaluations)
        for generation in range(1, self.generations + 1):
            rng = np.random.default_rng(np.random.SeedSequence([seed, generation]))
            draw = self._parents(found, limits, rng)
            children = self._children(history_of(space, found.archs, region), draw, rng)
            if not len(children):
                break
            found = found.joined(Evaluated(children, score(children), cost(children)))
            progress(len(found), self.evaluations)
        return found

    def archive(self, found: Evaluated, limits: Sequence[float] = ()) -> Ints:
        """Return the places of the best architecture of every bucket: ``(k,)``."""
        rows = found.best(len(found))
        costs = found.costs[rows]
        buckets = np.stack(
            [np.floor(costs / self.width), np.searchsorted(np.sort(limits), costs)], axis=1
        )
        first: Ints = np.sort(np.unique(buckets, axis=0, return_index=True)[1])
        return rows[first]

    def _parents(
        self, found: Evaluated, limits: Sequence[float], rng: np.random.Generator
    ) -> Draw | None:
        """Return a function that draws parents; None where there are none."""
        alike = found.archs[self.archive(found, limits)]
        if not len(alike):
            return None
        best = np.concatenate([found.best(1, limit) for limit in limits] or [np.zeros(0, int)])
        focused = found.archs[np.unique(best)] if len(best) else alike

        def draw(n: int, share: float) -> Archs:
            drawn = alike[rng.integers(len(alike), size=n)]
            others = focused[rng.integers(len(focused), size=n)]
            return np.where(rng.random((n, 1)) < share, others, drawn)

        return draw

    def _children(self, history: History, draw: Draw | None, rng: np.random.Generator) -> Archs:
        """Make mutants and mixtures that keep the limits and are new: ``(k, d)``.

        Random architectures take the place of those that parents do not have.
        """
        space = history.space
        rate = min(1.0, CHANGES / space.d) if self.rate is None else self.rate

        def mutants(n: int, draw: Draw) -> Archs:
            return space.mutate(draw(n, self.focus), rng=rng, rate=rate)

        def mixtures(n: int, draw: Draw) -> Archs:
            return space.crossover(draw(n, self.focus), draw(n, 0.0), rng=rng)

        children = history.archs[:0]
        for make, n in ((mutants, self.mutants), (mixtures, self.mixtures)):
            n += len(children)
            for _ in range(ATTEMPTS):
                if draw is None or len(children) == n:
                    break
                made = make(2 * (n - len(children)), draw)
                made = made[is_new(made, history.archs)]
                made = made[history.allowed(made)]
                children = distinct(np.concatenate([children, made]))[:n]
        missing = self.mutants + self.mixtures - len(children)
        others = sample_unseen(history, missing, rng=rng, taken=children)
        return np.concatenate([children, others[:missing]])
