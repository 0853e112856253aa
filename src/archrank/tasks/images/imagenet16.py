"""ImageNet16-120: 16x16 images of the first 120 ImageNet classes, split as in NAS-Bench-201.

Chrabaszcz, Loshchilov and Hutter, "A Downsampled Variant of ImageNet as an Alternative to the CIFAR
datasets", 2017: the 16x16 archives in ``.npz`` form, each file with ``data`` (n, 768) uint8 and
``labels`` (n,) from 1 to 1,000. Dong and Yang, 2020, section 2.2, keep labels 1 to 120.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archrank import unpacking
from archrank.errors import DataError
from archrank.identity import IRRELEVANT
from archrank.tasks.base import Splits
from archrank.tasks.images.arrays import standardize, to_split
from archrank.tasks.images.augmentation import Augmentation
from archrank.tasks.images.base import ImageClassification
from archrank.tasks.images.files import find
from archrank.training.recipe import Recipe

CLASSES = 120
IMAGE_BYTES = 3 * 16 * 16  # red, green and blue planes, row by row
MEAN, STD = (122.68, 116.66, 104.01), (63.22, 61.26, 65.09)  # of 0..255, as NAS-Bench-201
SOURCE = "ImageNet16, npz version (https://image-net.org/download-images, downsampled 16x16)"


@dataclass(frozen=True)
class ImageNet16(ImageClassification):
    """ImageNet16-120: 151,700 images to train with; the 6,000 of ``val_data.npz`` are halved.

    The halves come from a seeded permutation; the published indices are not shipped here.

    Attributes:
        root: Folder with ``train_data_batch_1.npz`` to ``train_data_batch_10.npz`` and
            ``val_data.npz``.
        seed: Seed of the permutation.
    """

    recipe: Recipe = field(
        default_factory=lambda: Recipe(epochs=200, batch_size=256, lr=0.1, weight_decay=5e-4)
    )
    augmentation: Augmentation = field(default_factory=lambda: Augmentation(shift=2, flip=True))
    input_shape: tuple[int, int, int] = field(default=(3, 16, 16), init=False)
    n_classes: int = field(default=CLASSES, init=False)
    root: str = field(default="data", repr=False, metadata=IRRELEVANT)
    seed: int = 0

    name = "imagenet16"

    def load(self) -> Splits:
        """Return the training images, and half of the validation file each to validate and test."""
        return _load(self.root, self.seed)


@lru_cache(maxsize=1)
def _load(root: str, seed: int) -> Splits:
    names = [*(f"train_data_batch_{i}.npz" for i in range(1, 11)), "val_data.npz"]
    folders = ["Imagenet16_train_npz", "imagenet16"]
    parts = [read_npz(path) for path in find(root, names, folders, SOURCE)]
    train_x = np.concatenate([x for x, _ in parts[:-1]])
    train_y = np.concatenate([y for _, y in parts[:-1]])
    x, y = parts[-1]
    order = np.random.default_rng(seed).permutation(len(y))
    half = len(y) // 2
    valid, test = order[:half], order[half:]
    return Splits(
        to_split(standardize(train_x, MEAN, STD), train_y),
        to_split(standardize(x[valid], MEAN, STD), y[valid]),
        to_split(standardize(x[test], MEAN, STD), y[test]),
    )


def read_npz(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Read the images of the first 120 classes from one published file.

    Returns:
        Images (b, 3, 16, 16) and labels (b,) from 0 to 119.

    Raises:
        DataError: Not an npz file, or not with the published arrays.
    """
    try:
        found = unpacking.read_npz(path)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not a readable npz file without pickles: {error}") from None
    if not {"data", "labels"} <= set(found):
        held = ", ".join(map(repr, found)) or "nothing"
        raise DataError(f"{path}: expected the arrays 'data' and 'labels', found {held}")
    data, labels = found["data"], found["labels"]
    if labels.dtype.kind not in "iuf":
        raise DataError(f"{path}: expected 'labels' of numbers, found {labels.dtype}")
    with np.errstate(invalid="ignore"):  # NaN becomes a number that is out of range
        labels = labels.astype(np.int64)
    _check(path, data, labels)
    keep = labels <= CLASSES
    return data[keep].reshape(-1, 3, 16, 16), labels[keep] - 1


def _check(path: Path, data: NDArray[Any], labels: NDArray[np.int64]) -> None:
    if data.ndim != 2 or data.shape[1] != IMAGE_BYTES or data.dtype != np.uint8:
        raise DataError(
            f"{path}: expected 'data' of shape (n, {IMAGE_BYTES}) and dtype uint8, "
            f"found {data.shape} and {data.dtype}"
        )
    if labels.shape != (len(data),):
        raise DataError(
            f"{path}: expected {len(data):,} labels for {len(data):,} images, found shape "
            f"{labels.shape}"
        )
    if len(labels) and (labels.min() < 1 or labels.max() > 1000):
        raise DataError(
            f"{path}: expected labels 1 to 1000, found {labels.min()} to {labels.max()}"
        )
