"""Registries: tables from names that users type to classes, which are loaded on first use.

A registry is a table ``{name: "module:attribute"}``. Third parties can add to it by an entry point
in the group ``archrank.<plural>``. That is optional: wherever a name is accepted, so are
``package.module:attribute`` and ``path/to/file.py:attribute``.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import entry_points
from inspect import signature
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from archrank.errors import FAILURES, ArchrankError, UnknownNameError, describe
from archrank.user_files import import_file, is_file

FILLED_IN = {"space", "task", "seed", "root"}
"""Parameters of functions that return a space, a task and so on."""


class Registry:
    """Implementations of one kind of thing, by name.

    Args:
        kind: Singular noun for error messages, such as ``"ranker"``.
        table: ``{name: "module:attribute"}``.
        plural: Plural noun; entry points are in the group ``archrank.<plural>``. ``None`` is
            ``kind + "s"``.
    """

    def __init__(self, kind: str, table: Mapping[str, str], plural: str | None = None) -> None:
        self.kind = kind
        self.plural = plural or f"{kind}s"
        self._table = dict(table)
        self._plugins_loaded = False

    def names(self) -> list[str]:
        """Return all known names, including those of entry points, sorted."""
        return sorted(self._entries())

    def targets(self) -> dict[str, str]:
        """Return ``{name: "module:attribute"}`` of all known names; imports none of them."""
        return {name: self._entries()[name] for name in self.names()}

    def get(self, name: str) -> Any:
        """Load the implementation called ``name``.

        Raises:
            UnknownNameError: No implementation, module or attribute has that name.
            ArchrankError: The module or file is missing or fails to load, or ``:attribute`` is
                missing.
        """
        path, colon, attribute = name.rpartition(":")
        if colon and is_file(path):
            module = import_file(path, f"{self.kind} {name!r}")
            return self._attribute(module, attribute, path)
        if name.lower().endswith(".py"):  # C:\mine.py is a path, too
            raise ArchrankError(
                f"{self.kind} {name!r}: add the name of the {self.kind} in the file, {name}:NAME"
            )
        if colon:
            return self._load(name, name)
        entries = self._entries()
        target = entries.get(name.lower().replace("-", "_"))
        if target is None:
            raise UnknownNameError(
                self.kind,
                name,
                entries,
                f"Your own {self.kind}: package.module:name or path/to/file.py:name",
            )
        return self._load(target, name)

    def _entries(self) -> dict[str, str]:
        if not self._plugins_loaded:
            for point in entry_points(group=f"archrank.{self.plural}"):
                self._table.setdefault(point.name, point.value)
            self._plugins_loaded = True
        return self._table

    def _load(self, target: str, typed: str) -> Any:
        module_name, _, attribute = target.partition(":")
        if typed == target:  # like `python -m`: a user's module may be in the working directory
            with suppress(FileNotFoundError):  # the directory was deleted
                if str(Path.cwd()) not in sys.path:
                    sys.path.insert(0, str(Path.cwd()))
        try:
            module = importlib.import_module(module_name)
            if attribute in getattr(module, "__all__", ()):
                return getattr(module, attribute)  # a lazy package imports its home now
        except ArchrankError:
            raise
        except FAILURES as error:
            missing = error.name if isinstance(error, ModuleNotFoundError) else None
            if missing is not None and f"{module_name}.".startswith(f"{missing}."):
                raise UnknownNameError(
                    self.kind, typed, self._table, f"There is no module {missing!r}"
                ) from None
            raise ArchrankError(
                f"{self.kind} {typed!r}: importing {module_name} failed: {describe(error)}"
            ) from error
        return self._attribute(module, attribute, f"module {module_name}")

    def _attribute(self, module: ModuleType, attribute: str, where: str) -> Any:
        if not hasattr(module, attribute):
            raise UnknownNameError(f"name in {where}:", attribute, _candidates(module, self.kind))
        return getattr(module, attribute)


def _candidates(module: ModuleType, kind: str) -> list[str]:
    """List the names of a module that a user may mean: what it defines, not what it imports.

    Those that can be a ``kind``, such as a space and a function that returns one; or, without any,
    all that it defines.
    """
    own = {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_") and _is_defined(value, module)
    }
    return [name for name, value in own.items() if _may_be(value, kind)] or list(own)


def _is_defined(value: Any, module: ModuleType) -> bool:
    """Tell whether a module defines a value: functions and classes say where they are from."""
    if isinstance(value, type | FunctionType):
        return bool(value.__module__ == module.__name__)
    return not isinstance(value, ModuleType) and type(value).__module__ != "__future__"


def _may_be(value: Any, kind: str) -> bool:
    """Tell whether a value can be a ``kind``, by what it is called: its module loads heavy ones."""
    if isinstance(value, FunctionType):
        needed = [p.name for p in signature(value).parameters.values() if p.default is p.empty]
        return kind == "evaluator" or set(needed) <= FILLED_IN
    classes = value.__mro__ if isinstance(value, type) else type(value).__mro__
    return kind.title().replace(" ", "") in {c.__name__ for c in classes}
