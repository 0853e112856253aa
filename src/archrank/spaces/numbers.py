"""Options in an order, as places on a scale.

A choice has one of these orders:

* ``auto``: numbers by size, on a linear or a logarithmic scale; text has no order;
* ``linear``, ``log``: numbers by size, on that scale;
* ``listed``: as they are listed, with even steps;
* ``none``: no order, though options may be numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from archrank.types import Floats

if TYPE_CHECKING:
    from archrank.spaces.base import Choice

Order: TypeAlias = Literal["auto", "linear", "log", "listed", "none"]

ORDERED, CHOICE = "ordered", "choice"  # groups of features, one column or more per decision


def is_numeric(choice: Choice) -> bool:
    """Tell whether all options are numbers."""
    return not any(isinstance(option, str) for option in choice.options)


def is_ordered(choice: Choice) -> bool:
    """Tell whether the options have an order."""
    return is_numeric(choice) if choice.order == "auto" else choice.order != "none"


def places(choice: Choice) -> Floats:
    """Place the options of an ordered choice on a scale from 1 (smallest) to 2: ``(options,)``.

    Where nothing says which, the scale of numbers is logarithmic if that makes the steps between
    options more even, as for 8, 16, 32 or 1e-4, 1e-3, 1e-2; where 0 is among such options it lies
    a step of its own below the smallest other one. Nothing is at 0, which is left for inactive
    decisions.
    """
    if choice.order == "listed":
        values = np.arange(len(choice.options), dtype=np.float64)
    else:
        values = np.array(choice.options, dtype=np.float64)
    if choice.order == "log":
        values = np.log(values)
    if choice.order == "auto" and len(values) > 2 and values.min() >= 0:
        unit = values[values > 0].min()
        logarithms = np.log(values) if values.min() > 0 else np.log1p(values / unit)
        if _unevenness(logarithms) < _unevenness(values):
            values = logarithms
    span = float(np.ptp(values))
    found: Floats = 1 + (values - values.min()) / (span or 1.0)
    return found


def _unevenness(values: Floats) -> float:
    """Return the coefficient of variation of the steps between neighbours."""
    steps = np.diff(np.sort(values))
    return float(steps.std() / steps.mean())
