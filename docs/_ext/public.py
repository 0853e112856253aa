"""Public names of archrank: what each package offers, every object once."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterator
from functools import cache
from types import ModuleType
from typing import Any

import archrank

FIRST = (  # in the order in which a reader needs them; others follow
    "archrank",
    "archrank.spaces",
    "archrank.tasks",
    "archrank.evaluators",
    "archrank.rankers",
    "archrank.strategies",
    "archrank.study",
    "archrank.comparison",
    "archrank.tables",
    "archrank.export",
    "archrank.report",
    "archrank.drawing",
    "archrank.hardware",
    "archrank.proxies",
    "archrank.importance",
    "archrank.supernets",
    "archrank.losses",
    "archrank.criteria",
    "archrank.assess",
    "archrank.reproduce",
    "archrank.parallel",
    "archrank.integrations.optuna",
    "archrank.integrations.tracking",
    "archrank.networks",
    "archrank.networks.decoding",
    "archrank.tasks.text.decoding",
    "archrank.testing",
    "archrank.errors",
)


@cache
def packages() -> list[str]:
    """List the packages that offer names, also new ones."""
    modules = [
        f"archrank.{n}" for n in archrank.__all__ if isinstance(getattr(archrank, n), ModuleType)
    ]
    return [
        *FIRST,
        *(m for m in modules if m not in FIRST and getattr(sys.modules[m], "__all__", ())),
    ]


@cache
def public() -> dict[str, dict[str, Any]]:
    """Return ``{package: {name: object}}``; of an object that two packages offer, both have it."""
    return {package: dict(_names(importlib.import_module(package))) for package in packages()}


@cache
def homes() -> dict[int, str]:
    """Return ``{id of an object: the name that its entry has}``, the first that offers it.

    Numbers and other constants are not among them: equal ones may be the same object.
    """
    found: dict[int, str] = {}
    for package, names in public().items():
        for name, value in names.items():
            if kind(value) != "data":
                found.setdefault(id(value), f"{package}.{name}")
    return found


def kind(value: Any) -> str:
    """Return the kind of an entry: ``class``, ``function`` or ``data``."""
    if inspect.isclass(value):
        return "class"
    return "function" if inspect.isroutine(value) else "data"


def resolve(name: str) -> tuple[Any, str] | None:
    """Return what a dotted name is, and the dotted name of its entry; ``None`` if there is none.

    The name may lead through any module, also one that is not public.
    """
    parts = name.split(".")
    for n in range(len(parts), 0, -1):
        try:
            value = importlib.import_module(".".join(parts[:n]))
        except ImportError:
            continue
        entry = ".".join(parts[:n])
        for part in parts[n:]:
            if not hasattr(value, part) and part not in attributes(value):
                return None
            value = getattr(value, part, None)
            entry = homes().get(id(value), f"{entry}.{part}")
        return value, entry
    return None


def attributes(value: Any) -> set[str]:
    """Return the names that instances of a class have: annotated, or arguments that it keeps."""
    if not inspect.isclass(value):
        return set()
    annotated = {name for base in value.__mro__ for name in inspect.get_annotations(base)}
    try:
        return annotated | set(inspect.signature(value).parameters)
    except (TypeError, ValueError):  # a class written in C
        return annotated


def _names(module: ModuleType) -> Iterator[tuple[str, Any]]:
    offered = getattr(module, "__all__", None)
    if offered is None:
        offered = [
            n for n, v in vars(module).items() if getattr(v, "__module__", "") == module.__name__
        ]
    for name in sorted(offered, key=lambda name: (name.isupper(), name.lower())):
        value = getattr(module, name)
        if not isinstance(value, ModuleType) and not name.startswith("_"):
            yield name, value
