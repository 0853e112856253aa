"""Entries of an architecture's string: ``depth=3`` of a choice, ``attention=3+7`` of a set."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from archrank.spaces.custom.layout import chosen
from archrank.spaces.custom.subset import JOIN, NOTHING
from archrank.spaces.subsets import sizes_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from archrank.spaces.base import Choice
    from archrank.spaces.subsets import Members

SHOWN = 8  # options in a message; of more, the first and the last


class ChoiceEntry:
    """Entry of a choice.

    Args:
        column: of its decision.
        choice: its name and options.
    """

    def __init__(self, column: int, choice: Choice) -> None:
        self.name, self.column = choice.name, column
        self.columns: tuple[int, ...] = (column,)
        self._options = [str(option) for option in choice.options]

    @property
    def expected(self) -> str:
        """Form of the entry, for messages."""
        return f"{self.name}=<{'|'.join(self._options)}>"

    def write(self, row: Sequence[int]) -> str:
        """Write the entry of a row ``(d,)``."""
        return f"{self.name}={self._options[row[self.column]]}"

    def read(self, text: str, row: NDArray[np.uint8]) -> str:
        """Write what a text says into ``row: (d,)``; return what is wrong with it, or nothing."""
        if text not in self._options:
            return f"got {text!r}"
        row[self.column] = self._options.index(text)
        return ""


class SetEntry:
    """Entry of a set: its members, joined by plus signs.

    Args:
        members: the set.
    """

    def __init__(self, members: Members) -> None:
        self.name, self.columns = members.name, members.columns
        self.column = members.columns[0]
        self._members = members
        self._labels = {str(label): i for i, label in enumerate(members.labels)}

    @property
    def expected(self) -> str:
        """Form of the entry, for messages."""
        least, most = self._members.least, self._members.most
        names = list(self._labels)
        few = names if len(names) <= SHOWN else [*names[:3], "...", names[-1]]
        empty = f", or {self.name}={NOTHING}" if least == 0 else ""
        size = f"{sizes_text(least, most)} of {', '.join(few)}"
        return f"{self.name}=<{size}; joined by {JOIN}>{empty}"

    def write(self, row: Sequence[int]) -> str:
        """Write the entry of a row ``(d,)``."""
        inside = chosen(self._members, row)
        return f"{self.name}={JOIN.join(map(str, inside)) or NOTHING}"

    def read(self, text: str, row: NDArray[np.uint8]) -> str:
        """Write what a text says into ``row: (d,)``; return what is wrong with it, or nothing."""
        names = [] if text == NOTHING else [name.strip() for name in text.split(JOIN)]
        for name in names:
            if name not in self._labels:
                close = difflib.get_close_matches(name, self._labels, n=1, cutoff=0.5)
                return f"got {name!r}" + (f", did you mean {close[0]!r}?" if close else "")
            if names.count(name) > 1:
                return f"got {name!r} twice"
        least, most = self._members.least, self._members.most
        if not least <= len(names) <= most:
            return f"got {len(names)}"
        inside = {self._labels[name] for name in names}
        for i, (j, options) in enumerate(
            zip(self._members.columns, self._members.options, strict=True)
        ):
            row[j] = options.index(i in inside)
        return ""


Entry: TypeAlias = "ChoiceEntry | SetEntry"
