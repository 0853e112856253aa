"""Decisions that exist only under conditions, and the numbers of what can be chosen then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from archrank.errors import SpaceError
from archrank.types import Archs, Bools, Ints

NUMBERED = np.iinfo(np.int64).max  # larger spaces cannot be numbered


@dataclass(frozen=True, eq=False)
class Condition:
    """A decision exists where an earlier one exists and has one of some options.

    Attributes:
        parent: column of the earlier decision.
        allows: per option of the earlier decision, whether this one exists then: ``(options,)``.
    """

    parent: int
    allows: Bools


Conditions = Sequence["Condition | None"]  # one per decision; None: it always exists


def existing(archs: Archs, conditions: Conditions) -> Bools:
    """Tell which decisions of ``archs: (n, d)`` exist: ``(n, d)``."""
    result = np.ones(archs.shape, dtype=bool)
    for j, condition in enumerate(conditions):
        if condition is not None:
            parent = condition.parent
            result[:, j] = result[:, parent] & condition.allows[archs[:, parent]]
    return result


class Numbering:
    """Numbers for configurations: rows, but for decisions that do not exist.

    Rows that differ in decisions that do not exist share a number. First decisions are most
    significant.

    Args:
        radices: options per decision: ``(d,)``.
        conditions: per decision, a forest: parents come first.
        name: of the space, for messages.
    """

    def __init__(self, radices: Ints, conditions: Conditions, name: str) -> None:
        self.d = len(radices)
        self.conditions = conditions
        self.name = name
        self.children: list[list[int]] = [[] for _ in range(self.d)]
        for j, condition in enumerate(conditions):
            if condition is not None:
                self.children[condition.parent].append(j)
        self.roots = [j for j, condition in enumerate(conditions) if condition is None]
        self.ways = self._count_ways(radices.tolist())
        self._starts: list[Ints] = []

    def _count_ways(self, radices: list[int]) -> list[list[int]]:
        """Per decision and option: the settings of everything that depends on it."""
        ways: list[list[int]] = [[] for _ in range(self.d)]
        for j in reversed(range(self.d)):  # children come after their parents
            ways[j] = [
                prod(sum(ways[child]) for child in self.children[j] if self._allows(child)[k])
                for k in range(radices[j])
            ]
        return ways

    def _allows(self, child: int) -> Bools:
        condition = self.conditions[child]
        assert condition is not None  # children have one
        return condition.allows

    @property
    def size(self) -> int:
        """Number of different configurations."""
        return prod(sum(self.ways[root]) for root in self.roots)

    @property
    def starts(self) -> list[Ints]:
        """Per decision: the first number of each option, and their count at the end.

        Raises:
            SpaceError: numbers do not fit into 63 bits.
        """
        if self.size > NUMBERED:
            raise SpaceError(f"{self.name} has {self.size:.3g} architectures: too many to number")
        if not self._starts:
            self._starts = [np.cumsum([0, *ways], dtype=np.int64) for ways in self.ways]
        return self._starts

    def index(self, archs: Archs) -> Ints:
        """Number each of ``archs: (n, d)``, ``0..size - 1``: ``(n,)``."""
        starts = self.starts
        codes: list[Ints] = [np.zeros(0, dtype=np.int64)] * self.d
        for j in reversed(range(self.d)):
            inner = np.zeros(len(archs), dtype=np.int64)
            for child in self.children[j]:
                below = inner * starts[child][-1] + codes[child]
                inner = np.where(self._allows(child)[archs[:, j]], below, inner)
            codes[j] = starts[j][archs[:, j]] + inner
        code = np.zeros(len(archs), dtype=np.int64)
        for root in self.roots:
            code = code * starts[root][-1] + codes[root]
        return code

    def from_index(self, index: Ints) -> Archs:
        """Return the rows of ``index: (n,)``: ``(n, d)``, 0 where a decision does not exist."""
        starts = self.starts
        code = np.asarray(index, dtype=np.int64)
        codes: list[Ints] = [code] * self.d
        for root in reversed(self.roots):
            code, codes[root] = np.divmod(code, starts[root][-1])
        archs = np.zeros((len(code), self.d), dtype=np.uint8)
        for j in range(self.d):
            chosen = np.searchsorted(starts[j], codes[j], side="right") - 1
            archs[:, j] = chosen
            inner = codes[j] - starts[j][chosen]
            for child in reversed(self.children[j]):
                exists = self._allows(child)[chosen]
                rest, below = np.divmod(inner, starts[child][-1])
                inner = np.where(exists, rest, inner)
                codes[child] = np.where(exists, below, 0)
        return np.where(existing(archs, self.conditions), archs, 0).astype(np.uint8)
