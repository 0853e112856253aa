"""The folder of a supernet: names of its space and task beside its checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from archrank.cli.output import say_own_code
from archrank.errors import StorageError
from archrank.files import read_json

if TYPE_CHECKING:
    from archrank.spaces.base import Space
    from archrank.tasks.base import Task

SETTINGS = "supernet.json"


def names_in(folder: Path) -> tuple[str, str]:
    """Return the names of the space and the task that a supernet was trained for.

    Raises:
        StorageError: the folder has no settings, or they name none.
    """
    path = folder / SETTINGS
    if not path.exists():
        raise StorageError(f"{folder} has no {SETTINGS}: archrank supernet train writes one")
    names = read_json(path, "the settings of a supernet")
    wrong = [key for key in ("space", "task") if not isinstance(names.get(key), str)]
    if wrong:
        raise StorageError(f"{path} names no {wrong[0]}; train into another folder")
    return names["space"], names["task"]


def parts_of(folder: Path, data: Path | None, *, own_code: bool) -> tuple[Space, Task]:
    """Return space and task that the folder's settings name.

    Args:
        folder: of the supernet.
        data: folder of data sets.
        own_code: run code that the settings name wherever it lies.

    Raises:
        StorageError: as :func:`names_in`.
        ArchrankError: a name stands for nothing, or for code that is not allowed.
    """
    from archrank.runs.named import make_space, make_task

    space, task = names_in(folder)
    say_own_code([space, task], folder, allowed=own_code)
    return make_space(space), make_task(task, data)
