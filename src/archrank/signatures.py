"""Signatures of users' functions, whatever names their annotations use.

From Python 3.14 on, annotations are evaluated when they are asked for, so a name that is imported
for type checkers alone would be an error here.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any

_UNKNOWN_NAMES: dict[str, Any] = {}
if sys.version_info >= (3, 14):
    from annotationlib import Format

    _UNKNOWN_NAMES["annotation_format"] = Format.FORWARDREF


def signature(function: Callable[..., Any]) -> inspect.Signature:
    """Return the signature of a function or class.

    Raises:
        TypeError: it is neither.
        ValueError: it is one of Python's own that says nothing.
    """
    return inspect.signature(function, **_UNKNOWN_NAMES)
