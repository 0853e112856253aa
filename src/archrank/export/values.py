"""Values that are no tensors, such as a module's extra state, as JSON; nothing is pickled."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

KEPT = "tensors, arrays, numbers, strings, bytes, None, and lists, tuples, sets and dicts of these"


class UnkeptError(Exception):
    """A value that cannot be kept; the message says what it is."""


def encode(value: object, put: Callable[[Tensor], str]) -> Any:
    """Return ``value`` as JSON values; what JSON lacks becomes ``{"kind": content}``.

    Args:
        value: Of the types that :data:`KEPT` lists, nested as one likes.
        put: Keeps a tensor elsewhere and returns the name by which it is found again.

    Raises:
        UnkeptError: ``value`` has something else in it, or contains itself.
    """
    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) is float:
        return value if math.isfinite(value) else {"float": repr(value)}
    if isinstance(value, Tensor):
        return {"tensor": put(value)}
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "biuf":
        kind = "array" if isinstance(value, np.ndarray) else "number"
        return {kind: put(torch.from_numpy(np.array(value)))}
    if type(value) is complex:
        return {"complex": [repr(value.real), repr(value.imag)]}
    if isinstance(value, bytes | bytearray):
        return {"bytes": base64.b64encode(value).decode()}
    return _encode_container(value, put)


def _encode_container(value: object, put: Callable[[Tensor], str]) -> Any:
    try:
        if isinstance(value, dict):
            return {"dict": [[encode(k, put), encode(v, put)] for k, v in value.items()]}
        for kind, name in ((list, "list"), (tuple, "tuple"), (set | frozenset, "set")):
            if isinstance(value, kind):
                return {name: [encode(v, put) for v in value]}
    except RecursionError:
        raise UnkeptError("a value that contains itself") from None
    raise UnkeptError(f"a {type(value).__qualname__}")


def decode(value: Any, get: Callable[[str], Tensor]) -> Any:
    """Return what :func:`encode` was given; ``get`` finds a tensor by its name.

    Raises:
        ValueError: ``value`` was not written by :func:`encode`.
    """
    if not isinstance(value, dict):
        return value
    if len(value) != 1:
        raise ValueError("a value of unknown kind")
    ((kind, content),) = value.items()
    if kind in ("list", "tuple", "set"):
        made = {"list": list, "tuple": tuple, "set": set}[kind]
        return made(decode(v, get) for v in content)
    simple: dict[str, Callable[[Any], Any]] = {
        "float": float,
        "complex": lambda parts: complex(*map(float, parts)),
        "bytes": base64.b64decode,
        "tensor": get,
        "array": lambda name: get(name).numpy(),
        "number": lambda name: get(name).numpy()[()],
        "dict": lambda pairs: {decode(k, get): decode(v, get) for k, v in pairs},
    }
    if kind not in simple:
        raise ValueError(f"a value of unknown kind {kind!r}")
    return simple[kind](content)
