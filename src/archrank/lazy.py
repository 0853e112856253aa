"""Lazy packages: their names load at first use, so that importing such a package is fast.

A lazy package names everything twice: in a table of homes, for Python, and as imports under
``TYPE_CHECKING``, for type checkers and editors (``import Name as Name`` marks a name as public).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy(
    package: str, homes: Mapping[str, str], *others: str
) -> tuple[list[str], Callable[[str], Any], Callable[[], list[str]]]:
    """Make a package's ``__all__``, ``__getattr__`` and ``__dir__`` (PEP 562).

    Args:
        package: The package's ``__name__``.
        homes: ``{public name: submodule that defines it}``; an empty string if the name is itself
            a submodule.
        others: Further public names, which the package defines when it is imported.
    """

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        if not homes[name]:
            return import_module(f"{package}.{name}")
        return getattr(import_module(f"{package}.{homes[name]}"), name)

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *homes})

    return sorted({*homes, *others}), get, names
