"""Sizes of image networks: what spaces read of a task, and the scale of repeated cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from archrank.errors import SpaceError

if TYPE_CHECKING:
    from archrank.spaces.base import Space
    from archrank.tasks.base import Task


@dataclass(frozen=True)
class ImageSizes:
    """Sizes of the images that a network classifies, and the number of classes."""

    channels: int
    height: int
    width: int
    n_classes: int

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Channels, height and width."""
        return self.channels, self.height, self.width


CIFAR10 = ImageSizes(3, 32, 32, n_classes=10)
IMAGENET = ImageSizes(3, 224, 224, n_classes=1000)


@dataclass(frozen=True)
class Scale:
    """Width and depth of networks that repeat a cell in stages."""

    channels: int = 16  # of the first stage; doubles in each next one
    cells: int = 5  # per stage
    reduction: Literal["residual", "pool"] = "residual"  # published block, or average-pool + 1x1


SMALL_IMAGES = 16  # pixels; below, published networks are larger than what they could learn
SMALL = Scale(channels=8, cells=1, reduction="pool")


@dataclass(frozen=True)
class CellSizes:
    """Sizes of a network that repeats a cell."""

    images: ImageSizes
    scale: Scale


def image_sizes(task: Task | None, space: str, published: ImageSizes = CIFAR10) -> ImageSizes:
    """Return the sizes of a task's images.

    Args:
        task: what networks are built for; ``None`` for the published networks.
        space: name of the space that builds them, for the message.
        published: sizes of the published networks' images.

    Raises:
        SpaceError: the task's inputs are something else, such as token sequences.
    """
    if task is None:
        return published
    shape = tuple(task.input_shape)
    if len(shape) != 3:
        raise SpaceError(
            f"{space} builds networks for images of input_shape (channels, height, width); task "
            f"{task.name!r} has {shape}"
        )
    channels, height, width = shape
    return ImageSizes(channels, height, width, task.n_outputs)


def cell_sizes(task: Task | None, space: str, scale: Scale | None, published: Scale) -> CellSizes:
    """Return the sizes of networks that repeat a cell.

    Without a given scale, images smaller than 16 pixels get 8 channels, one cell per stage and
    average pooling in between (:data:`SMALL`); all others, and no task, the published scale.

    Args:
        task: what networks are built for; ``None`` for images of CIFAR-10.
        space: name of the space that builds them, for the message.
        scale: of the networks, if it is given.
        published: scale of the published networks.

    Raises:
        SpaceError: the task's inputs are no images.
    """
    images = image_sizes(task, space)
    if scale is None:
        scale = SMALL if min(images.height, images.width) < SMALL_IMAGES else published
    return CellSizes(images, scale)


def rescaled(space: Space, scale: Scale) -> Space:
    """Return a space like ``space`` whose networks are of another scale.

    Raises:
        SpaceError: the space has no scale, or not one of so few channels or cells.
    """
    if not hasattr(space, "scale"):
        raise SpaceError(f"networks of {space.name} have no scale of channels and cells")
    least = getattr(space, "least_channels", 1)
    if scale.channels < least or scale.cells < 1:
        raise SpaceError(
            f"networks of {space.name} have at least {least} channels and 1 cell per stage, got "
            f"{scale.channels} and {scale.cells}"
        )
    copy = object.__new__(type(space))
    copy.__dict__.update(space.__getstate__())  # nothing that was computed for the first scale
    copy.scale = scale
    return copy
