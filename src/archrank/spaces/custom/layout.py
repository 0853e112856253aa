"""Parts of a user's space, and what ``build`` receives of a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from archrank.spaces.subsets import Members


@dataclass(frozen=True)
class One:
    """A choice: its name in ``config``, its options, and its column."""

    name: str
    options: tuple[str | int | float, ...]
    column: int


@dataclass(frozen=True)
class Some:
    """A set: its name in ``config``, and its members."""

    name: str
    members: Members

    @property
    def column(self) -> int:
        """First of its columns."""
        return self.members.columns[0]


@dataclass(frozen=True)
class Blocks:
    """A block of parts, several times.

    Attributes:
        name: in ``config``.
        column: of the number of copies; of the first copy's first part if that is fixed.
        counts: possible numbers of copies.
        copies: parts of each.
    """

    name: str
    column: int
    counts: tuple[int, ...]
    copies: tuple[Parts, ...]


Part: TypeAlias = "One | Some | Blocks"
Parts: TypeAlias = "tuple[Part, ...]"


def configured(parts: Parts, row: Sequence[int], exists: Sequence[bool]) -> dict[str, Any]:
    """Return what ``build`` receives of a row: options, tuples of members, lists of dicts.

    Args:
        parts: of the space.
        row: ``(d,)`` indices of options.
        exists: ``(d,)`` which decisions do.
    """
    return {part.name: _value(part, row, exists) for part in parts if exists[part.column]}


def _value(part: Part, row: Sequence[int], exists: Sequence[bool]) -> Any:
    if isinstance(part, One):
        return part.options[row[part.column]]
    if isinstance(part, Some):
        return chosen(part.members, row)
    count = part.counts[row[part.column]] if len(part.counts) > 1 else part.counts[0]
    return [configured(copy, row, exists) for copy in part.copies[:count]]


def chosen(members: Members, row: Sequence[int]) -> tuple[str | int | float, ...]:
    """Return the members that are in, by name and in order."""
    each = zip(members.labels, members.columns, members.options, strict=True)
    return tuple(label for label, j, options in each if options[row[j]])
