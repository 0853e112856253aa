"""Values as Python code: numbers, texts, lists, named tuples, dataclasses, calls."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, NamedTuple

import numpy as np

from archrank.checks import quoted
from archrank.networks.blueprint import Blueprint

WIDTH = 100  # columns
STEP = 4


class UnwritableError(Exception):
    """A value that no code stands for; the message says which."""


class _Parts(NamedTuple):
    """Code between brackets, so that it can be broken into lines."""

    begin: str
    items: list[tuple[str, Any]]  # code before each value, and the value
    end: str


def written(value: Any, *, indent: int = 0, before: int = 0, used: list[Any] | None = None) -> str:
    """Write a value as code of at most :data:`WIDTH` columns where that is possible.

    Fields of named tuples and dataclasses that equal their defaults are left out.

    Args:
        value: None, numbers, strings, lists, tuples and dicts of these, named tuples, dataclasses,
            classes and functions at the top level of their module, and blueprints.
        indent: Columns of the line that it begins on.
        before: Further characters of that line before it.
        used: Gets the classes and functions that the code names.

    Raises:
        UnwritableError: Something else is in ``value``.

    Example:
        >>> print(written({"depth": 3, "ops": ["conv", 'a "b"']}))
        {"depth": 3, "ops": ["conv", 'a "b"']}
    """
    names: list[Any] = [] if used is None else used
    parts = _parts(value, names)
    if isinstance(parts, str):
        return parts
    flat = _flat(parts)
    if indent + before + len(flat) < WIDTH or not parts.items:  # a comma or a bracket may follow
        for _, item in parts.items:
            written(item, used=names)
        return flat
    inner = indent + STEP
    lines = [
        f"{' ' * inner}{code}{written(item, indent=inner, before=len(code), used=names)},"
        for code, item in parts.items
    ]
    return "\n".join([parts.begin, *lines, " " * indent + parts.end])


def _flat(parts: _Parts | str) -> str:
    """Write on one line."""
    if isinstance(parts, str):
        return parts
    items = [code + _flat(_parts(item, [])) for code, item in parts.items]
    lone = parts.begin == "(" and len(items) == 1
    return f"{parts.begin}{', '.join(items)}{',' if lone else ''}{parts.end}"


def _parts(value: Any, names: list[Any]) -> _Parts | str:
    """Return the code of a plain value, or the parts of one that holds others."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return _plain(value)
    if isinstance(value, Blueprint):
        items = [("", each) for each in value.args]
        items += [(f"{name}=", each) for name, each in value.options.items()]
        return _call(value.make, items, names)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        pairs = list(zip(value._fields, value, strict=True))
        usual: Mapping[str, Any] = getattr(value, "_field_defaults")  # noqa: B009
        kept = [(f"{name}=", each) for name, each in pairs if not _equal(usual, name, each)]
        return _call(type(value), kept, names)
    if is_dataclass(value) and not isinstance(value, type):
        usual = {f.name: f.default for f in fields(value) if f.default is not MISSING}
        pairs = [(f.name, getattr(value, f.name)) for f in fields(value) if f.init]
        kept = [(f"{name}=", each) for name, each in pairs if not _equal(usual, name, each)]
        return _call(type(value), kept, names)
    if isinstance(value, list | tuple):
        begin, end = "[]" if isinstance(value, list) else "()"
        return _Parts(begin, [("", each) for each in value], end)
    if isinstance(value, Mapping):
        return _Parts("{", [(f"{_plain(key)}: ", each) for key, each in value.items()], "}")
    if hasattr(value, "__qualname__"):
        return _name(value, names)
    raise UnwritableError(quoted(value))


def _equal(usual: Mapping[str, Any], name: str, value: Any) -> bool:
    return name in usual and type(usual[name]) is type(value) and bool(usual[name] == value)


def _plain(value: Any) -> str:
    """Write a number, a string or None, strings with double quotes where they have none."""
    if isinstance(value, str):
        text = repr(str(value))
        return f'"{text[1:-1]}"' if text[0] == "'" and '"' not in text else text
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{float(value)}")'
    for kind in (bool, int, float):
        if isinstance(value, kind):
            return repr(kind(value))
    if value is None:
        return "None"
    raise UnwritableError(quoted(value))


def _call(make: Any, items: list[tuple[str, Any]], names: list[Any]) -> _Parts:
    return _Parts(f"{_name(make, names)}(", items, ")")


def _name(value: Any, names: list[Any]) -> str:
    """Return the name of a class or function."""
    name = str(getattr(value, "__qualname__", ""))
    if not name.isidentifier():  # a lambda, or in a function or class
        raise UnwritableError(f"{name or quoted(value)}, which is not at the top level of a module")
    if value not in names:
        names.append(value)
    return name
