"""Digests of users' code, by which an edit is noticed when a run is continued.

A digest is of what is executed: of a function's or class's text without comments, docstrings and
layout, and of the constants it uses. It does not depend on the folder that the code lies in.
"""

from __future__ import annotations

import ast
import builtins
import functools
import hashlib
import linecache
import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any, cast

from archrank.user_files import file_of

LONG = 1000  # elements of a list of data, which holds no code
_PACKAGE = __name__.partition(".")[0]
_ELSEWHERE = {"space", "_space", "_networks", "_bench"}  # attributes that lead to other objects
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef


def user_code(*values: object) -> tuple[dict[str, str], set[str]]:
    """Return digests of all code of the user's that ``values`` consist of and call.

    Functions and classes are followed through the names they use, into other files of the user's
    too. A module that a function imports when it is called is followed if it has been imported.

    Args:
        values: objects of archrank, which hold the user's functions and objects, or these.

    Returns:
        ``{"file.py:name": digest}``, and the names of the installed packages that the code uses.
    """
    found: dict[str, str] = {}
    packages: set[str] = set()
    seen: dict[int, object] = {}  # holds what it has seen, so that no identifier is used again
    left = list(values)
    while left:
        value = left.pop()
        if id(value) in seen:
            continue
        seen[id(value)] = value
        module = _module_of(value)
        if module is None:
            left += _parts(value)
        elif not _is_users(module):
            packages.add(module.__name__.partition(".")[0])
        else:
            digest, used = _read(value, module, found, packages)
            found[f"{_home(module)}:{value.__qualname__}"] = digest  # type: ignore[attr-defined]
            left += used
    return found, packages - set(sys.stdlib_module_names) - {_PACKAGE}


def _parts(value: object) -> Iterator[object]:
    """Yield what a value consists of: its class, attributes and elements."""
    if isinstance(value, MethodType):
        yield from (value.__func__, value.__self__)
    elif isinstance(value, functools.partial):
        yield from (value.func, value.args, value.keywords)
    elif isinstance(value, Mapping):
        yield from () if len(value) > LONG else value.values()
    elif isinstance(value, tuple | list | set | frozenset):
        yield from () if len(value) > LONG else value
    elif hasattr(value, "__wrapped__"):  # functools.cache, whose type is none of the user's
        yield value.__wrapped__
    elif not isinstance(value, ModuleType | CodeType | str | bytes | int | float | None):
        kind = sys.modules.get(type(value).__module__)
        if kind is not None and (_is_users(kind) or _is_ours(kind)):
            yield type(value)
            attributes = getattr(value, "__dict__", {})
            yield from (v for k, v in attributes.items() if k not in _ELSEWHERE)


def _module_of(value: object) -> ModuleType | None:
    """Return the module of a function or class; ``None`` for any other value."""
    if isinstance(value, FunctionType | type):
        return sys.modules.get(value.__module__ or "", builtins)
    return value if isinstance(value, ModuleType) and not _is_users(value) else None


def _is_ours(module: ModuleType) -> bool:
    return module.__name__.partition(".")[0] == _PACKAGE


@functools.cache
def _installed() -> tuple[str, ...]:
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    return tuple(os.path.realpath(sysconfig.get_path(name)) + os.sep for name in names)


def _is_users(module: ModuleType) -> bool:
    """Tell whether a module is the user's: no part of archrank, Python or an installed package."""
    if _is_ours(module) or module.__name__.partition(".")[0] in sys.stdlib_module_names:
        return module.__name__ == "__main__"
    file = getattr(module, "__file__", None)
    if file is None:
        return module.__name__ == "__main__"
    real = os.path.realpath(file)
    return not real.startswith(_installed()) and "site-packages" not in Path(real).parts


def _home(module: ModuleType) -> str:
    """Return a module's name; of a user's file, that of the file without its folder."""
    file = file_of(module.__name__)
    if file is None and module.__name__ == "__main__":
        file = Path(getattr(module, "__file__", None) or "__main__")
    return file.name if file is not None else module.__name__


# ---- one function or class -----------------------------------------------------------------------


