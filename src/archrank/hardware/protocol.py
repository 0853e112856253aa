"""Checks of measurement settings, made before anything is measured."""

from __future__ import annotations

from numbers import Integral

from archrank.errors import EvaluationError


def require_counts(who: str, **counts: tuple[object, int]) -> None:
    """Raise ``EvaluationError`` unless each ``name=(value, least)`` is a whole number >= least."""
    for name, (value, least) in counts.items():
        if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
            raise EvaluationError(
                f"{who}: {name} must be a whole number of at least {least}, got {value!r}"
            )


def require_trim(who: str, trim: object) -> None:
    """Raise ``EvaluationError`` unless the share ``trim`` is at least 0 and below 0.5."""
    if not isinstance(trim, int | float) or not 0 <= trim < 0.5:
        raise EvaluationError(f"{who}: trim must be at least 0 and below 0.5, got {trim!r}")
