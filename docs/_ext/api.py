"""Pages of the API: one per package, with a line about each name, then an entry for each.

Docstrings are the source, and types in signatures come from the code.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from places import MADE, write
from public import homes, kind, public

from archrank.registry import Registry

if TYPE_CHECKING:
    from sphinx.application import Sphinx

STRANGERS = (
    "BaseEstimator, BaseException, Exception, Executor, ImportError, KeyError, LookupError, "
    "Module, OSError, Protocol, RuntimeError, TypeError, UserWarning, ValueError, Warning, "
    "dict, object, tuple"
)
"""Classes of other packages, whose methods are not repeated in each entry."""
INTRO = """
API reference
=============

What ``import archrank as ar`` offers, package by package. Everything else is an inner part that
may change. Shapes are written with these letters: ``n`` architectures, ``d`` decisions,
``f`` features, ``v`` nodes of a graph, ``l`` tokens, ``k`` kept or listed, ``b`` batch,
``m`` objectives. A population is an array ``(n, d)`` of ``uint8``, and scores ``(n,)`` are
higher-is-better.

"""


def write_pages(app: Sphinx) -> None:
    """Write all pages."""
    lines = [INTRO.strip(), ""]
    for package in public():
        about = first_sentence(importlib.import_module(package).__doc__)
        lines += [f":doc:`{package}`", f"   {about}", ""]
    lines += [".. toctree::", "   :hidden:", "", *[f"   {p}" for p in public()], ""]
    write(MADE / "api" / "index.rst", "\n".join(lines))
    for package, names in public().items():
        write(MADE / "api" / f"{package}.rst", package_page(package, names))


def package_page(package: str, names: dict[str, Any]) -> str:
    """Return the page of a package: its docstring, and its names with a line about each."""
    lines = [package, "=" * len(package), "", f".. py:module:: {package}", ""]
    lines += [plain(importlib.import_module(package).__doc__ or ""), ""]
    entries: list[str] = []
    for name, value in names.items():
        full = homes().get(id(value), f"{package}.{name}")
        if kind(value) != "data":
            lines += [f":py:obj:`{name} <{full}>`", f"   {first_sentence(value.__doc__)}", ""]
        if full == f"{package}.{name}":
            entries += [name, "-" * len(name), "", *entry(full, value), ""]
    return "\n".join([*lines, f".. currentmodule:: {package}", "", *entries])


def entry(full: str, value: Any) -> list[str]:
    """Return the directive of an entry.

    What a class inherits from another public one stands there, and only there.
    """
    if kind(value) == "data":
        return [f".. py:data:: {full}", "", f"   {contents(value)}"]
    if kind(value) == "function":
        return [f".. autofunction:: {full}"]
    bases = [base.__name__ for base in value.__mro__[1:] if id(base) in homes()]
    elsewhere = ", ".join([STRANGERS, *bases])
    options = [":members:", f":inherited-members: {elsewhere}"]
    options += [":show-inheritance:"] if value.__bases__ != (object,) else []
    return [f".. autoclass:: {full}", *(f"   {option}" for option in options)]


def contents(value: Any) -> str:
    """Return a line about a constant: the names of a registry or table, or the value."""
    names = value.names() if isinstance(value, Registry) else value
    if isinstance(names, Mapping | list | tuple):
        return "Names: " + ", ".join(f"``{name}``" for name in names) + "."
    return f"``{value!r}``"


def first_sentence(docstring: str | None) -> str:
    """Return the first sentence of a docstring, in one line."""
    first = plain(docstring or "").partition("\n\n")[0].replace("\n", " ")
    ends = [end.start() for end in re.finditer(r"(?<=\.)\s", first)]
    return next((first[:end] for end in ends if first[:end].count("``") % 2 == 0), first)


def plain(docstring: str) -> str:
    """Return a docstring without its examples for doctest."""
    return re.sub(r"\n>>>.*", "", inspect.cleandoc(docstring), flags=re.S)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("builder-inited", write_pages, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
