"""Moves through spaces: changes of decisions, and draws until rows are architectures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from archrank.types import Archs, Bools, Floats, Ints

TRIES = 64  # redraws of invalid rows


def mutate_any(
    archs: Archs, radices: Ints, *, rng: np.random.Generator, rate: float | Floats | None
) -> Archs:
    """Change every decision with probability ``rate``; at least one: ``(n, d)``.

    Args:
        archs: ``(n, d)``.
        radices: options per decision.
        rng: draws what changes.
        rate: ``None`` changes exactly one decision.
    """
    n, d = archs.shape
    changeable = radices > 1
    if not changeable.any():
        return archs.copy()
    forced = rng.choice(np.flatnonzero(changeable), size=n)
    change = (
        np.zeros((n, d), dtype=bool) if rate is None else rng.random((n, d)) < rate
    ) & changeable
    if rate is None:
        change[np.arange(n), forced] = True
    else:
        none = ~change.any(1)
        change[none, forced[none]] = True
    shift = rng.integers(1, np.maximum(radices, 2), size=(n, d))  # never 0: a new value
    changed = (archs + shift) % radices
    return np.where(change, changed, archs).astype(np.uint8)


def one_away(arch: NDArray[np.uint8], radices: Ints) -> Archs:
    """List all rows that differ from ``arch: (d,)`` in one decision: ``(k, d)``."""
    rows = []
    for column, radix in enumerate(radices):
        others = np.delete(np.arange(radix, dtype=np.uint8), arch[column])
        block = np.repeat(arch[None], len(others), axis=0)
        block[:, column] = others
        rows.append(block)
    return np.concatenate(rows)


def mutate_existing(
    archs: Archs,
    exists: Bools,
    radices: Ints,
    *,
    rng: np.random.Generator,
    rate: float | Floats | None = None,
) -> Archs:
    """Change every decision with probability ``rate``; at least one that exists: ``(n, d)``.

    Args:
        archs: ``(n, d)``.
        exists: which decisions do: ``(n, d)``.
        radices: options per decision; some decision has two or more.
        rng: draws what changes.
        rate: ``None`` changes exactly one decision, which exists, so no mutation is wasted. With a
            rate the others change too, so what a mutation switches on has no fixed option.
    """
    n, d = archs.shape
    changeable = radices > 1
    counts = exists & changeable
    counts |= changeable & ~counts.any(axis=1, keepdims=True)  # nothing that exists can change
    change = np.zeros((n, d), dtype=bool)
    if rate is not None:
        change = (rng.random((n, d)) < rate) & changeable
    forced = np.where(counts, rng.random((n, d)), -1).argmax(axis=1)
    change[np.arange(n), forced] |= ~(change & counts).any(axis=1)
    shift = rng.integers(1, np.maximum(radices, 2), size=(n, d))  # never 0: a new value
    changed = (archs + shift) % radices
    return np.where(change, changed, archs).astype(np.uint8)


def redraw(
    rows: Archs,
    valid: Callable[[Archs], Bools],
    draw: Callable[[Ints], Archs],
    *,
    tries: int = TRIES,
) -> Ints:
    """Replace invalid rows in place, and return the numbers of those left.

    Args:
        rows: ``(n, d)``.
        valid: tells which rows are architectures: ``(n,)``.
        draw: returns new rows for those of some numbers.
        tries: rounds at most.
    """
    bad = np.flatnonzero(~valid(rows))
    for _ in range(tries):
        if not len(bad):
            break
        rows[bad] = draw(bad)
        bad = bad[~valid(rows[bad])]
    return bad
