"""Files of a task that a run keeps beside its networks, such as a vocabulary, a preprocessing."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from archrank.errors import ResumeError, StorageError
from archrank.files import write_file

if TYPE_CHECKING:
    from archrank.tasks.base import Task


def keep_task_files(folder: Path, task: Task) -> None:
    """Write a task's files to a folder, unless they are there.

    Args:
        folder: of the run.
        task: tells its files.

    Raises:
        ResumeError: the folder has those of other data.
        StorageError: they cannot be read or written.
    """
    for name, content in task.kept_files().items():
        path = folder / name
        try:
            found = path.read_bytes() if path.exists() else None
        except OSError as error:
            raise StorageError(f"{path} cannot be read: {error.strerror or error}") from None
        if found is None:
            write_file(path, partial(_put, content), parents=True)
        elif found != content:
            raise ResumeError(
                f"{path} is of other data than that of task {task.name!r}: name another folder, or "
                "go on with the data that the run was begun with"
            )


def _put(content: bytes, file: BinaryIO) -> None:
    file.write(content)