def _read(
    value: object, module: ModuleType, found: dict[str, str], packages: set[str]
) -> tuple[str, list[object]]:
    """Return the digest of a function or class, and what it uses.

    Adds its constants to ``found``, and what it imports itself to ``packages``.
    """
    node = _definition(value)
    code = getattr(value, "__code__", None)
    if node is None:
        text = repr(_plain(code)) if isinstance(code, CodeType) else repr(value)
        names: dict[str, set[str]] = {name: set() for name in getattr(code, "co_names", ())}
        own: set[str] = set()
    else:
        text = ast.unparse(_bare(node))
        names, own = _names(node)
    known: dict[str, object] = dict(vars(module))
    if isinstance(value, FunctionType):
        known |= _closure(value)
    used: list[object] = list(value.__bases__) if isinstance(value, type) else []
    used += [getattr(value, "__wrapped__", None), getattr(value, "__defaults__", None)]
    for name, attributes in names.items():
        if name in known and name not in own:
            if _is_constant(known[name]):
                found[f"{_home(module)}:{name}"] = _digest(repr(known[name]))
            used.append(known[name])
            used += [getattr(known[name], a, None) for a in attributes if _is_module(known[name])]
    for name in _imported(node):
        if name in sys.modules:
            used.append(sys.modules[name])
        else:
            packages.add(name.partition(".")[0])
    return _digest(text), used


def _closure(function: FunctionType) -> dict[str, object]:
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    found = {}
    for name, cell in cells:
        with suppress(ValueError):  # not assigned yet
            found[name] = cell.cell_contents
    return found


def _is_module(value: object) -> bool:
    return isinstance(value, ModuleType) and _is_users(value)


def _is_constant(value: object) -> bool:
    """Tell whether a value is a setting: nothing that a run changes, and no place on a disk."""
    if isinstance(value, str):
        return not os.path.isabs(value)
    if isinstance(value, tuple | frozenset):
        return len(value) <= LONG and all(map(_is_constant, value))
    return value is None or isinstance(value, bool | int | float)


def _definition(value: object) -> _Definition | None:
    """Return the definition of a function or class in its source; ``None`` where there is none."""
    code = getattr(value, "__code__", None)
    if isinstance(code, CodeType):
        lines = linecache.getlines(code.co_filename)
        found = [n for n in _definitions("".join(lines)) if _first_line(n) == code.co_firstlineno]
        named = [n for n in found if getattr(n, "name", "<lambda>") == code.co_name]
        return named[0] if len(named) == 1 else None
    module = sys.modules.get(getattr(value, "__module__", ""))
    lines = linecache.getlines(getattr(module, "__file__", None) or "")
    name = getattr(value, "__name__", "")
    classes = [n for n in _definitions("".join(lines)) if isinstance(n, ast.ClassDef)]
    named = [n for n in classes if n.name == name]
    return named[0] if len(named) == 1 else None


@functools.lru_cache(maxsize=64)
def _definitions(source: str) -> list[_Definition]:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return []
    return [n for n in ast.walk(tree) if isinstance(n, _Definition)]


def _first_line(node: _Definition) -> int:
    decorators = getattr(node, "decorator_list", [])
    return int(decorators[0].lineno if decorators else node.lineno)


class _NoDocstrings(ast.NodeTransformer):
    def generic_visit(self, node: ast.AST) -> ast.AST:
        body = getattr(node, "body", None)
        if isinstance(node, _Definition) and isinstance(body, list) and ast.get_docstring(node):  # type: ignore[arg-type]
            cast(Any, node).body = body[1:] or [ast.Pass()]
        return super().generic_visit(node)


def _bare(node: _Definition) -> ast.AST:
    """Return a copy of a definition without its docstrings."""
    (copy,) = ast.parse(ast.unparse(node)).body
    bare: ast.AST = _NoDocstrings().visit(copy)
    return bare


def _names(node: ast.AST) -> tuple[dict[str, set[str]], set[str]]:
    """Return the names a definition uses, each with attributes taken of it; and those it assigns.

    Names that are declared global or nonlocal count as assigned: the code changes them as it runs.
    """
    used: dict[str, set[str]] = {}
    own: set[str] = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            used.setdefault(part.id, set())
        elif isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name):
            used.setdefault(part.value.id, set()).add(part.attr)
        elif isinstance(part, ast.Global | ast.Nonlocal):
            own.update(part.names)
    return used, own


def _imported(node: ast.AST | None) -> Iterator[str]:
    """Yield the names of modules that a definition imports itself."""
    for part in ast.walk(node) if node is not None else ():
        if isinstance(part, ast.Import):
            yield from (alias.name for alias in part.names)
        elif isinstance(part, ast.ImportFrom) and part.module and not part.level:
            yield part.module


def _plain(code: CodeType) -> Iterable[object]:
    """Return what a compiled function does, without the file and the lines it came from."""
    constants = [_plain(c) if isinstance(c, CodeType) else c for c in code.co_consts]
    return (code.co_code, constants, code.co_names, code.co_varnames)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
