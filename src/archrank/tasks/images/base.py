"""Image classification: classes of images, with augmentation of the training images."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from archrank.tasks.classification import Classification
from archrank.tasks.images.augmentation import Augmentation

if TYPE_CHECKING:
    import torch
    from torch import Tensor

_IMAGE: tuple[int, ...] = (3, 32, 32)


@dataclass(frozen=True)
class ImageClassification(Classification):
    """Classification of images ``(b, channels, height, width)``, float32.

    Attributes:
        augmentation: Random changes of the training images.
        input_shape: Channels, height and width of one image.
        n_classes: Number of classes.
    """

    augmentation: Augmentation = field(default_factory=Augmentation)

    input_shape = _IMAGE

    def augment(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Augment a training batch: (b, c, h, w) -> (b, c, h, w)."""
        return self.augmentation(x, generator)
