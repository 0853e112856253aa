"""What spaces of image networks ask of a task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archrank.errors import SpaceError

if TYPE_CHECKING:
    from archrank.tasks.base import Task


def image_shape(task: Task, space: str) -> tuple[int, int, int]:
    """Channels, height and width of a task's images.

    Args:
        task: what networks are built for.
        space: the name of the space that builds them, for the message.

    Raises:
        SpaceError: the task's inputs are something else, such as token sequences.
    """
    shape = tuple(task.input_shape)
    if len(shape) != 3:
        raise SpaceError(
            f"{space} builds networks for images of input_shape (channels, height, width); task "
            f"{task.name!r} has {shape}"
        )
    channels, height, width = shape
    return channels, height, width
