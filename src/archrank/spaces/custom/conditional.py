"""Spaces of named choices where some exist only if others have certain options."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from archrank.errors import ArchitectureError
from archrank.spaces.base import Choice, Space
from archrank.spaces.conditions import Condition
from archrank.spaces.moves import mutate_existing
from archrank.types import Archs, Floats, Ints


class ConditionalSpace(Space):
    """A space of named choices, some of which may be inactive.

    Conditions make a forest: a choice is active where the one it depends on is active and has one
    of some options. Canonical rows have option 0 where a choice is inactive.

    Args:
        choices: in column order.
        conditions: one per choice, ``None`` if it is always active; parents come first.
    """

    def __init__(self, choices: Sequence[Choice], conditions: Sequence[Condition | None]) -> None:
        self.choices = tuple(choices)
        self.conditions = tuple(conditions)
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
        return mutate_existing(archs, self.active(archs), self.radices, rng=rng, rate=rate)

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
