"""Architectures that have not been evaluated yet."""

from __future__ import annotations

import numpy as np

from archrank.spaces.vector import ENUMERABLE
from archrank.strategies.history import History
from archrank.types import Archs, Bools

ATTEMPTS = 20  # rounds of rejection sampling before the rest of the space is listed


def row_keys(archs: Archs) -> np.ndarray:
    """Rows of ``(n, d)`` as ``(n,)`` opaque keys that can be compared, sorted and looked up."""
    rows = np.ascontiguousarray(archs)
    return rows.view(np.dtype((np.void, max(rows.shape[1], 1)))).reshape(-1)


def distinct(archs: Archs) -> Archs:
    """Drop repeated rows, keeping the first of each, in order."""
    _, first = np.unique(row_keys(archs), return_index=True)
    return archs[np.sort(first)]


def is_new(archs: Archs, seen: Archs) -> Bools:
    """Which rows of ``archs: (n, d)`` are not among ``seen: (k, d)``: ``(n,)``."""
    if len(seen) == 0:
        return np.ones(len(archs), dtype=bool)
    order = np.sort(row_keys(seen))
    keys = row_keys(archs)
    place = np.minimum(np.searchsorted(order, keys), len(order) - 1)
    return np.asarray(order[place] != keys, dtype=bool)


def sample_fresh(
    history: History, n: int, *, rng: np.random.Generator, taken: Archs | None = None
) -> Archs:
    """Draw ``n`` different allowed architectures uniformly from those not in ``history``.

    ``taken: (k, d)`` are left out too.

    Fewer only when the space has no more (or when, in a space too large to list, the allowed ones
    are too rare to be met by chance): ``(k, d)``.
    """
    space = history.space
    seen = history.archs if taken is None else np.concatenate([history.archs, taken])
    kept = seen[:0]
    for _ in range(ATTEMPTS):
        drawn = space.sample(2 * n + 64, rng=rng)
        drawn = drawn[is_new(drawn, seen)]
        drawn = drawn[history.allowed(drawn)]
        kept = distinct(np.concatenate([kept, drawn]))
        if len(kept) >= n:
            return kept[:n]
    if space.size > ENUMERABLE:
        return kept
    rest = remaining(history, np.concatenate([seen, kept]))
    return np.concatenate([kept, rng.permutation(rest)])[:n]


def remaining(history: History, taken: Archs | None = None) -> Archs:
    """All allowed architectures that are neither in ``history`` nor in ``taken``: ``(k, d)``."""
    rows = history.space.enumerate()
    seen = history.archs if taken is None else np.concatenate([history.archs, taken])
    rows = rows[is_new(rows, seen)]
    return rows[history.allowed(rows)]
