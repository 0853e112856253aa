"""Spaces of named choices and sets, where some exist only if others have certain options."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from archrank.errors import ArchitectureError
from archrank.spaces.base import Choice, Space
from archrank.spaces.conditions import Condition
from archrank.spaces.custom.entries import ChoiceEntry, Entry, SetEntry
from archrank.spaces.moves import mutate_existing
from archrank.spaces.subsets import Members, sizes_text
from archrank.types import Archs, Floats, Ints


class ConditionalSpace(Space):
    """A space of named choices, some of which may be inactive.

    Conditions make a forest: a choice is active where the one it depends on is active and has one
    of some options. Canonical rows have option 0 where a choice is inactive.

    Args:
        choices: in column order.
        conditions: one per choice, ``None`` if it is always active; parents come first.
        subsets: sets of limited size among the choices, each in columns side by side.
    """

    def __init__(
        self,
        choices: Sequence[Choice],
        conditions: Sequence[Condition | None],
        subsets: Sequence[Members] = (),
    ) -> None:
        self.choices = tuple(choices)
        self.conditions = tuple(conditions)
        self.subsets = tuple(subsets)
        self._radices = np.array([len(c.options) for c in self.choices], dtype=np.int64)

    @property
    def radices(self) -> Ints:
        """Options per decision: ``(d,)``."""
        return self._radices

    @property
    def conditional(self) -> bool:
        """True if any choice may be inactive."""
        return any(condition is not None for condition in self.conditions)

    # ---- identity and moves --------------------------------------------------------------------

    def sample(self, n: int, *, rng: np.random.Generator) -> Archs:
        """Draw every decision uniformly, then put inactive ones to option 0: ``(n, d)``."""
        drawn = super().sample(n, rng=rng)
        return self.canonical(drawn) if self.conditional else drawn

    def mutate(
        self, archs: Archs, *, rng: np.random.Generator, rate: float | Floats | None = None
    ) -> Archs:
        """Change every decision with probability ``rate``; at least an active one: ``(n, d)``.

        ``rate=None`` changes exactly one, which is active, so no mutation is wasted.
        """
        if not self.conditional or not (self.radices > 1).any():
            return super().mutate(archs, rng=rng, rate=rate)
        moved = mutate_existing(archs, self.active(archs), self.radices, rng=rng, rate=rate)
        return self._completed(moved, moved != archs, rng)

    # ---- strings -------------------------------------------------------------------------------

    def format(self, archs: Archs) -> list[str]:
        """``name=option`` of every active decision, joined by commas; ``name=3+7`` of a set."""
        if not self.conditional and not self.subsets:
            return super().format(archs)
        entries = self._entries
        return [
            ",".join(entry.write(row) for entry in entries if exists[entry.column])
            for row, exists in zip(archs.tolist(), self.active(archs).tolist(), strict=True)
        ]

    def parse(self, strings: Sequence[str]) -> Archs:
        """Read strings written by :meth:`format` into canonical rows: ``(n, d)``.

        Raises:
            ArchitectureError: a string that is not of this form (with its number).
        """
        if not self.conditional and not self.subsets:
            return super().parse(strings)
        rows = np.zeros((len(strings), self.d), dtype=np.uint8)
        for n, text in enumerate(strings):
            self._read(text, rows[n], f"architecture {n}: {text!r}")
        return rows

    @cached_property
    def _entries(self) -> tuple[Entry, ...]:
        """Decisions and sets in the order of columns."""
        sets = {one.columns[0]: SetEntry(one) for one in self.subsets}
        members = {j for one in self.subsets for j in one.columns}
        return tuple(
            sets[j] if j in sets else ChoiceEntry(j, choice)
            for j, choice in enumerate(self.choices)
            if j in sets or j not in members
        )

    def _read(self, text: str, row: NDArray[np.uint8], where: str) -> None:
        """Write what a string says into ``row: (d,)``, which is 0."""
        given = self._split(text, where)
        exists = [True] * self.d
        for entry in self._entries:
            j = entry.column
            condition = self.conditions[j]
            if condition is not None:
                parent = condition.parent
                exists[j] = exists[parent] and bool(condition.allows[row[parent]])
            value = given.get(entry.name)
            if exists[j]:
                fault = "is missing" if value is None else entry.read(value, row)
                if fault:
                    raise ArchitectureError(f"{where}: expected {entry.expected}, {fault}")
            elif value is not None:
                raise ArchitectureError(
                    f"{where}: {entry.name} is inactive (it needs {self._needs(j)}); leave it out"
                )
            for column in entry.columns:
                exists[column] = exists[j]

    def _split(self, text: str, where: str) -> dict[str, str]:
        """``{name: option}`` as written; names are known and different."""
        names = [entry.name for entry in self._entries]
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
        """Name, choices, conditions, sizes of sets and orders that a user has said."""
        rules = [
            f"{c.name} needs {self._needs(j)}"
            for j, c in enumerate(self.choices)
            if self.conditions[j] is not None
        ]
        rules += [
            f"{one.name} has {sizes_text(one.least, one.most)} of {len(one.columns)}"
            for one in self.subsets
        ]
        rules += [f"{c.name} in {c.order} order" for c in self.choices if c.order != "auto"]
        return "; ".join([super().fingerprint(), *rules])
