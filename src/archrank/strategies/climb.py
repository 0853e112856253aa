"""Local search for candidates: mutants of what a ranker values most, step by step.

In a space too large to be ranked as a whole, hardly any of the architectures that a ranker values
most is among some thousand random ones. Mutants of the best candidates are ranked in turn, so that
what is evaluated is a local maximum of the acquisition function, or nearly: as in Bayesian
optimisation of structured inputs (BANANAS: White, Neiswanger & Savani, AAAI 2021, who mutate the
best *evaluated* architectures; :class:`.Guided` has such mutants among its first candidates).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from archrank.rows import distinct, is_new
from archrank.strategies.history import History
from archrank.strategies.shortlist import most_promising
from archrank.types import Archs, Floats

PARENTS = 16  # candidates that are mutated in a step
CHANGED = (1.0, 2.0, 4.0)  # decisions of a mutant that change, on average; one of these


def climb(
    history: History,
    candidates: Archs,
    utilities: Floats,
    value: Callable[[Archs], Floats],
    *,
    steps: int,
    mutants: int,
    skip_isomorphic: bool,
    rng: np.random.Generator,
) -> tuple[Archs, Floats]:
    """Add mutants of the best candidates, of the best of all these, and so on.

    Args:
        history: Evaluations so far; mutants equal to one of them, or not allowed, are left out.
        candidates: ``(k, d)``.
        utilities: Their acquisition values on every objective: ``(k, m)``.
        value: Computes these: ``(j, d) -> (j, m)``.
        steps: How often the best are mutated.
        mutants: Mutants in each step; those that are known already are left out.
        skip_isomorphic: Also leave out mutants isomorphic to what is known.
        rng: Source of randomness.

    Returns:
        The candidates and the mutants, ``(k', d)``, and the utilities of all, ``(k', m)``.
    """
    space = history.space
    if steps == 0 or len(candidates) == 0:
        return candidates, utilities
    keys = space.canonical if skip_isomorphic else np.asarray
    seen = history.canonical if skip_isomorphic else history.archs
    known = np.concatenate([seen, keys(candidates)])
    for _ in range(steps):
        parents = rng.choice(most_promising(utilities, rng, PARENTS), mutants)
        rates = np.minimum(rng.choice(CHANGED, (mutants, 1)) / space.d, 1.0)
        drawn = space.mutate(candidates[parents], rng=rng, rate=rates)
        drawn = distinct(drawn, keys(drawn))
        drawn = drawn[is_new(keys(drawn), known)]
        drawn = drawn[history.allowed(drawn)]
        if len(drawn) == 0:
            continue
        candidates = np.concatenate([candidates, drawn])
        utilities = np.concatenate([utilities, value(drawn)])
        known = np.concatenate([known, keys(drawn)])
    return candidates, utilities
