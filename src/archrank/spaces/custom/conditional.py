"""Spaces of named choices where some exist only if others have certain options."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from functools import cached_property
from math import prod

import numpy as np
from numpy.typing import NDArray

from archrank.errors import ArchitectureError, SpaceError
from archrank.spaces.base import Choice, Space
from archrank.spaces.custom.declaration import Condition
from archrank.types import Archs, Bools, Floats, Ints


class ConditionalSpace(Space):
    """A vector space whose choices may be inactive.

    Conditions make a forest: a choice is active where the one it depends on is active and has one
    of some options. As in every space of layers, ``size``, ``index`` and ``from_index`` number
    networks, not rows: rows that differ in inactive decisions share one number. Canonical rows,
    which :meth:`sample`, :meth:`from_index` and :meth:`parse` return, have option 0 there. Without
    conditions it is a plain :class:`Space`.

    Args:
        choices: in column order.
        conditions: one per choice, ``None`` if it is always active; parents come first.
    """

    def __init__(self, choices: Sequence[Choice], conditions: Sequence[Condition | None]) -> None:
        self.choices = tuple(choices)
        self.conditions = tuple(conditions)
        self._radices = np.array([len(c.options) for c in self.choices], dtype=np.int64)
        self._children: list[list[int]] = [[] for _ in self.choices]
        for j, condition in enumerate(self.conditions):
            if condition is not None:
                self._children[condition.parent].append(j)
        self._roots = [j for j, c in enumerate(self.conditions) if c is None]
        self._ways = self._count_ways()

    @property
    def radices(self) -> Ints:
        """Options per decision: ``(d,)``."""
        return self._radices

    @property
    def conditional(self) -> bool:
        """Whether any choice may be inactive."""
        return len(self._roots) < self.d

    # ---- numbers -------------------------------------------------------------------------------

    def _count_ways(self) -> list[list[int]]:
        """Per choice and option: the different settings of everything that hangs on it."""
        ways: list[list[int]] = [[] for _ in self.choices]
        for j in reversed(range(self.d)):  # children come after their parents
            ways[j] = [
                prod(sum(ways[child]) for child in self._children[j] if self._allows(child)[k])
                for k in range(len(self.choices[j].options))
            ]
        return ways

    def _allows(self, child: int) -> Bools:
        condition = self.conditions[child]
        assert condition is not None  # children have one
        return condition.allows

    @property
    def size(self) -> int:
        """Number of distinct networks."""
        return prod(sum(self._ways[root]) for root in self._roots)

    @cached_property
    def _starts(self) -> list[Ints]:
        """Per choice: the first number of each option, and their count at the end."""
        if self.size > np.iinfo(np.int64).max:
            raise SpaceError(f"{self.name} has {self.size:.3g} architectures: too many to number")
        return [np.cumsum([0, *ways], dtype=np.int64) for ways in self._ways]

    def index(self, archs: Archs) -> Ints:
        """Number each network, ``0..size - 1``, equal for rows that differ in inactive decisions.

        Raises:
            SpaceError: the space does not fit into 63 bits.
        """
        if not self.conditional:
            return super().index(archs)
        starts = self._starts
        codes: list[Ints] = [np.zeros(0, dtype=np.int64)] * self.d
        for j in reversed(range(self.d)):
            inner = np.zeros(len(archs), dtype=np.int64)
            for child in self._children[j]:
                below = inner * starts[child][-1] + codes[child]
                inner = np.where(self._allows(child)[archs[:, j]], below, inner)
            codes[j] = starts[j][archs[:, j]] + inner
        code = np.zeros(len(archs), dtype=np.int64)
        for root in self._roots:
            code = code * starts[root][-1] + codes[root]
        return code

    def from_index(self, index: Ints) -> Archs:
        """Inverse of :meth:`index`: ``(n,)`` numbers -> canonical ``(n, d)``."""
        if not self.conditional:
            return super().from_index(index)
        starts = self._starts
        code = np.asarray(index, dtype=np.int64)
        codes: list[Ints] = [code] * self.d
        for root in reversed(self._roots):
            code, codes[root] = np.divmod(code, starts[root][-1])
        archs = np.zeros((len(code), self.d), dtype=np.uint8)
        for j in range(self.d):
            chosen = np.searchsorted(starts[j], codes[j], side="right") - 1
            archs[:, j] = chosen
            inner = codes[j] - starts[j][chosen]
            for child in reversed(self._children[j]):
                exists = self._allows(child)[chosen]
                rest, below = np.divmod(inner, starts[child][-1])
                inner = np.where(exists, rest, inner)
                codes[child] = np.where(exists, below, 0)
        return self.canonical(archs)

    # ---- identity and moves --------------------------------------------------------------------

    def active(self, archs: Archs) -> Bools:
        """Which decisions exist: ``(n, d)``."""
        result = np.ones(archs.shape, dtype=bool)
        for j, condition in enumerate(self.conditions):
            if condition is not None:
                parent = condition.parent
                result[:, j] = result[:, parent] & condition.allows[archs[:, parent]]
        return result

    def sample(self, n: int, *, rng: np.random.Generator) -> Archs:
        """Draw every decision uniformly, then put inactive ones to option 0: ``(n, d)``."""
        drawn = super().sample(n, rng=rng)
        return self.canonical(drawn) if self.conditional else drawn

    def mutate(
        self, archs: Archs, *, rng: np.random.Generator, rate: float | Floats | None = None
    ) -> Archs:
        """Change every decision with probability ``rate``; at least an active one: ``(n, d)``.

        ``rate=None`` changes exactly one, which is active, so no mutation is wasted. With a rate
        inactive decisions change too, so what it switches on has no fixed option.
        """
        changeable = self.radices > 1
        if not self.conditional or not changeable.any():
            return super().mutate(archs, rng=rng, rate=rate)
        n, d = archs.shape
        counts = self.active(archs) & changeable
        counts |= changeable & ~counts.any(axis=1, keepdims=True)  # nothing active can change
        change = np.zeros((n, d), dtype=bool)
        if rate is not None:
            change = (rng.random((n, d)) < rate) & changeable
        forced = np.where(counts, rng.random((n, d)), -1).argmax(axis=1)
        change[np.arange(n), forced] |= ~(change & counts).any(axis=1)
        shift = rng.integers(1, np.maximum(self.radices, 2), size=(n, d))  # never 0: a new value
        changed = (archs + shift) % self.radices
        return np.where(change, changed, archs).astype(np.uint8)

    # ---- strings -------------------------------------------------------------------------------

    def format(self, archs: Archs) -> list[str]:
        """``name=option`` of every active decision, joined by commas."""
        if not self.conditional:
            return super().format(archs)
        texts = [[f"{c.name}={option}" for option in c.options] for c in self.choices]
        return [
            ",".join(texts[j][k] for j, k in enumerate(row) if exists[j])
            for row, exists in zip(archs.tolist(), self.active(archs).tolist(), strict=True)
        ]

    def parse(self, strings: Sequence[str]) -> Archs:
        """Read strings written by :meth:`format` into canonical rows: ``(n, d)``.

        Raises:
            ArchitectureError: a string that is not of this form (with its number).
        """
        if not self.conditional:
            return super().parse(strings)
        rows = np.zeros((len(strings), self.d), dtype=np.uint8)
        for n, text in enumerate(strings):
            self._read(text, rows[n], f"architecture {n}: {text!r}")
        return rows

    def _read(self, text: str, row: NDArray[np.uint8], where: str) -> None:
        """Write what a string says into ``row: (d,)``, which is 0."""
        given = self._split(text, where)
        exists = [True] * self.d
        for j, (choice, condition) in enumerate(zip(self.choices, self.conditions, strict=True)):
            if condition is not None:
                parent = condition.parent
                exists[j] = exists[parent] and bool(condition.allows[row[parent]])
            value = given.get(choice.name)
            options = [str(option) for option in choice.options]
            if exists[j] and value not in options:
                got = "is missing" if value is None else f"got {value!r}"
                raise ArchitectureError(
                    f"{where}: expected {choice.name}=<{'|'.join(options)}>, {got}"
                )
            if not exists[j] and value is not None:
                raise ArchitectureError(
                    f"{where}: {choice.name} is inactive (it needs {self._needs(j)}); leave it out"
                )
            if value is not None:
                row[j] = options.index(value)

    def _split(self, text: str, where: str) -> dict[str, str]:
        """``{name: option}`` as written; names are known and different."""
        names = [c.name for c in self.choices]
        given: dict[str, str] = {}
        for part in text.strip().split(","):
            name, _, value = (piece.strip() for piece in part.partition("="))
            if name not in names or name in given:
                fault = f"{name!r} twice" if name in given else f"unknown decision {name!r}"
                close = difflib.get_close_matches(name, set(names) - set(given), n=1)
                meant = f", did you mean {close[0]!r}" if close and name not in given else ""
                raise ArchitectureError(f"{where}: {fault}{meant}; known: {', '.join(names)}")
            given[name] = value
        return given

    def _needs(self, child: int) -> str:
        """The condition of a choice, as in strings."""
        condition = self.conditions[child]
        assert condition is not None  # only asked for inactive ones
        parent = self.choices[condition.parent]
        wanted = [str(o) for o, yes in zip(parent.options, condition.allows, strict=True) if yes]
        return f"{parent.name}={'|'.join(wanted)}"

    def fingerprint(self) -> str:
        """Name, choices and conditions."""
        rules = [
            f"{c.name} needs {self._needs(j)}"
            for j, c in enumerate(self.choices)
            if self.conditions[j] is not None
        ]
        return "; ".join([super().fingerprint(), *rules])
