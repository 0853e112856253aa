"""Evolution by predicted scores: looks for what a ranker likes best, and evaluates nothing.

AceNAS ends its ProxylessNAS search so, after NPENAS (Wei et al., "NPENAS: Neural predictor guided
evolution for neural architecture search", 2020). Neither prints the settings; these are ours.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from archrank.rows import distinct, is_new
from archrank.strategies.history import History
from archrank.types import Archs, Bools, Floats

GENERATIONS = 20
POPULATION = 100
CHILDREN = 500  # per generation, half by mutation of one parent, half by mixing two


def evolve(
    archs: Archs,
    score: Callable[[Archs], Floats],
    history: History,
    *,
    inside: Callable[[Archs], Bools] | None = None,
    rng: np.random.Generator,
) -> Archs:
    """Improve a population by predicted scores.

    Every generation keeps the best 100 of parents and children. Children that may not be proposed,
    or were evaluated, die.

    Args:
        archs: ``(k, d)`` different architectures to start from, of which the best are taken.
        score: predicts scores, higher is better: ``(n, d) -> (n,)``.
        history: tells what may be proposed, and what was evaluated.
        inside: marks what else may be proposed, ``(n, d) -> (n,)``; ``None``: everything.
        rng: source of randomness.

    Returns:
        The last population and all other ``archs``, best first: ``(l, d)``.
    """
    space = history.space
    scores = score(archs)
    people = archs[:0]
    values = scores[:0]
    order = np.argsort(-scores, kind="stable")
    people, values = archs[order[:POPULATION]], scores[order[:POPULATION]]
    for _ in range(GENERATIONS):
        one, two = (people[rng.integers(len(people), size=CHILDREN)] for _ in range(2))
        mutants = space.mutate(one[: CHILDREN // 2], rng=rng)
        mixed = space.crossover(one[CHILDREN // 2 :], two[CHILDREN // 2 :], rng=rng)
        children = distinct(np.concatenate([mutants, mixed]))
        children = children[is_new(children, np.concatenate([people, history.archs]))]
        if inside is not None:
            children = children[inside(children)]
        children = children[history.allowed(children)]
        if len(children) == 0:
            continue
        people = np.concatenate([people, children])
        values = np.concatenate([values, score(children)])
        best = np.argsort(-values, kind="stable")[:POPULATION]
        people, values = people[best], values[best]
    others = is_new(archs, people)
    everyone = np.concatenate([people, archs[others]])
    found: Archs = everyone[np.argsort(-np.concatenate([values, scores[others]]), kind="stable")]
    return found
