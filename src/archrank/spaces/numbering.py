"""Numbers for configurations, which are settings of the decisions that exist."""

from __future__ import annotations

from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from archrank.errors import SpaceError
from archrank.spaces.conditions import Conditions, existing
from archrank.spaces.subsets import Members, Subsets
from archrank.types import Archs, Ints

NUMBERED = np.iinfo(np.int64).max  # larger spaces cannot be numbered
Ways = list[list[int]]  # per decision and option: the settings of everything that depends on it


class _One:
    """A decision that stands alone.

    Args:
        column: of the decision.
        ways: of all decisions.
    """

    def __init__(self, column: int, ways: Ways) -> None:
        self.columns: tuple[int, ...] = (column,)
        self._ways = ways[column]
        self.total = sum(self._ways)

    @cached_property
    def _starts(self) -> Ints:
        return np.cumsum([0, *self._ways], dtype=np.int64)

    def number(self, archs: Archs, inner: Ints) -> Ints:
        """Number settings of the decision and of what depends on it: ``(n,)``.

        Args:
            archs: ``(n, d)``.
            inner: ``(n, 1)`` numbers of what depends on it.
        """
        code: Ints = self._starts[archs[:, self.columns[0]]] + inner[:, 0]
        return code

    def split(self, code: Ints) -> tuple[Archs, Ints]:
        """Inverse of :meth:`number`: options and inner numbers, ``(n, 1)`` each."""
        chosen = np.searchsorted(self._starts, code, side="right") - 1
        return chosen[:, None].astype(np.uint8), (code - self._starts[chosen])[:, None]


class _Set:
    """A set of limited size.

    Settings are counted from the last member to the first, by how many members are already in:
    ``T[i][c] = sum over options o of member i of ways[i][o] * T[i + 1][c + (o puts it in)]``.

    Args:
        members: the set.
        ways: of all decisions.
    """

    def __init__(self, members: Members, ways: Ways) -> None:
        self.columns = members.columns
        self._puts_in = [list(map(int, options)) for options in members.options]
        self._ways = [ways[j] for j in members.columns]
        self._most = members.most
        last = [int(members.least <= c <= members.most) for c in range(self._most + 2)]
        self._table = [last]  # T, from the first member
        for ways_in, options in zip(self._ways[::-1], self._puts_in[::-1], strict=True):
            after = self._table[0]
            row = [
                sum(w * after[c + o] for w, o in zip(ways_in, options, strict=True))
                for c in range(self._most + 1)
            ]
            self._table.insert(0, [*row, 0])
        self.total = self._table[0][0]

    @cached_property
    def _after(self) -> Ints:
        """T as an array, 0 where so many members cannot be in: ``(L + 1, most + 2)``."""
        found = np.zeros((len(self._table), self._most + 2), dtype=np.int64)
        counts = {0}
        for row, filled, options in zip(self._table, found, [*self._puts_in, []], strict=True):
            for c in counts:
                filled[c] = row[c]
            counts = {c + o for c in counts for o in options if c + o <= self._most}
        return found

    @cached_property
    def _second(self) -> Ints:
        """First number with each member in, by how many are in before: ``(L, most + 2)``."""
        found = np.zeros((len(self.columns), self._most + 2), dtype=np.int64)
        for i, (ways, options) in enumerate(zip(self._ways, self._puts_in, strict=True)):
            if len(options) == 2:
                found[i] = ways[0] * self._after[i + 1]
        return found

    def number(self, archs: Archs, inner: Ints) -> Ints:
        """Number settings of the members and of what depends on them: ``(n,)``.

        Args:
            archs: ``(n, d)``, with the right number of members where the set exists.
            inner: ``(n, L)`` numbers of what depends on each.
        """
        count = np.zeros(len(archs), dtype=np.int64)
        code = np.zeros(len(archs), dtype=np.int64)
        for i, (column, options) in enumerate(zip(self.columns, self._puts_in, strict=True)):
            chosen = archs[:, column]
            code = code + np.where(chosen > 0, self._second[i, count], 0)
            count = np.minimum(count + np.array(options)[chosen], self._most + 1)
            code = code + inner[:, i] * self._after[i + 1, count]
        return code

    def split(self, code: Ints) -> tuple[Archs, Ints]:
        """Inverse of :meth:`number`: options and inner numbers, ``(n, L)`` each."""
        n, wide = len(code), len(self.columns)
        chosen, inner = np.zeros((n, wide), dtype=np.uint8), np.zeros((n, wide), dtype=np.int64)
        count = np.zeros(n, dtype=np.int64)
        for i, options in enumerate(self._puts_in):
            if len(options) == 2:
                second = self._second[i, count]
                chosen[:, i] = code >= second
                code = np.where(code >= second, code - second, code)
            count = np.minimum(count + np.array(options)[chosen[:, i]], self._most + 1)
            inner[:, i], code = np.divmod(code, np.maximum(self._after[i + 1, count], 1))
        return chosen, inner


