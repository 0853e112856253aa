"""Architectures that have not been evaluated yet, by sampling, by listing or by walking."""

from __future__ import annotations

import numpy as np

from archrank.rows import distinct, first_rows, is_new
from archrank.strategies.history import History
from archrank.strategies.walk import walk
from archrank.types import Archs

ATTEMPTS = 20  # rounds of rejection sampling before the rest of the space is listed
STARTS = 256  # evaluated architectures that a walk may start from
WALKED = 256  # new architectures that a walk looks for where many are wanted


def sample_unseen(
    history: History,
    n: int,
    *,
    rng: np.random.Generator,
    taken: Archs | None = None,
    skip_isomorphic: bool = False,
) -> Archs:
    """Draw ``n`` different allowed architectures from those not in ``history``.

    Uniformly by rejection, or, where that finds too few, from a list of all that are left. In
    spaces too large to be listed a :func:`~archrank.strategies.walk.walk` looks for the others;
    these are only roughly uniform.

    Args:
        history: The evaluations so far.
        n: Architectures to draw.
        rng: Source of randomness.
        taken: ``(k, d)`` further architectures to leave out.
        skip_isomorphic: Also leave out architectures that are isomorphic to an evaluated, taken or
            already drawn one, as long as there are others.

    Returns:
        ``(n, d)``; fewer rows only if the space has no more, or if the space is too large to be
        listed and a walk finds no more.
    """
    space = history.space
    seen = history.archs if taken is None else np.concatenate([history.archs, taken])
    keys = space.canonical if skip_isomorphic else np.asarray
    known = history.canonical if skip_isomorphic else history.archs
    if taken is not None:
        known = np.concatenate([known, keys(taken)])
    kept = seen[:0]
    for _ in range(ATTEMPTS):
        drawn = space.sample(2 * n + 64, rng=rng)
        drawn = drawn[is_new(keys(drawn), known)]
        drawn = np.concatenate([kept, drawn[history.allowed(drawn)]])
        kept = distinct(drawn, keys(drawn))
        if len(kept) >= n:
            return kept[:n]
    rest = rare_unseen(
        history,
        n - len(kept),
        rng=rng,
        taken=np.concatenate([seen[len(history) :], kept]),
        skip_isomorphic=skip_isomorphic,
    )
    pool = np.concatenate([kept, rest])
    return (_new_classes_first(pool, keys(pool), known) if skip_isomorphic else pool)[:n]


def _new_classes_first(archs: Archs, keys: Archs, known: Archs) -> Archs:
    """Put the first row of each isomorphism class that is not in ``known`` before all others.

    ``keys: (n, d)`` and ``known: (k, d)`` are canonical forms. Returns ``(n, d)``.
    """
    leads = np.zeros(len(archs), dtype=bool)
    leads[first_rows(keys)] = True
    return archs[np.argsort(~(leads & is_new(keys, known)), kind="stable")]


def rare_unseen(
    history: History,
    n: int,
    *,
    rng: np.random.Generator,
    taken: Archs,
    skip_isomorphic: bool = False,
) -> Archs:
    """Find allowed architectures that chance does not: all that are left, or by walking.

    Args:
        history: The evaluations so far.
        n: Architectures that a walk looks for, where the space is too large to be listed.
        rng: Source of randomness.
        taken: ``(k, d)`` further architectures to leave out, and to start from.
        skip_isomorphic: Whether the ``n`` must not be isomorphic to each other or a known one.

    Returns:
        Different rows that are neither in ``history`` nor ``taken``, in random order: ``(k, d)``.
    """
    space, region = history.space, history.region
    if region.rows(space) is not None:
        return rng.permutation(remaining(history, taken))
    seen = np.concatenate([history.archs, taken])
    keys = space.canonical if skip_isomorphic else np.asarray
    known = keys(seen)

    def enough(archs: Archs) -> bool:
        found = keys(archs)
        return len(distinct(found[is_new(found, known)])) >= n

    some = rng.permutation(len(history))[:STARTS]
    start = np.concatenate([taken, history.archs[some]])
    found = distinct(walk(space, region, start, enough=enough, n=n, rng=rng))
    return found[is_new(found, seen)]


def remaining(history: History, taken: Archs | None = None) -> Archs:
    """List all allowed architectures that are not in ``history`` or in ``taken``: ``(k, d)``.

    Raises:
        SpaceError: The space is too large to be listed.
    """
    rows = history.region.rows(history.space)
    if rows is None:
        rows = history.space.enumerate()  # says how many there are
    seen = history.archs if taken is None else np.concatenate([history.archs, taken])
    return rows[is_new(rows, seen)]
