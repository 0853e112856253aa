"""Identities of settings: JSON values by which two runs are told to measure the same."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import partial
from pathlib import Path
from typing import Any

from archrank.differences import KINDS
from archrank.user_files import file_of

IRRELEVANT = {"identity": False}
"""Metadata of a dataclass field that does not change what is measured, such as a folder."""

_MODULE = __name__.partition(".")[0]


def identity_of(value: object, *, leave_out: tuple[str, ...] = ()) -> dict[str, Any]:
    """Describe an object by its class and by the settings that differ from their defaults.

    A later field with a default, and data that moves to another folder, leave the description as
    it is. Left out are fields that equal their default, fields with the metadata
    :data:`IRRELEVANT`, fields that ``__init__`` does not take, paths, and private attributes.
    Objects inside are described in the same way, relative to the defaults of their own class.

    Args:
        value: A dataclass instance, or any object with attributes.
        leave_out: Names of further attributes that do not matter.

    Returns:
        ``{"class": name, setting: value, ...}``.

    Example:
        >>> from archrank.training.recipe import Recipe
        >>> identity_of(Recipe(epochs=3))
        {'class': 'Recipe', 'epochs': 3}
    """
    found: dict[str, Any] = {"class": type(value).__qualname__}
    settings = _fields(value) | _attributes(value)
    for name, setting in settings.items():
        if name not in leave_out and not isinstance(setting, Path):
            found[name] = json_value(setting)
    return found


def flattened(settings: Mapping[str, Any], name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield nested settings as ``outer.inner`` and value; an object has its kind at its own name.

    Args:
        settings: JSON values, as :func:`identity_of` returns them.
        name: of the place of all of them.

    Example:
        >>> dict(flattened({"ranker": {"class": "GBDT", "trees": 9}, "seeds": [1, 2]}))
        {'ranker': 'GBDT', 'ranker.trees': 9, 'seeds': '1, 2'}
    """
    for key, value in settings.items():
        inner = f"{name}.{key}" if name else str(key)
        if isinstance(value, list | tuple) and any(isinstance(v, Mapping) for v in value):
            value = {str(i): each for i, each in enumerate(value, 1)}
        if key in KINDS and name:
            yield name, value
        elif isinstance(value, Mapping):
            yield from flattened(value, inner)
        else:
            yield inner, ", ".join(map(str, value)) if isinstance(value, list | tuple) else value


def function_name(function: object) -> str:
    """Return ``module:name`` of a function; of a user's file, ``file.py:name`` without its folder.

    So a program of the user's and a command that names its file mean the same.

    An object that can be called is named by its class and its settings, a ``functools.partial`` by
    its function and arguments.
    """
    if isinstance(function, partial):
        settings = [*map(json_value, function.args), json_value(function.keywords)]
        return f"{function_name(function.func)}{json.dumps(settings, sort_keys=True)}"
    named = function if hasattr(function, "__qualname__") else type(function)
    module = str(getattr(named, "__module__", ""))
    home = file_of(module)
    if home is None and module == "__main__":
        program = getattr(sys.modules[module], "__file__", None)
        home = None if program is None else Path(program)
    name = f"{home.name if home else module}:{named.__qualname__}"
    if named is function:
        return name
    own = {k: v for k, v in identity_of(function).items() if k != "class"}
    return f"{name}{json.dumps(own, sort_keys=True)}" if own else name


def _fields(value: object) -> dict[str, Any]:
    """Return the dataclass fields whose values are not their defaults."""
    if not is_dataclass(value):
        return {}
    found = {}
    for field in fields(value):
        matters = field.init and field.metadata.get("identity", True)
        setting = getattr(value, field.name)
        nested = is_dataclass(setting) and len(identity_of(setting)) > 1
        if matters and (nested or not _same(setting, _default(field))):
            found[field.name] = setting
    return found


def _attributes(value: object) -> dict[str, Any]:
    """Return the public attributes that are no fields: of the object, and of a user's class."""
    known = {field.name for field in fields(value)} if is_dataclass(value) else set()
    found: dict[str, Any] = {}
    for kind in reversed(type(value).__mro__):
        if kind is not object and kind.__module__.partition(".")[0] != _MODULE:
            plain = (bool, int, float, str, tuple, list, dict)
            found |= {k: v for k, v in vars(kind).items() if isinstance(v, plain)}
    found |= vars(value) if hasattr(value, "__dict__") else {}
    return {k: v for k, v in found.items() if not k.startswith("_") and k not in known}


def _default(field: Field[Any]) -> Any:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return field.default


def _same(a: object, b: object) -> bool:
    """Tell whether two settings are equal; arrays never are, so they are described."""
    try:
        return type(a) is type(b) and bool(a == b)
    except (TypeError, ValueError, RuntimeError):  # arrays and tensors compare element by element
        return False


def json_value(value: object) -> Any:
    """Return ``value`` as JSON values; data as a digest, anything else as its class."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Path):
        return None
    if isinstance(value, dict):
        return {str(k): json_value(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return [json_value(v) for v in value]
    if isinstance(value, set | frozenset):
        return sorted(map(str, value))
    if hasattr(value, "__array__"):
        return _digest(value)
    if isinstance(value, type) or (callable(value) and hasattr(value, "__qualname__")):
        return str(value.__qualname__)
    return identity_of(value)


def _digest(data: Any) -> str:
    """Return shape, type and a digest of an array or a tensor."""
    import numpy as np

    array = np.ascontiguousarray(data.detach().cpu() if hasattr(data, "detach") else data)
    return f"{array.dtype}{list(array.shape)}:{hashlib.sha256(array.tobytes()).hexdigest()[:16]}"