class Numbering:
    """Numbers for configurations: rows, but for decisions that do not exist.

    Rows that differ in decisions that do not exist share a number. First decisions are most
    significant.

    Args:
        radices: options per decision: ``(d,)``.
        conditions: per decision, a forest: parents come first; empty if all always exist.
        subsets: sets of limited size among the decisions.
        name: of the space, for messages.
    """

    def __init__(self, radices: Ints, conditions: Conditions, subsets: Subsets, name: str) -> None:
        self.d = len(radices)
        self.conditions = conditions or (None,) * self.d
        self.name = name
        owner = {j: one for one in subsets for j in one.columns}
        firsts = [j for j in range(self.d) if j not in owner or owner[j].columns[0] == j]
        self._below: list[list[int]] = [[] for _ in range(self.d)]  # first columns, per column
        for j in firsts:
            condition = self.conditions[j]
            if condition is not None:
                self._below[condition.parent].append(j)
        self._nodes: dict[int, _One | _Set] = {}
        ways: Ways = [[] for _ in range(self.d)]
        for j in reversed(firsts):  # what depends on a decision comes after it
            for column in owner[j].columns if j in owner else (j,):
                ways[column] = self._count(column, int(radices[column]))
            self._nodes[j] = _Set(owner[j], ways) if j in owner else _One(j, ways)
        self._roots = [j for j in firsts if self.conditions[j] is None]

    def _count(self, column: int, options: int) -> list[int]:
        """Count the settings of all that depends on a decision, per option."""
        return [
            prod(self._nodes[c].total for c in self._below[column] if self._allows(c, k))
            for k in range(options)
        ]

    def _allows(self, child: int, option: Any) -> Any:
        """Tell whether a decision exists with an option of its parent, or with ``(n,)`` options."""
        condition = self.conditions[child]
        assert condition is not None  # children have one
        return condition.allows[option]

    @cached_property
    def size(self) -> int:
        """Number of different configurations."""
        return prod(self._nodes[root].total for root in self._roots)

    def _require_numbers(self) -> None:
        if self.size > NUMBERED:
            raise SpaceError(f"{self.name} has {self.size:.3g} architectures: too many to number")

    def index(self, archs: Archs) -> Ints:
        """Number each of ``archs: (n, d)``, ``0..size - 1``: ``(n,)``.

        Raises:
            SpaceError: numbers do not fit into 63 bits.
        """
        self._require_numbers()
        codes: dict[int, Ints] = {}
        for first, node in self._nodes.items():  # from the last to the first
            inner = np.zeros((len(archs), len(node.columns)), dtype=np.int64)
            for i, j in enumerate(node.columns):
                for child in self._below[j]:
                    below = inner[:, i] * self._nodes[child].total + codes[child]
                    inner[:, i] = np.where(self._allows(child, archs[:, j]), below, inner[:, i])
            codes[first] = node.number(archs, inner)
        code = np.zeros(len(archs), dtype=np.int64)
        for root in self._roots:
            code = code * self._nodes[root].total + codes[root]
        return code

    def from_index(self, index: Ints) -> Archs:
        """Return the rows of ``index: (n,)``: ``(n, d)``, 0 where a decision does not exist.

        Raises:
            SpaceError: numbers do not fit into 63 bits.
        """
        self._require_numbers()
        code = np.asarray(index, dtype=np.int64)
        codes: dict[int, Ints] = {}
        for root in reversed(self._roots):
            code, codes[root] = np.divmod(code, self._nodes[root].total)
        archs = np.zeros((len(code), self.d), dtype=np.uint8)
        for first, node in reversed(self._nodes.items()):
            options, inner = node.split(codes[first])
            for i, j in enumerate(node.columns):
                archs[:, j], rest = options[:, i], inner[:, i]
                for child in reversed(self._below[j]):
                    exists = self._allows(child, archs[:, j])
                    above, below = np.divmod(rest, self._nodes[child].total)
                    rest = np.where(exists, above, rest)
                    codes[child] = np.where(exists, below, 0)
        return np.where(existing(archs, self.conditions), archs, 0).astype(np.uint8)
