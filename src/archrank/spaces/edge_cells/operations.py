"""Operations that a user declares for the edges of a cell, checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from archrank.errors import SpaceError, UnknownNameError

if TYPE_CHECKING:
    from torch import nn

BUILT_IN = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
MAX_OPERATIONS = 254  # graphs number two more, as uint8

Factory: TypeAlias = "Callable[[int], nn.Module]"
"""Makes a module for a number of channels."""


def read_operations(ops: Any) -> dict[str, Factory | None]:
    """Operations by name, ``None`` for built-in ones.

    Args:
        ops: ``{name: function of the channels, or None}``, or a list of built-in names.

    Raises:
        SpaceError: too few, too many, repeated or unknown ones, or something that makes no module.
    """
    if isinstance(ops, str) or not isinstance(ops, (Mapping, Sequence)):
        raise SpaceError(
            f"ops are {{name: function of the channels}} or a list of names, got {ops!r}"
        )
    if not isinstance(ops, Mapping) and len(set(map(str, ops))) != len(ops):
        raise SpaceError(f"every operation occurs once, got {list(ops)}")
    found: dict[str, Factory | None] = dict(ops) if isinstance(ops, Mapping) else dict.fromkeys(ops)
    if not 2 <= len(found) <= MAX_OPERATIONS:
        raise SpaceError(f"a cell space needs 2 to {MAX_OPERATIONS} operations, got {len(found)}")
    for name, factory in found.items():
        if not isinstance(name, str) or not re.fullmatch(r"[\w.-]+", name):
            raise SpaceError(f"operation names are letters, digits, '_', '.' and '-', got {name!r}")
        if factory is None and name not in BUILT_IN:
            raise SpaceError(
                str(UnknownNameError("operation", name, BUILT_IN))
                + ". Give your own as a function of the channels: {name: function}"
            )
        if factory is not None and name in ("none", "skip_connect"):
            raise SpaceError(f"operation {name!r} is built in; write {{{name!r}: None}}")
        if factory is not None and (not callable(factory) or hasattr(factory, "forward")):
            raise SpaceError(
                f"operation {name!r} is a function of the number of channels that returns a new "
                f"module, such as lambda channels: ..., got {type(factory).__name__}"
            )
    return found
