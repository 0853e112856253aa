"""Parts of a user's space, and what ``build`` receives of a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from archrank.checks import quoted
from archrank.errors import ArchitectureError
from archrank.spaces.custom.subset import JOIN, NOTHING
from archrank.spaces.given import is_empty
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


def joint(parts: Parts, prefix: str = "") -> dict[str, Some | Blocks]:
    """Return sets and blocks by their names in strings, those inside blocks included."""
    found: dict[str, Some | Blocks] = {}
    for part in parts:
        if not isinstance(part, One):
            found[f"{prefix}{part.name}"] = part
        if isinstance(part, Blocks):
            for k, copy in enumerate(part.copies):
                found |= joint(copy, f"{prefix}{part.name}.{k}.")
    return found


def flattened(
    config: Mapping[str, Any], known: Mapping[str, Some | Blocks], space: str, prefix: str = ""
) -> dict[str, Any]:
    """Return ``{decision: option}`` of a configuration: sets and blocks as decisions.

    Args:
        config: as :func:`configured` makes them, JSON's lists included, or with the names that
            strings have; other names are kept. What has no value is left out.
        known: sets and blocks of the space, see :func:`joint`.
        space: its name, for messages.
        prefix: of the names of decisions.

    Raises:
        ArchitectureError: an unknown member, or no list where blocks or members are expected.
    """
    found: dict[str, Any] = {}
    for name, value in config.items():
        full = f"{prefix}{name}"
        part = known.get(full)
        if part is not None and is_empty(value):
            continue
        if isinstance(part, Some):
            found |= _members_of(part.members, value, space)
        elif isinstance(part, Blocks) and isinstance(value, list | tuple):
            found |= _blocks_of(part, value, known, space, full)
        else:
            found[full] = value
    return found


def _members_of(members: Members, value: Any, space: str) -> dict[str, bool]:
    if isinstance(value, str):
        value = [] if value.strip() == NOTHING else value.split(JOIN)
    if not isinstance(value, Sequence | set | frozenset | np.ndarray):
        value = [value]  # one member
    texts = [str(member).strip() for member in value]
    known = list(map(str, members.labels))
    for text in texts:
        if text not in known:
            raise ArchitectureError(
                f"{space}: {members.name} has no member {text!r}; it has {', '.join(known)}"
            )
    pairs = zip(known, members.decisions, strict=True)
    return {decision: text in texts for text, decision in pairs}


def _blocks_of(
    part: Blocks,
    value: Sequence[Any],
    known: Mapping[str, Some | Blocks],
    space: str,
    full: str,
) -> dict[str, Any]:
    wrong = next((copy for copy in value if not isinstance(copy, Mapping)), None)
    if wrong is not None or len(value) not in part.counts:
        counts = " or ".join(map(str, part.counts))
        got = len(value) if wrong is None else quoted(wrong)
        raise ArchitectureError(
            f"{space}: {full} is a list of {counts} blocks {{choice: option}}, got {got}"
        )
    found: dict[str, Any] = {full: len(value)} if len(part.counts) > 1 else {}
    for k, copy in enumerate(value):
        found |= flattened(copy, known, space, f"{full}.{k}.")
    return found
