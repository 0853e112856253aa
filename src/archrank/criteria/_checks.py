"""Input checks that all criteria share."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from archrank.errors import LabelError
from archrank.types import Floats


def pair(scores: ArrayLike, truth: ArrayLike) -> tuple[Floats, Floats]:
    """Check scores and truth, and return both as ``(n,)`` float64.

    Raises:
        LabelError: NaN, all equal, wrapped around by a conversion to integers, too few, or not one
            score per truth.
    """
    raw = np.asarray(truth)
    a = np.asarray(scores, dtype=np.float64)
    b = raw.astype(np.float64)
    if a.ndim != 1 or a.shape != b.shape:
        raise LabelError(
            f"scores and truth must be lists of the same length, got shapes {a.shape} and {b.shape}"
        )
    if len(a) < 2:
        raise LabelError(f"a ranking needs at least 2 architectures, got {len(a)}")
    if np.issubdtype(raw.dtype, np.integer) and ((raw == 0) | (raw == 1)).all():
        raise LabelError(
            f"all {len(a)} truth values are 0 or 1 of type {raw.dtype}: accuracies in [0, 1] were "
            "probably converted to integers; pass them as floats"
        )
    for name, column in (("scores", a), ("truth", b)):
        check_finite(name, column)
        check_varies(name, column)
    return a, b


def column(name: str, values: ArrayLike, n: int) -> Floats:
    """Check a further ``(n,)`` column and return it as float64.

    Raises:
        LabelError: NaN, or not one value per architecture.
    """
    x = np.asarray(values, dtype=np.float64)
    if x.shape != (n,):
        raise LabelError(f"expected {n} {name}, one per architecture, got shape {x.shape}")
    check_finite(name, x)
    return x


def check_finite(name: str, column: Floats) -> None:
    """Raise LabelError naming the first row that is NaN or infinite."""
    bad = np.flatnonzero(~np.isfinite(column))
    if len(bad):
        raise LabelError(
            f"{len(bad)} of {len(column)} {name} are NaN or infinite, the first at row {bad[0]}; "
            "drop failed evaluations first"
        )


def check_varies(name: str, column: Floats) -> None:
    """Raise LabelError if all values are equal."""
    if (column == column[0]).all():
        raise LabelError(
            f"all {len(column)} {name} are {column[0]:g}; there is no order to compare"
        )


def count_of(k: float, n: int) -> int:
    """Turn ``k`` into a number of architectures: an int is a number, a float a fraction of ``n``.

    Raises:
        LabelError: The number is below 1 or above ``n``.
    """
    if isinstance(k, (bool, np.bool_)) or not isinstance(k, (int, float, np.integer, np.floating)):
        raise LabelError(f"k must be a number of architectures or a fraction of them, got {k!r}")
    if isinstance(k, (int, np.integer)):
        if not 1 <= k <= n:
            raise LabelError(f"k={k}: choose from 1 to {n}, the number of architectures")
        return int(k)
    if not 0 < k <= 1:
        raise LabelError(
            f"k={k}: a float is a fraction, above 0 and at most 1; a number of architectures must "
            "be an integer"
        )
    count = math.floor(k * n + 1e-9)  # .29 * 100 is slightly below 29
    if count == 0:
        raise LabelError(
            f"k={k:g} of {n} architectures is less than one architecture; use k={1 / n:.2g} or more"
        )
    return count
