"""Checks of a user's options: numbers, and strings that can be written into lists."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from archrank.errors import SpaceError
from archrank.spaces.base import Choice
from archrank.spaces.custom.options import KINDS, MAX_OPTIONS, Option


def read_choice(name: str, declared: Any) -> Choice:
    """Return the decision of a choice: a list of options, or one of their kinds.

    Args:
        name: of the decision.
        declared: a list of numbers and strings, or an object of :data:`.options.KINDS`.

    Raises:
        SpaceError: options that are too few, too many, repeated, or neither numbers nor strings.
    """
    if isinstance(declared, KINDS):
        return Choice(name, _options(name, declared.options), declared.order)
    if isinstance(declared, type) and issubclass(declared, KINDS):
        raise SpaceError(
            f"choice {name!r} is the class {declared.__name__}; call it: {declared.__name__}(...)"
        )
    return Choice(name, _options(name, declared))


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
    if isinstance(option, KINDS):
        raise SpaceError(
            f"choice {name!r} lists {type(option).__name__}(...), which is a choice itself: leave "
            "out the brackets around it"
        )
    if not isinstance(option, (int, float)):
        raise SpaceError(
            f"option {option!r} of choice {name!r} is a {type(option).__name__}; options are "
            "numbers or strings: give it a name, and look the object up by it in build"
        )
    if not math.isfinite(option):
        raise SpaceError(f"option {option!r} of choice {name!r} is not finite; give it a name")
    return option
