"""Preprocessing of images: one size, and pixels normalised as those of training."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from archrank.checks import quoted
from archrank.errors import DataError
from archrank.tasks.images.arrays import standardize
from archrank.tasks.images.decoding import decode_all
from archrank.tasks.preprocessing import Preprocessing

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class ImagePreprocessing(Preprocessing):
    """Size of images, and the mean and standard deviation of the training images.

    Attributes:
        size: Height and width.
        grey: One channel in place of red, green and blue.
        mean: Of each channel, of values from 0 to 1.
        std: Standard deviation of each channel.
    """

    size: tuple[int, int]
    grey: bool
    mean: tuple[float, ...]
    std: tuple[float, ...]

    kind = "images"

    def encode(self, examples: Any) -> Tensor:
        """Return images ``(b, channels, height, width)``, float32.

        Args:
            examples: Paths of image files, images of Pillow, or one of them alone.

        Raises:
            DataError: One cannot be read, or is something else.
        """
        import torch

        one = isinstance(examples, str | os.PathLike) or not isinstance(examples, Sequence)
        sources = [examples] if one else list(examples)
        for source in sources:
            if not isinstance(source, str | os.PathLike) and not hasattr(source, "getexif"):
                raise DataError(
                    f"{quoted(source)} is no image, expected paths of files, or images of Pillow"
                )
        images, failed = decode_all(sources, self.size, self.grey)
        for number, reason in failed.items():
            raise DataError(f"image {number}, {sources[number]}, cannot be read: {reason}")
        return torch.from_numpy(self.normalize(images))

    def normalize(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return pixels 0 to 255 as networks take them: (b, c, h, w) -> the same in float32."""
        return standardize(images, 255 * np.array(self.mean), 255 * np.array(self.std))
