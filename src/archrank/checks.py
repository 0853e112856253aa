"""Checks of arguments that users pass: whole numbers, numbers, and objects of a kind.

NumPy's numbers are numbers; ``True`` and ``False`` are not. Messages quote what was passed.
"""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any, TypeVar

from archrank.errors import ArchrankError, ArgumentError

T = TypeVar("T")
LONGEST = 80  # characters of a value in a message
MOST_SEEDS = 100_000  # repetitions; plans list them all


def quoted(value: object) -> str:
    """Write a value for a message: short, on one line, whatever its ``repr`` does.

    >>> quoted([1, 2]), quoted(10**5000)
    ('[1, 2]', 'an int')
    """
    try:
        text = " ".join(repr(value).split())
    except Exception:  # of a user's object, or an integer of thousands of digits
        return f"an {type(value).__name__}"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def whole(
    value: object,
    name: str,
    *,
    at_least: int | None = None,
    at_most: int | None = None,
    error: type[ArchrankError] = ArgumentError,
) -> int:
    """Return a whole number as Python's ``int``.

    Args:
        value: Python's or NumPy's integer.
        name: What messages call it, such as ``Guided: batch_size``.
        at_least: Smallest value that is allowed.
        at_most: Largest one.
        error: Class of the error.

    Raises:
        ArchrankError: As ``error``; ``value`` is something else, or out of bounds.

    Example:
        >>> whole(True, "budget")
        Traceback (most recent call last):
        archrank.errors.ArgumentError: budget is True, expected a whole number
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise error(f"{name} is {quoted(value)}, expected a whole number")
    found = int(value)
    if at_least is not None and found < at_least:
        raise error(f"{name} must be at least {at_least}, got {quoted(found)}")
    if at_most is not None and found > at_most:
        raise error(f"{name} must be at most {at_most:,}, got {quoted(found)}")
    return found


def number(
    value: object, name: str, *, error: type[ArchrankError] = ArgumentError, finite: bool = True
) -> float:
    """Return a number as Python's ``float``.

    Args:
        value: Python's or NumPy's integer or float.
        name: What messages call it.
        error: Class of the error.
        finite: Refuse NaN and infinities.

    Raises:
        ArchrankError: As ``error``; ``value`` is something else, or beyond any float.
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise error(f"{name} is {quoted(value)}, expected a number")
    try:
        found = float(value)
    except OverflowError:
        raise error(f"{name} is {quoted(value)}, which is too large for a number") from None
    if finite and not math.isfinite(found):
        raise error(f"{name} is {found}, expected a finite number")
    return found


def instance(value: T, kind: type[Any], name: str, hint: str = "") -> T:
    """Return ``value`` if it is a ``kind``.

    Args:
        value: What was passed.
        kind: Class that is expected.
        name: What messages call it, such as ``Study: space``.
        hint: What to pass instead; ends the message.

    Raises:
        ArgumentError: It is something else; a class in place of an object is told.
    """
    if isinstance(value, kind):
        return value
    end = f"; {hint}" if hint else ""
    if isinstance(value, type) and issubclass(value, kind):
        end = f"; that is the class, call it: {value.__name__}(...)"
    raise ArgumentError(f"{name} is {quoted(value)}, expected {_called(kind)}{end}")


def _called(kind: type[Any]) -> str:
    if kind is str:
        return "a text"
    ours = kind.__module__.split(".")[0] == __name__.split(".")[0]
    return f"an archrank {kind.__name__}" if ours else f"a {kind.__module__}.{kind.__name__}"
