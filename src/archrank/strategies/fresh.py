"""Architectures that have not been evaluated yet."""

from __future__ import annotations

import numpy as np

from archrank.spaces.base import ENUMERABLE
from archrank.strategies.history import History
from archrank.types import Archs, Bools

ATTEMPTS = 20  # rounds of rejection sampling before the rest of the space is listed


def row_keys(archs: Archs) -> np.ndarray:
    """Rows of ``(n, d)`` as ``(n,)`` opaque keys that can be compared, sorted and looked up."""
    rows = np.ascontiguousarray(archs)
    return rows.view(np.dtype((np.void, max(rows.shape[1], 1)))).reshape(-1)


def distinct(archs: Archs, keys: Archs | None = None) -> Archs:
    """Drop rows with repeated ``keys`` (themselves if ``None``), keeping the first, in order."""
    _, first = np.unique(row_keys(archs if keys is None else keys), return_index=True)
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
    history: History,
    n: int,
    *,
    rng: np.random.Generator,
    taken: Archs | None = None,
    classes: bool = False,
) -> Archs:
    """Draw ``n`` different allowed architectures uniformly from those not in ``history``.

    ``taken: (k, d)`` are left out too. With ``classes`` so are equivalents of anything known or
    drawn, as long as there is something else.

    Fewer only when the space has no more (or when, in a space too large to list, the allowed ones
    are too rare to be met by chance): ``(k, d)``.
    """
    space = history.space
    seen = history.archs if taken is None else np.concatenate([history.archs, taken])
    keys = space.canonical if classes else np.asarray
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
    return (_new_classes_first(pool, keys(pool), known) if classes else pool)[:n]


def _new_classes_first(archs: Archs, keys: Archs, known: Archs) -> Archs:
    """The first row of each class not in ``known``, then the others: ``(n, d)``."""
    _, first = np.unique(row_keys(keys), return_index=True)
    leads = np.zeros(len(archs), dtype=bool)
    leads[first] = True
    return archs[np.argsort(~(leads & is_new(keys, known)), kind="stable")]


def remaining(history: History, taken: Archs | None = None) -> Archs:
    """All allowed architectures that are neither in ``history`` nor in ``taken``: ``(k, d)``."""
    rows = history.space.enumerate()
    seen = history.archs if taken is None else np.concatenate([history.archs, taken])
    rows = rows[is_new(rows, seen)]
    return rows[history.allowed(rows)]
