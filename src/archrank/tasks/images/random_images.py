"""Random images in the shape of data sets that are not at hand: for dry runs alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from archrank.tasks.base import Split, Splits
from archrank.tasks.images.base import ImageClassification


class Extent(NamedTuple):
    """Size of a data set.

    Attributes:
        shape: channels, height and width of an image.
        classes: number of classes.
        images: number of training images.
    """

    shape: tuple[int, int, int]
    classes: int
    images: int


EXTENTS = {
    "imagenet-224": Extent((3, 224, 224), 1000, 1_281_167),
    "imagenet-288": Extent((3, 288, 288), 1000, 1_281_167),
}
"""Data sets that dry runs know, by name."""


@dataclass(frozen=True)
class RandomImages(ImageClassification):
    """Noise with random classes, to find out what a training costs; nothing can be learnt from it.

    Attributes:
        of: Name of the data set whose shape they have.
        images: Number of training images; there are no others.
        seed: Seed of the noise.
    """

    of: str = "imagenet-224"
    images: int = 64
    seed: int = 0

    name = "random images"

    @property
    def extent(self) -> Extent:
        """Size of the data set."""
        return EXTENTS[self.of]

    @property
    def input_shape(self) -> tuple[int, ...]:  # type: ignore[override]
        """Channels, height and width of one image."""
        return self.extent.shape

    @property
    def n_classes(self) -> int:  # type: ignore[override]
        """Number of classes."""
        return self.extent.classes

    def load(self) -> Splits:
        """Return the noise as training data, and empty held-out data."""
        import torch

        generator = torch.Generator().manual_seed(self.seed)
        x = torch.randn((self.images, *self.input_shape), generator=generator)
        y = torch.randint(self.n_classes, (self.images,), generator=generator)
        train = Split(x, y)
        nothing = train.take(slice(0, 0))
        return Splits(train, nothing, nothing)
