"""Compare and look up the rows of integer matrices, such as architectures ``(n, d)``."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from archrank.types import Bools, Ints

T = TypeVar("T", bound=np.generic)


def row_codes(rows: NDArray[np.generic]) -> NDArray[np.void]:
    """View each row as one opaque value that can be compared and sorted: ``(n, d) -> (n,)``.

    Equal rows have equal codes; codes are comparable only between matrices of one type and width.
    Rows of bytes are sorted as by :func:`numpy.unique` with ``axis=0``.
    """
    rows = np.ascontiguousarray(rows)
    if rows.shape[1] == 0:
        return np.zeros(len(rows), dtype=np.dtype((np.void, 1)))
    return rows.view(np.dtype((np.void, rows.shape[1] * rows.itemsize)))[:, 0]


def group_rows(rows: NDArray[np.generic]) -> tuple[Ints, Ints]:
    """Number the distinct rows of ``(n, d)`` in order of appearance.

    Returns:
        Where each distinct row stands first, increasing: ``(groups,)``; and the group of every
        row: ``(n,)``.

    Example:
        >>> first, group = group_rows(np.array([[3, 1], [0, 2], [3, 1]]))
        >>> first.tolist(), group.tolist()
        ([0, 1], [0, 1, 0])
    """
    _, first, inverse = np.unique(row_codes(rows), return_index=True, return_inverse=True)
    order = np.argsort(first)
    number = np.empty_like(order)
    number[order] = np.arange(len(order))
    return first[order], number[inverse.reshape(-1)]


def first_rows(rows: NDArray[np.generic]) -> Ints:
    """Find where each distinct row of ``(n, d)`` stands first, increasing: ``(groups,)``."""
    return np.sort(np.unique(row_codes(rows), return_index=True)[1])


def distinct(rows: NDArray[T], keys: NDArray[np.generic] | None = None) -> NDArray[T]:
    """Drop repeated rows of ``(n, d)``: keep the first of those that share a key, in order.

    ``keys: (n, f)`` defaults to the rows themselves.
    """
    return rows[first_rows(rows if keys is None else keys)]


def is_new(rows: NDArray[np.generic], seen: NDArray[np.generic]) -> Bools:
    """Mark the rows of ``(n, d)`` that are not among ``seen: (k, d)``: ``(n,)``."""
    return LookUp(row_codes(seen)).find(row_codes(rows)) < 0


class LookUp:
    """Find where codes stand in a list of codes, by binary search.

    Args:
        codes: ``(n,)`` of any type that can be sorted; of equal ones the first is found.
    """

    def __init__(self, codes: NDArray[Any]) -> None:
        self._order: Ints = np.argsort(codes, kind="stable")
        self._sorted = codes[self._order]

    def find(self, codes: NDArray[Any]) -> Ints:
        """Return the place of each code ``(k,)`` in the list, -1 where it does not occur."""
        if len(self._sorted) == 0:
            return np.full(len(codes), -1, dtype=np.int64)
        at = np.minimum(np.searchsorted(self._sorted, codes), len(self._sorted) - 1)
        return np.where(self._sorted[at] == codes, self._order[at], -1)
