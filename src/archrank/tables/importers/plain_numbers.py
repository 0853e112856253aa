"""Numbers in pickles and JSON, where there may be anything in their place."""

from __future__ import annotations

from math import inf, isfinite
from typing import Any


def finite(value: Any, least: float = -inf) -> float | None:
    """Return ``value`` as a float; ``None`` if it is no finite number, or less than ``least``.

    Example:
        >>> finite(3), finite("3"), finite(True), finite(10**400), finite(-1, least=0)
        (3.0, None, None, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:  # Python's integers have no limit
        return None
    return found if isfinite(found) and found >= least else None
