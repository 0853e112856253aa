"""Checks of a user's declarations: named choices, and the conditions under which they exist."""

from __future__ import annotations

import difflib
import keyword
import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from archrank.errors import SpaceError
from archrank.spaces.base import Choice
from archrank.spaces.conditions import Condition

MAX_OPTIONS = 256  # choice indices are uint8

Option: TypeAlias = "str | int | float"
Choices: TypeAlias = "Mapping[str, Sequence[Option]] | Sequence[tuple[str, Sequence[Option]]]"
Conditions: TypeAlias = "Mapping[str, tuple[str, Option | Sequence[Option]]]"


def read_choices(declared: Choices) -> tuple[Choice, ...]:
    """Choices out of ``{name: options}`` or ``[(name, options), ...]``.

    Raises:
        SpaceError: no choice, a name that is repeated or no identifier, options that are too few,
            too many, repeated, or neither numbers nor strings.
    """
    pairs = list(declared.items()) if isinstance(declared, Mapping) else _pairs(declared)
    if not pairs:
        raise SpaceError("a space needs at least one choice: {'depth': [1, 2, 3], ...}")
    names: set[str] = set()
    for name, _ in pairs:
        if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
            raise SpaceError(f"choice names are Python identifiers, got {name!r}")
        if name in names:
            raise SpaceError(f"choice {name!r} is declared twice; rename one of the two")
        names.add(name)
    return tuple(Choice(name, _options(name, options)) for name, options in pairs)


def _pairs(declared: Any) -> list[tuple[Any, Any]]:
    """The pairs of a sequence of pairs."""
    listed = isinstance(declared, Sequence) and not isinstance(declared, str)
    wrong = (
        [p for p in declared if not isinstance(p, (tuple, list)) or len(p) != 2] if listed else 0
    )
    if not listed or wrong:
        got = declared if not listed else wrong[0]  # type: ignore[index]
        raise SpaceError(f"choices are {{name: options}} or (name, options) pairs, got {got!r}")
    return [(name, options) for name, options in declared]


def _options(name: str, declared: Any) -> tuple[Option, ...]:
    """The options of one choice, NumPy's numbers as Python's."""
    if isinstance(declared, np.ndarray):
        declared = declared.tolist()
    if isinstance(declared, str) or not isinstance(declared, Sequence):
        raise SpaceError(f"the options of choice {name!r} are a list, got {declared!r}")
    if not 1 <= len(declared) <= MAX_OPTIONS:
        got = "none" if not declared else len(declared)
        raise SpaceError(f"choice {name!r} needs 1 to {MAX_OPTIONS} different options, got {got}")
    options = tuple(_option(name, option) for option in declared)
    if len(set(options)) != len(options):
        raise SpaceError(
            f"choice {name!r} needs 1 to {MAX_OPTIONS} different options, got {list(options)!r}"
        )
    written: dict[str, Option] = {}
    for option in options:
        other = written.setdefault(str(option), option)
        if other is not option:
            raise SpaceError(
                f"options {other!r} and {option!r} of choice {name!r} are written alike in "
                "strings; rename one of the two"
            )
    return options


def _option(name: str, declared: Any) -> Option:
    """One option: a finite number, or a string that can stand between commas."""
    option = declared.item() if isinstance(declared, np.generic) else declared
    if isinstance(option, str):
        if not option or option != option.strip() or "," in option or not option.isprintable():
            raise SpaceError(
                f"option {option!r} of choice {name!r}: strings are written into lists, so they "
                "have no commas, line breaks or outer spaces, and are not empty"
            )
        return option
    if not isinstance(option, (int, float)):
        raise SpaceError(
            f"option {option!r} of choice {name!r} is a {type(option).__name__}; options are "
            "numbers or strings: give it a name, and look the object up by it in build"
        )
    if not math.isfinite(option):
        raise SpaceError(f"option {option!r} of choice {name!r} is not finite; give it a name")
    return option


def read_conditions(
    declared: Conditions | None, choices: Sequence[Choice]
) -> tuple[Condition | None, ...]:
    """The condition of every choice, ``None`` where it is always active.

    Raises:
        SpaceError: an unknown choice or option, or one that is not declared before the choice that
            depends on it.
    """
    columns = {c.name: j for j, c in enumerate(choices)}
    found: list[Condition | None] = [None] * len(choices)
    given = declared or {}
    if not isinstance(given, Mapping):
        raise SpaceError(f"active_if is {{choice: (other, options)}}, got {given!r}")
    parents = {child: _read(child, rule, columns) for child, rule in given.items()}
    for child, (parent, wanted) in parents.items():
        _check_order(child, parents, columns)
        options = choices[columns[parent]].options
        for option in wanted:
            if option not in options:
                raise SpaceError(
                    f"active_if of {child!r}: {parent!r} has no option {option!r}; "
                    f"it has {', '.join(map(repr, options))}"
                )
        allows = np.array([option in wanted for option in options])
        found[columns[child]] = Condition(columns[parent], allows)
    return tuple(found)


def _read(child: Any, rule: Any, columns: Mapping[str, int]) -> tuple[str, list[Option]]:
    """One condition: the name it depends on, and the options that make it true."""
    _known(child, columns, "active_if")
    pair = isinstance(rule, (tuple, list)) and len(rule) == 2
    if not pair or not isinstance(rule[0], str):
        raise SpaceError(
            f"active_if of {child!r} is one (choice, options) pair such as ('depth', [3, 4]), "
            f"got {rule!r}"
        )
    parent, options = rule
    _known(parent, columns, f"active_if of {child!r}")
    listed = isinstance(options, (list, tuple, set, frozenset, range, np.ndarray))
    wanted = list(options) if listed else [options]
    if not wanted:
        raise SpaceError(f"active_if of {child!r} names no option of {parent!r}: never active")
    return parent, wanted


def _known(name: Any, columns: Mapping[str, int], where: str) -> None:
    if name not in columns:
        close = difflib.get_close_matches(str(name), columns, n=1, cutoff=0.5)
        meant = f", did you mean {close[0]!r}?" if close else "."
        raise SpaceError(f"{where}: unknown choice {name!r}{meant} Known: {', '.join(columns)}")


def _check_order(
    child: str, parents: Mapping[str, tuple[str, list[Option]]], columns: Mapping[str, int]
) -> None:
    """Refuse circles, and choices that depend on later ones."""
    chain = [child]
    while chain[-1] in parents:
        chain.append(parents[chain[-1]][0])
        if chain[-1] in chain[:-1]:
            circle = " -> ".join(chain[chain.index(chain[-1]) :])
            raise SpaceError(f"active_if goes round in a circle: {circle}")
    parent = chain[1]
    if columns[parent] > columns[child]:
        raise SpaceError(
            f"active_if of {child!r} depends on {parent!r}, which is declared after it; "
            f"declare {parent!r} first"
        )
