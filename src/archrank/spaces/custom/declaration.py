"""Reads a user's declarations: named choices, sets, blocks, and conditions between them."""

from __future__ import annotations

import keyword
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from archrank.errors import SpaceError
from archrank.spaces.base import Choice
from archrank.spaces.conditions import Condition
from archrank.spaces.custom.layout import Blocks, One, Part, Parts, Some
from archrank.spaces.custom.option_lists import read_choice
from archrank.spaces.custom.options import Kind, Option
from archrank.spaces.custom.repeat import Repeat
from archrank.spaces.custom.rules import Conditions, Rules, read_rules
from archrank.spaces.custom.subset import Subset
from archrank.spaces.subsets import Members

MAX_DECISIONS = 4096  # of a space; rankers read a number or more of each

Declared: TypeAlias = "Sequence[Option] | Kind | Subset | Repeat"
Choices: TypeAlias = "Mapping[str, Declared] | Sequence[tuple[str, Declared]]"


@dataclass(frozen=True)
class Declaration:
    """Choices as a user has declared them, by column.

    Attributes:
        choices: in column order.
        conditions: one per choice, ``None`` if it always exists.
        subsets: sets of limited size among them.
        parts: what ``build`` receives.
    """

    choices: tuple[Choice, ...]
    conditions: tuple[Condition | None, ...]
    subsets: tuple[Members, ...]
    parts: Parts


def read_space(declared: Choices, active_if: Conditions | None = None) -> Declaration:
    """Read choices ``{name: options}`` or ``[(name, options), ...]``, and their conditions.

    Args:
        declared: options are a list, one of their kinds, a ``Subset`` or a ``Repeat``.
        active_if: ``{name: (other, options)}``.

    Raises:
        SpaceError: no choice, a name that is repeated or no identifier, options that cannot be
            used, an unknown choice or option in a condition, or one that is not declared before
            the choice that depends on it.
    """
    reader = _Reader()
    parts = reader.read(declared, active_if, "", None)
    return Declaration(
        tuple(reader.choices), tuple(reader.conditions), tuple(reader.subsets), parts
    )


class _Reader:
    """Columns as they are read."""

    def __init__(self) -> None:
        self.choices: list[Choice] = []
        self.conditions: list[Condition | None] = []
        self.subsets: list[Members] = []

    def read(self, declared: Any, active_if: Any, prefix: str, outer: Condition | None) -> Parts:
        """Read the choices of a space, or of a block.

        Args:
            declared: choices, as of :func:`read_space`.
            active_if: conditions between them.
            prefix: of their names: empty, or ``blocks.0.``.
            outer: the condition under which all of them exist.
        """
        pairs = _pairs(declared)
        if not pairs:
            raise SpaceError("a space needs at least one choice: {'depth': [1, 2, 3], ...}")
        _check_names([name for name, _ in pairs])
        rules = read_rules(active_if, [name for name, _ in pairs])
        parts: dict[str, Part] = {}
        for name, options in pairs:
            condition = outer if name not in rules else self._condition(name, rules, parts)
            parts[name] = self._part(name, prefix + name, options, condition)
        return tuple(parts.values())

    def _part(self, name: str, full: str, declared: Any, condition: Condition | None) -> Part:
        if isinstance(declared, Subset):
            return Some(name, self._members(full, declared, condition))
        if isinstance(declared, Repeat):
            return self._blocks(name, full, declared, condition)
        for kind in (Subset, Repeat):
            if declared is kind:
                raise SpaceError(f"choice {full!r} is the class {kind.__name__}; call it")
        choice = read_choice(full, declared)
        return One(name, choice.options, self._add(choice, condition))

    def _add(self, choice: Choice, condition: Condition | None) -> int:
        """Add a column and return its number."""
        if len(self.choices) == MAX_DECISIONS:
            raise SpaceError(
                f"a space has at most {MAX_DECISIONS:,} decisions, copies and members included; "
                f"{choice.name!r} would be one more"
            )
        self.choices.append(choice)
        self.conditions.append(condition)
        return len(self.choices) - 1

    def _members(self, name: str, declared: Subset, condition: Condition | None) -> Members:
        labels, first = declared.labels, len(self.choices)
        columns = tuple(range(first, first + len(labels)))
        either = ((False, True),) * len(labels)
        whole = Members(name, labels, columns, either, declared.least, declared.most)
        found = whole.keep(dict.fromkeys(columns, (0, 1)))  # all or none: nothing to choose
        for decision, options in zip(found.decisions, found.options, strict=True):
            self._add(Choice(decision, options), condition)
        self.subsets.append(found)
        return found

    def _blocks(
        self, name: str, full: str, declared: Repeat, condition: Condition | None
    ) -> Blocks:
        counts, first = declared.counts, len(self.choices)
        if len(counts) > 1:
            self._add(Choice(full, counts), condition)
        copies = []
        for k in range(counts[-1]):
            outer = condition
            if counts[0] <= k:
                outer = Condition(first, np.array([count > k for count in counts]))
            copies.append(self.read(declared.choices, declared.active_if, f"{full}.{k}.", outer))
        return Blocks(name, first, counts, tuple(copies))

    # ---- conditions ----------------------------------------------------------------------------

    def _condition(self, child: str, rules: Rules, parts: Mapping[str, Part]) -> Condition:
        """Return the condition of a choice; what it depends on is among ``parts``."""
        parent, wanted = rules[child]
        part = parts[parent]
        if isinstance(part, Some):
            return _membership(child, part, wanted)
        if isinstance(part, Blocks) and len(part.counts) == 1:
            raise SpaceError(
                f"active_if of {child!r}: {parent!r} is there {part.counts[0]} times always"
            )
        options: tuple[Option, ...] = part.counts if isinstance(part, Blocks) else part.options
        for option in wanted:
            if option not in options:
                raise SpaceError(
                    f"active_if of {child!r}: {parent!r} has no option {option!r}; "
                    f"it has {', '.join(map(repr, options))}"
                )
        return Condition(part.column, np.array([option in wanted for option in options]))


def _membership(child: str, part: Some, wanted: Sequence[Any]) -> Condition:
    """Return the condition that one member is in a set."""
    members = part.members
    if len(wanted) != 1 or wanted[0] not in members.labels:
        got = ", ".join(map(repr, wanted))
        raise SpaceError(
            f"active_if of {child!r} names one member of {part.name!r}, such as "
            f"({part.name!r}, {members.labels[0]!r}), got {got}; it has "
            f"{', '.join(map(repr, members.labels))}"
        )
    at = members.labels.index(wanted[0])
    return Condition(members.columns[at], np.array(members.options[at]))


def _pairs(declared: Any) -> list[tuple[Any, Any]]:
    """Return the pairs of a mapping or of a sequence of pairs."""
    if isinstance(declared, Mapping):
        return list(declared.items())
    listed = isinstance(declared, Sequence) and not isinstance(declared, str)
    wrong = (
        [p for p in declared if not isinstance(p, (tuple, list)) or len(p) != 2] if listed else 0
    )
    if not listed or wrong:
        got = declared if not listed else wrong[0]  # type: ignore[index]
        raise SpaceError(f"choices are {{name: options}} or (name, options) pairs, got {got!r}")
    return [(name, options) for name, options in declared]


def _check_names(names: Sequence[Any]) -> None:
    """Refuse names that are no identifiers, or repeated."""
    known: set[str] = set()
    for name in names:
        if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
            raise SpaceError(f"choice names are Python identifiers, got {name!r}")
        if name in known:
            raise SpaceError(f"choice {name!r} is declared twice; rename one of the two")
        known.add(name)
