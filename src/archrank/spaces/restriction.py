"""Options that a smaller space keeps, and how its rows translate to those of the whole space."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from archrank.errors import ArchitectureError, SpaceError, UnknownNameError
from archrank.spaces.conditions import Condition, Conditions, existing
from archrank.spaces.subsets import Members
from archrank.types import Archs, Bools, Ints

if TYPE_CHECKING:
    from archrank.spaces.base import Space

Kept = tuple[tuple[int, ...], ...]  # per decision, the indices of the options that are kept
LISTS = (list, tuple, set, frozenset, range, np.ndarray)  # of options; else it is a single one


def read_kept(options: Mapping[str, Any], space: Space) -> Kept:
    """Translate options by name into indices, in the order of the space.

    Args:
        options: ``{decision: options}``; a single option may stand alone. Of a set of limited size,
            by its name, the members that may be in.
        space: the space that is restricted.

    Raises:
        UnknownNameError: no decision has that name.
        SpaceError: an option that the decision does not have, or no option.
    """
    if not isinstance(options, Mapping):
        raise SpaceError(f"restrict takes {{decision: options}}, got {options!r}")
    known = {choice.name: choice.options for choice in space.choices}
    sets = {one.name: one for one in space.subsets}
    wanted: dict[str, list[Any]] = {}
    for name, given in options.items():
        listed = list(given) if isinstance(given, LISTS) else [given]
        if name in sets and name not in known:
            _require_options(name, sets[name].labels, listed, "member")
            continue
        if name not in known:
            raise UnknownNameError(f"decision of {space.name}", str(name), [*known, *sets])
        _require_options(name, known[name], listed, "option")
        wanted[name] = listed
    kept = tuple(
        tuple(k for k, o in enumerate(c.options) if _among(o, c.name, wanted, left_out))
        for c, left_out in zip(space.choices, _left_out(options, space), strict=True)
    )
    for choice, indices in zip(space.choices, kept, strict=True):
        if not indices:
            raise SpaceError(
                f"decision {choice.name!r} would have no option left: its set leaves out what is "
                "always in"
            )
    return kept


def _left_out(options: Mapping[str, Any], space: Space) -> list[bool]:
    """Tell which decisions are members that their set does not keep, by the name of the set."""
    found = [False] * space.d
    for one in space.subsets:
        given = options.get(one.name, one.labels)
        kept = list(given) if isinstance(given, LISTS) else [given]
        for column, label in zip(one.columns, one.labels, strict=True):
            found[column] = label not in kept
    return found


def _among(option: Any, name: str, wanted: Mapping[str, list[Any]], left_out: bool) -> bool:
    return not (left_out and option) and (name not in wanted or option in wanted[name])


def _require_options(name: str, known: Sequence[Any], wanted: list[Any], kind: str) -> None:
    owner = "decision" if kind == "option" else "set"
    if not wanted:
        raise SpaceError(
            f"{owner} {name!r} would have no {kind} left; keep one or more of "
            f"{', '.join(map(repr, known))}"
        )
    for option in wanted:
        if option not in known:
            by_text = {str(o): o for o in known}
            close = difflib.get_close_matches(str(option), by_text, n=1, cutoff=0.5)
            meant = f", did you mean {by_text[close[0]]!r}? It has" if close else "; it has"
            raise SpaceError(
                f"{owner} {name!r} has no {kind} {option!r}{meant} {', '.join(map(repr, known))}"
            )


class Restriction:
    """The options that are kept of each decision.

    Args:
        kept: indices of options, per decision.
        whole: the space that is restricted.

    Attributes:
        kept: those that are left where some decisions never exist, or limits of sets decide.
        conditions: of the smaller space.
        subsets: of the smaller space.

    Raises:
        SpaceError: a set cannot have the right number of members any more.
    """

    def __init__(self, kept: Kept, whole: Space) -> None:
        conditions = whole.conditions or (None,) * whole.d
        rules: list[Condition | None] = []
        possible = [True] * whole.d
        self.kept: list[tuple[int, ...]] = []
        for j, (options, condition) in enumerate(zip(kept, conditions, strict=True)):
            rule = None
            if condition is not None:
                parent = condition.parent
                rule = Condition(parent, condition.allows[list(self.kept[parent])])
                possible[j] = possible[parent] and bool(rule.allows.any())
                if not possible[j]:  # nothing is left to choose
                    options = options[:1]
            rules.append(rule)
            self.kept.append(options)
        self.subsets = tuple(self._shrunk(m) for m in whole.subsets if possible[m.columns[0]])
        self.conditions: Conditions = tuple(rules)
        self.names = [choice.name for choice in whole.choices]
        self.options = [choice.options for choice in whole.choices]
        self._up = np.zeros((len(kept), max(map(len, self.kept))), dtype=np.uint8)
        self._down = np.full((len(kept), max(map(len, self.options))), -1, dtype=np.int64)
        for j, indices in enumerate(self.kept):
            self._up[j, : len(indices)] = indices
            self._down[j, list(indices)] = np.arange(len(indices))

    def _shrunk(self, members: Members) -> Members:
        """Return a set with the options that are kept, and keep those that its limit leaves."""
        small = members.keep(self.kept)
        for j, before, after in zip(members.columns, members.options, small.options, strict=True):
            self.kept[j] = tuple(k for k in self.kept[j] if before[k] in after)
        return small

    def up(self, archs: Archs) -> Archs:
        """Return rows of the smaller space, ``(n, d)``, as rows of the whole one: ``(n, d)``."""
        rows: Archs = self._up[np.arange(len(self.kept)), archs]
        return rows

    def down(self, rows: Archs) -> tuple[Archs, Bools]:
        """Return rows of the whole space as rows of the smaller one, and which are inside.

        Args:
            rows: ``(n, d)`` of the whole space.

        Returns:
            ``(n, d)``, 0 where a decision does not exist or its option is left out; and ``(n,)``,
            whether every decision that exists has an option that is kept.
        """
        found: Ints = self._down[np.arange(len(self.kept)), rows]
        archs = np.maximum(found, 0).astype(np.uint8)
        exists = existing(archs, self.conditions)
        kept = (found >= 0) | ~exists  # (n, d)
        return np.where(exists, archs, 0).astype(np.uint8), np.all(kept, axis=1)

    def require_inside(self, rows: Archs, inside: Bools, space: str) -> None:
        """Refuse rows of the whole space that are not in the smaller one.

        Raises:
            ArchitectureError: names the first one, and the options that are kept.
        """
        if inside.all():
            return
        n = int(np.argmin(inside))
        j = int(np.argmax(self._down[np.arange(len(self.kept)), rows[n]] < 0))
        kept = ", ".join(str(self.options[j][k]) for k in self.kept[j])
        raise ArchitectureError(
            f"architecture {n}: {self.names[j]} is {self.options[j][rows[n, j]]}, which {space} "
            f"leaves out; it keeps {kept}"
        )
