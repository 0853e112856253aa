"""Finding architectures that have not been evaluated yet, by sampling or by listing."""

from __future__ import annotations

import numpy as np

from archrank.rows import distinct, first_rows, is_new
from archrank.spaces.base import ENUMERABLE
from archrank.strategies.history import History
from archrank.types import Archs

ATTEMPTS = 20  # rounds of rejection sampling before the rest of the space is listed


def sample_unseen(
    history: History,
    n: int,
    *,
    rng: np.random.Generator,
    taken: Archs | None = None,
    skip_isomorphic: bool = False,
) -> Archs:
    """Draw ``n`` different allowed architectures uniformly from those not in ``history``.

    Args:
        history: The evaluations so far.
        n: Architectures to draw.
        rng: Source of randomness.
        taken: ``(k, d)`` further architectures to leave out.
        skip_isomorphic: Also leave out architectures that are isomorphic to an evaluated, taken or
            already drawn one, as long as there are others.

    Returns:
        ``(n, d)``; fewer rows only if the space has no more, or if the space is too large to be
        listed and its allowed architectures are too rare to be found by chance.
    """
    space = history.space
    seen = history.archs if taken is None else np.concatenate([history.archs, taken])
    keys = space.canonical if skip_isomorphic else np.asarray
    known = keys(seen)
    kept = seen[:0]
    for _ in range(ATTEMPTS):
        drawn = space.sample(2 * n + 64, rng=rng)
        drawn = drawn[is_new(keys(drawn), known)]
        drawn = np.concatenate([kept, drawn[history.allowed(drawn)]])
        kept = distinct(drawn, keys(drawn))
        if len(kept) >= n:
            return kept[:n]
    if space.size > ENUMERABLE:
        return kept
    rest = remaining(history, np.concatenate([seen, kept]))
    pool = np.concatenate([kept, rng.permutation(rest)])
    return (_new_classes_first(pool, keys(pool), known) if skip_isomorphic else pool)[:n]


def _new_classes_first(archs: Archs, keys: Archs, known: Archs) -> Archs:
    """Put the first row of each isomorphism class that is not in ``known`` before all others.

    ``keys: (n, d)`` and ``known: (k, d)`` are canonical forms. Returns ``(n, d)``.
    """
    leads = np.zeros(len(archs), dtype=bool)
    leads[first_rows(keys)] = True
    return archs[np.argsort(~(leads & is_new(keys, known)), kind="stable")]


def remaining(history: History, taken: Archs | None = None) -> Archs:
    """List all allowed architectures that are not in ``history`` or in ``taken``: ``(k, d)``."""
    rows = history.space.enumerate()
    seen = history.archs if taken is None else np.concatenate([history.archs, taken])
    rows = rows[is_new(rows, seen)]
    return rows[history.allowed(rows)]
