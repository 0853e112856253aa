"""Checks of a user's conditions: choices that exist only where others have certain options."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from archrank.errors import SpaceError
from archrank.spaces.custom.options import Option

Conditions: TypeAlias = "Mapping[str, tuple[str, Option | Sequence[Option]]]"
Rules: TypeAlias = "dict[str, tuple[str, list[Any]]]"


def read_rules(declared: Any, names: Sequence[str]) -> Rules:
    """Read ``{name: (other, options)}``: what each choice depends on, and the options it needs.

    Args:
        declared: by the user; ``None`` for no conditions.
        names: of the choices, in order.

    Raises:
        SpaceError: an unknown choice, one that is not declared before what depends on it, or
            something else than pairs.
    """
    given = {} if declared is None else declared
    if not isinstance(given, Mapping):
        raise SpaceError(f"active_if is {{choice: (other, options)}}, got {given!r}")
    places = {name: j for j, name in enumerate(names)}
    rules = {child: _read(child, rule, places) for child, rule in given.items()}
    for child in rules:
        _check_order(child, rules, places)
    return rules


def _read(child: Any, rule: Any, places: Mapping[str, int]) -> tuple[str, list[Any]]:
    """One condition: the name it depends on, and the options that make it true."""
    _known(child, places, "active_if")
    pair = isinstance(rule, (tuple, list)) and len(rule) == 2
    if not pair or not isinstance(rule[0], str):
        raise SpaceError(
            f"active_if of {child!r} is one (choice, options) pair such as ('depth', [3, 4]), "
            f"got {rule!r}"
        )
    parent, options = rule
    _known(parent, places, f"active_if of {child!r}")
    listed = isinstance(options, (list, tuple, set, frozenset, range, np.ndarray))
    wanted = list(options) if listed else [options]
    if not wanted:
        raise SpaceError(f"active_if of {child!r} names no option of {parent!r}: never active")
    return parent, wanted


def _known(name: Any, places: Mapping[str, int], where: str) -> None:
    if name not in places:
        close = difflib.get_close_matches(str(name), places, n=1, cutoff=0.5)
        meant = f", did you mean {close[0]!r}?" if close else "."
        raise SpaceError(f"{where}: unknown choice {name!r}{meant} Known: {', '.join(places)}")


def _check_order(child: str, rules: Rules, places: Mapping[str, int]) -> None:
    """Refuse circles, and choices that depend on later ones."""
    chain = [child]
    while chain[-1] in rules:
        chain.append(rules[chain[-1]][0])
        if chain[-1] in chain[:-1]:
            circle = " -> ".join(chain[chain.index(chain[-1]) :])
            raise SpaceError(f"active_if goes round in a circle: {circle}")
    parent = chain[1]
    if places[parent] > places[child]:
        raise SpaceError(
            f"active_if of {child!r} depends on {parent!r}, which is declared after it; "
            f"declare {parent!r} first"
        )
