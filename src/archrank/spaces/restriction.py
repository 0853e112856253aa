"""Options that a smaller space keeps, and how its rows translate to those of the whole space."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from archrank.errors import ArchitectureError, SpaceError, UnknownNameError
from archrank.spaces.conditions import Condition, Conditions, existing
from archrank.types import Archs, Bools, Ints

if TYPE_CHECKING:
    from archrank.spaces.base import Choice

Kept = tuple[tuple[int, ...], ...]  # per decision, the indices of the options that are kept


def read_kept(options: Mapping[str, Sequence[Any]], choices: Sequence[Choice], space: str) -> Kept:
    """Translate options by name into indices, in the order of the space.

    Args:
        options: ``{decision: options}``; a single option may stand alone.
        choices: of the space that is restricted.
        space: its name, for messages.

    Raises:
        UnknownNameError: no decision has that name.
        SpaceError: an option that the decision does not have, or no option.
    """
    if not isinstance(options, Mapping):
        raise SpaceError(f"restrict takes {{decision: options}}, got {options!r}")
    known = {choice.name: choice for choice in choices}
    for name, wanted in options.items():
        if name not in known:
            raise UnknownNameError(f"decision of {space}", str(name), known)
        listed = isinstance(wanted, (list, tuple, set, frozenset, range, np.ndarray))
        _require_options(known[name], list(wanted) if listed else [wanted])
    return tuple(
        tuple(k for k, option in enumerate(choice.options) if _among(option, options, choice.name))
        for choice in choices
    )


def _among(option: Any, options: Mapping[str, Any], name: str) -> bool:
    if name not in options:
        return True
    wanted = options[name]
    listed = isinstance(wanted, (list, tuple, set, frozenset, range, np.ndarray))
    return option in (list(wanted) if listed else [wanted])


def _require_options(choice: Choice, wanted: list[Any]) -> None:
    if not wanted:
        raise SpaceError(
            f"decision {choice.name!r} would have no option left; keep one or more of "
            f"{', '.join(map(repr, choice.options))}"
        )
    for option in wanted:
        if option not in choice.options:
            by_text = {str(o): o for o in choice.options}
            close = difflib.get_close_matches(str(option), by_text, n=1, cutoff=0.5)
            meant = f", did you mean {by_text[close[0]]!r}? It has" if close else "; it has"
            raise SpaceError(
                f"decision {choice.name!r} has no option {option!r}{meant} "
                f"{', '.join(map(repr, choice.options))}"
            )


class Restriction:
    """The options that are kept of each decision.

    Args:
        kept: indices of options, per decision.
        choices: of the whole space.
        conditions: of the whole space.

    Attributes:
        conditions: of the smaller space.
    """

    def __init__(self, kept: Kept, choices: Sequence[Choice], conditions: Conditions) -> None:
        conditions = conditions or (None,) * len(choices)
        rules: list[Condition | None] = []
        self.kept: list[tuple[int, ...]] = []
        for options, condition in zip(kept, conditions, strict=True):
            rule = None
            if condition is not None:
                allows = condition.allows[list(self.kept[condition.parent])]
                rule = Condition(condition.parent, allows)
                if not allows.any():  # it never exists: nothing is left to choose
                    options = options[:1]
            rules.append(rule)
            self.kept.append(options)
        self.conditions: Conditions = tuple(rules)
        self.names = [choice.name for choice in choices]
        self.options = [choice.options for choice in choices]
        self._up = np.zeros((len(kept), max(map(len, self.kept))), dtype=np.uint8)
        self._down = np.full((len(kept), max(map(len, self.options))), -1, dtype=np.int64)
        for j, indices in enumerate(self.kept):
            self._up[j, : len(indices)] = indices
            self._down[j, list(indices)] = np.arange(len(indices))

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
