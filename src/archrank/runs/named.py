"""Single objects by the names that users type: spaces, tasks, and whatever a registry holds."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archrank.data import data_folder
from archrank.errors import FAILURES, ArchrankError, describe
from archrank.registry import Registry
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
    found = registry.get(name)
    if callable(found) and not isinstance(found, kind):
        try:
            takes = parameters(found, kind)
            found = found(**{k: v for k, v in offered.items() if k in takes})
        except ArchrankError:
            raise
        except FAILURES as error:
            raise ArchrankError(
                f"{registry.kind} {name!r}: calling it failed: {describe(error)}"
            ) from error
    if not isinstance(found, kind):
        raise ArchrankError(
            f"{registry.kind} {name!r} is a {type(found).__name__}, expected an archrank "
            f"{kind.__name__} (an instance, a class, or a function that returns one)"
        )
    return found


def parameters(found: Any, kind: type[Any]) -> frozenset[str]:
    """Return the parameters of a class or function; an instance of ``kind`` takes none."""
    if not callable(found) or isinstance(found, kind):
        return frozenset()
    try:
        return frozenset(inspect.signature(found).parameters)
    except (TypeError, ValueError):  # some of Python's own say nothing
        return frozenset()
