"""Splitting of examples into training, validation and test data, drawn from a seed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from archrank.checks import number, quoted, whole
from archrank.errors import SettingsError
from archrank.tasks.base import Splits

PARTS = Splits._fields
SHARES = (0.8, 0.1, 0.1)
"""Default shares of the examples to train, validate and test with."""

Rows = NDArray[np.int64]


def split_rows(
    n: int, split: Sequence[float], seed: int, classes: NDArray[np.int64] | None = None
) -> tuple[Rows, ...]:
    """Return which of ``n`` examples train, validate and test, drawn at random.

    With classes, each has the same shares of its examples in every part, up to one example, and one
    or more to train with.

    Args:
        n: Number of examples.
        split: Shares to train, validate and test with.
        seed: Seed of the draw.
        classes: Class numbers ``(n,)``.

    Returns:
        Row numbers of each part, in random order.

    Raises:
        SettingsError: The shares are not three positive numbers that add up to 1, or leave a part
            without examples.
    """
    shares = read_shares(split)
    rng = np.random.default_rng(whole(seed, "seed", at_least=0, error=SettingsError))
    order = rng.permutation(n)
    if classes is None:
        ends = [n - sum(round(n * share) for share in shares[1:]), n - round(n * shares[2])]
        parts = tuple(np.split(order, ends)) if ends[0] >= 0 else (order[:0],) * 3
    else:
        parts = tuple(map(rng.permutation, _stratified(order, classes, shares)))
    if min(map(len, parts)) < 1:
        raise SettingsError(
            f"split is {quoted(split)}, which leaves a part of {n} examples empty; pass more, or "
            "other shares"
        )
    return parts


def halves(n: int, seed: int, classes: NDArray[np.int64] | None = None) -> tuple[Rows, Rows]:
    """Return which of ``n`` held-out examples validate and which test, half each, drawn at random.

    Args:
        n: Number of examples.
        seed: Seed of the draw.
        classes: Class numbers ``(n,)``, which are halved each.
    """
    rng = np.random.default_rng(whole(seed, "seed", at_least=0, error=SettingsError))
    order = rng.permutation(n)
    if classes is not None:
        order = order[np.argsort(classes[order], kind="stable")]
    return rng.permutation(order[::2]), rng.permutation(order[1::2])


def read_shares(split: Sequence[float]) -> list[float]:
    """Return the shares that a user passed.

    Raises:
        SettingsError: They are not three positive numbers that add up to 1.
    """
    if isinstance(split, str) or not isinstance(split, Sequence) or len(split) != len(PARTS):
        raise SettingsError(
            f"split is {quoted(split)}, expected shares to train, validate and test with, such as "
            f"{SHARES}"
        )
    shares = [number(share, "a share of split", error=SettingsError) for share in split]
    if min(shares) <= 0 or not math.isclose(sum(shares), 1, abs_tol=1e-6):
        raise SettingsError(
            f"split is {quoted(split)}, expected three positive shares that add up to 1"
        )
    return shares


def _stratified(order: Rows, classes: NDArray[np.int64], shares: Sequence[float]) -> list[Rows]:
    """Divide each class by the shares; what rounding leaves over is made up by the next class."""
    parts: list[list[Rows]] = [[], [], []]
    seen, given = 0, [0, 0]  # examples of the classes so far; those of them that are held out
    labels, first_rows = np.unique(classes, return_index=True)
    for label in labels[np.argsort(first_rows)]:  # other numbers of classes change nothing
        rows = order[classes[order] == label]
        seen += len(rows)
        sizes: list[int] = []
        for held_out in (0, 1):
            left = len(rows) - 1 - sum(sizes)  # one is left to train with
            due = round(seen * shares[held_out + 1]) - given[held_out]
            sizes.append(min(max(due, 0), left))
            given[held_out] += sizes[-1]
        first = len(rows) - sum(sizes)
        for part, some in zip(parts, np.split(rows, [first, first + sizes[0]]), strict=True):
            part.append(some)
    return [np.concatenate(part) for part in parts]
