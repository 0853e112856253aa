"""Differences between two nested JSON values, as short text: ``task.noise: 0.5 -> 1.0``.

Settings of a stored run and of the one that is asked for now agree almost everywhere. Messages
print the paths where they do not, and of long texts only the part that differs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

KINDS = ("class", "strategy", "evaluator")  # keys that name the kind of an object
LONGEST = 60  # characters of a value; of longer ones only the part that differs is shown
MOST = 8  # differences in one message


class _NotSet:
    """Value at a path that only the other side has."""

    def __repr__(self) -> str:
        return "not set"


NOT_SET = _NotSet()


@dataclass(frozen=True)
class Difference:
    """One value that differs.

    Args:
        path: Keys and positions that lead to the value, joined: ``constraints[1]``, ``task.noise``.
        stored: The value that was stored, or :data:`NOT_SET`.
        now: The value that is asked for now, or :data:`NOT_SET`.
    """

    path: str
    stored: Any
    now: Any

    def __str__(self) -> str:
        stored, now = _shown(self.stored), _shown(self.now)
        if stored == now:  # one side has the setting, as None, and the other does not know it
            return f"{self.path}: {'new' if self.stored is NOT_SET else 'no longer a'} setting"
        if max(len(stored), len(now)) > LONGEST:
            stored, now = _where_they_differ(stored, now)
        return f"{self.path}: {stored} -> {now}"


def differences(stored: object, now: object, path: str = "") -> list[Difference]:
    """List the values that differ, in the order of ``stored``, then what only ``now`` has.

    Two objects of different kinds (see :data:`KINDS`) differ in one value, their kind; their
    settings mean different things and are not compared. Lists of different lengths differ as a
    whole.

    Args:
        stored: JSON values that were stored.
        now: JSON values to compare with them.
        path: The place of both in something larger, which begins the paths.

    Example:
        >>> stored = {"task": {"class": "Digits", "noise": 0.5}, "seed": 0}
        >>> now = {"task": {"class": "Digits", "noise": 1.0}, "seed": 0}
        >>> print(*differences(stored, now))
        task.noise: 0.5 -> 1.0
    """
    if isinstance(stored, Mapping) and isinstance(now, Mapping):
        if path and _kind(stored) != _kind(now):
            return [Difference(path, stored, now)]
        keys = [*stored, *(key for key in now if key not in stored)]
        return [
            found
            for key in keys
            for found in differences(
                stored.get(key, NOT_SET), now.get(key, NOT_SET), f"{path}.{key}" if path else key
            )
        ]
    if isinstance(stored, list | tuple) and isinstance(now, list | tuple):
        if len(stored) == len(now):
            pairs = enumerate(zip(stored, now, strict=True))
            places = [f"{path}[{i}]" for i in range(len(now))] if len(now) > 1 else [path]
            return [d for i, (a, b) in pairs for d in differences(a, b, places[i])]
        return [Difference(path, stored, now)]
    return [] if stored == now else [Difference(path, stored, now)]


def told(found: list[Difference]) -> str:
    """Write differences for a message: the first few, separated by semicolons."""
    more = f"; and {len(found) - MOST} more" if len(found) > MOST else ""
    return "; ".join(map(str, found[:MOST])) + more


def _kind(value: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(value[key]) for key in KINDS if isinstance(value.get(key), str))


def _shown(value: object) -> str:
    """Write one value; an object by its kind alone, since the other one is of another kind."""
    if value is None:
        return repr(NOT_SET)
    if isinstance(value, list | tuple):
        return ", ".join(map(_shown, value)) or "none"
    if isinstance(value, Mapping) and (kind := _kind(value)):
        return kind[0]
    return value if isinstance(value, str) and value else repr(value)


def _where_they_differ(stored: str, now: str) -> tuple[str, str]:
    """Cut what two texts begin and end with together, at the borders of words."""
    start = _common(stored, now)
    while start and (stored[start - 1].isalnum() or stored[start - 1] in "_."):
        start -= 1
    shorter = min(len(stored), len(now)) - start
    end = min(_common(stored[::-1], now[::-1]), shorter)
    while end and (stored[-end].isalnum() or stored[-end] in "_."):
        end -= 1
    return _cut(stored, start, end), _cut(now, start, end)


def _common(a: str, b: str) -> int:
    """Count the characters that two texts begin with together."""
    pairs = enumerate(zip(a, b, strict=False))
    return next((i for i, (x, y) in pairs if x != y), min(len(a), len(b)))


def _cut(text: str, start: int, end: int) -> str:
    part = text[start : len(text) - end]
    left, right = "…" if start else "", "…" if end else ""
    if len(part) > LONGEST:
        part, right = part[:LONGEST], "…"
    return f"{left}{part}{right}"
