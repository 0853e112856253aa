"""Single objects by the names that users type: spaces, tasks, and whatever a registry holds."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from inspect import isfunction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archrank.checks import quoted
from archrank.data import data_folder
from archrank.errors import FAILURES, ArchrankError, describe
from archrank.registry import Registry
from archrank.signatures import signature
from archrank.spaces import SPACES
from archrank.tasks import TASKS

if TYPE_CHECKING:
    from archrank.spaces.base import Space
    from archrank.tasks.base import Task


def make_space(name: str) -> Space:
    """Return the space called ``name``.

    Raises:
        UnknownNameError: no such space.
        ArchrankError: the name stands for something else.
    """
    from archrank.spaces.base import Space

    space: Space = instance_of(SPACES, name, Space)
    return space


def make_task(name: str, data: Path | None = None) -> Task:
    """Return the task called ``name``; its files, if it needs any, lie in the data folder.

    Raises:
        UnknownNameError: no such task.
        ArchrankError: the name stands for something else.
    """
    from archrank.tasks.base import Task

    folder = data_folder(data)
    offered = {} if folder is None else {"root": str(folder)}
    task: Task = instance_of(TASKS, name, Task, **offered)
    return task


def instance_of(registry: Registry, name: str, kind: type[Any], **offered: Any) -> Any:
    """Return the ``kind`` that ``name`` stands for.

    A class or function is called with those of the ``offered`` arguments that it takes.

    Raises:
        UnknownNameError: no such name.
        ArchrankError: the call failed, or the result is not a ``kind``.
    """
    named = found = registry.get(name)
    expected = (
        f"expected an archrank {kind.__name__} (an instance, a class, or a function that returns "
        "one)"
    )
    if callable(found) and not isinstance(found, kind):
        takes = parameters(found, kind)
        if isfunction(found) and (lacking := _needed(found) - set(offered)):
            listed = ", ".join(n for n in signature(found).parameters if n in lacking)
            raise ArchrankError(
                f"{registry.kind} {name!r} is a function that takes {listed}, {expected}"
            )
        try:
            found = found(**{k: v for k, v in offered.items() if k in takes})
        except ArchrankError:
            raise
        except FAILURES as error:
            raise ArchrankError(
                f"{registry.kind} {name!r}: calling it failed: {describe(error)}"
            ) from error
    if not isinstance(found, kind):
        verb = "returns" if isfunction(named) else "is"
        hint = ""
        if isfunction(named) and registry.kind == "evaluator":
            hint = f"; one that measures takes the configuration: {named.__name__}(config)"
        raise ArchrankError(f"{registry.kind} {name!r} {verb} {_called(found)}, {expected}{hint}")
    return found


def _needed(function: Callable[..., Any]) -> set[str]:
    """Return the parameters that a function cannot be called without."""
    values = signature(function).parameters.values()
    varied = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return {p.name for p in values if p.default is p.empty and p.kind not in varied}


def _called(value: object) -> str:
    """Write a number or a text as it is, anything else by its class."""
    if value is None or isinstance(value, int | float | str):
        return quoted(value)
    name = type(value).__name__
    return f"{'an' if name[0] in 'AEIOUaeiou' else 'a'} {name}"


def parameters(found: Any, kind: type[Any]) -> frozenset[str]:
    """Return the parameters of a class or function; an instance of ``kind`` takes none."""
    if not callable(found) or isinstance(found, kind):
        return frozenset()
    try:
        return frozenset(signature(found).parameters)
    except (TypeError, ValueError):  # some of Python's own say nothing
        return frozenset()
