"""CIFAR-10 and CIFAR-100 from the published *binary* files, split as in NAS-Bench-201.

Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009. The archives are
``cifar-10-binary.tar.gz`` and ``cifar-100-binary.tar.gz`` from the author's page; unpack them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archrank.errors import DataError
from archrank.identity import IRRELEVANT
from archrank.tasks.base import Splits
from archrank.tasks.images.arrays import standardize, to_split
from archrank.tasks.images.augmentation import Augmentation
from archrank.tasks.images.base import ImageClassification
from archrank.tasks.images.files import find
from archrank.training.recipe import Recipe

IMAGE_BYTES = 3 * 32 * 32  # red, green and blue planes, row by row
C10_RECORDS = 10_000  # per file
C100_TRAIN_RECORDS, C100_TEST_RECORDS = 50_000, 10_000
PAGE = "https://www.cs.toronto.edu/~kriz/cifar.html"

C10_MEAN, C10_STD = (125.3, 123.0, 113.9), (63.0, 62.1, 66.7)  # of 0..255, as NAS-Bench-201
C100_MEAN, C100_STD = (129.3, 124.1, 112.4), (68.2, 65.4, 70.4)


def nasbench201_recipe() -> Recipe:
    """Return the training of NAS-Bench-201 (Dong and Yang, 2020, table 1): 200 epochs of SGD."""
    return Recipe(epochs=200, batch_size=256, lr=0.1, weight_decay=5e-4)


def nasbench201_augmentation() -> Augmentation:
    """Return the augmentation of NAS-Bench-201: random crops and mirror images."""
    return Augmentation(shift=4, flip=True)


@dataclass(frozen=True)
class CIFAR10(ImageClassification):
    """CIFAR-10 as NAS-Bench-201's ``cifar10-valid``: train on half, validate on the other half.

    The published split is a file of indices that is not shipped here; the halves come from a
    seeded permutation instead. Metrics are comparable with the published ones, not identical.

    Attributes:
        root: Folder with ``data_batch_1.bin`` to ``data_batch_5.bin`` and ``test_batch.bin``, or
            the folder that holds ``cifar-10-batches-bin``.
        seed: Seed of the permutation.
    """

    recipe: Recipe = field(default_factory=nasbench201_recipe)
    augmentation: Augmentation = field(default_factory=nasbench201_augmentation)
    root: str = field(default="data", repr=False, metadata=IRRELEVANT)
    seed: int = 0

    name = "cifar10"

    def load(self) -> Splits:
        """Return 25,000 images to train with, 25,000 to validate, the 10,000 test images."""
        return _load_cifar10(self.root, self.seed)


@dataclass(frozen=True)
class CIFAR100(ImageClassification):
    """CIFAR-100 as in NAS-Bench-201: all training images; the test images are halved.

    The halves come from a seeded permutation; the published indices are not shipped here.

    Attributes:
        root: Folder with ``train.bin`` and ``test.bin``, or the one that holds
            ``cifar-100-binary``.
        seed: Seed of the permutation.
    """

    recipe: Recipe = field(default_factory=nasbench201_recipe)
    augmentation: Augmentation = field(default_factory=nasbench201_augmentation)
    n_classes: int = field(default=100, init=False)
    root: str = field(default="data", repr=False, metadata=IRRELEVANT)
    seed: int = 0

    name = "cifar100"

    def load(self) -> Splits:
        """Return 50,000 images to train with, 5,000 to validate, 5,000 to test."""
        return _load_cifar100(self.root, self.seed)


@lru_cache(maxsize=1)
def _load_cifar10(root: str, seed: int) -> Splits:
    names = [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]
    what = f"CIFAR-10, binary version ({PAGE})"
    paths = find(root, names, ["cifar-10-batches-bin"], what)
    parts = [read_records(p, label_bytes=1, records=C10_RECORDS, n_classes=10) for p in paths]
    images = np.concatenate([x for x, _ in parts[:5]])  # (50000, 3, 32, 32)
    labels = np.concatenate([y for _, y in parts[:5]])
    order = np.random.default_rng(seed).permutation(len(labels))
    half = len(labels) // 2
    train, valid = order[:half], order[half:]
    test_x, test_y = parts[5]
    return Splits(
        to_split(standardize(images[train], C10_MEAN, C10_STD), labels[train]),
        to_split(standardize(images[valid], C10_MEAN, C10_STD), labels[valid]),
        to_split(standardize(test_x, C10_MEAN, C10_STD), test_y),
    )


@lru_cache(maxsize=1)
def _load_cifar100(root: str, seed: int) -> Splits:
    what = f"CIFAR-100, binary version ({PAGE})"
    paths = find(root, ["train.bin", "test.bin"], ["cifar-100-binary"], what)
    train_x, train_y = read_records(
        paths[0], label_bytes=2, records=C100_TRAIN_RECORDS, n_classes=100
    )
    x, y = read_records(paths[1], label_bytes=2, records=C100_TEST_RECORDS, n_classes=100)
    order = np.random.default_rng(seed).permutation(len(y))
    half = len(y) // 2
    valid, test = order[:half], order[half:]
    return Splits(
        to_split(standardize(train_x, C100_MEAN, C100_STD), train_y),
        to_split(standardize(x[valid], C100_MEAN, C100_STD), y[valid]),
        to_split(standardize(x[test], C100_MEAN, C100_STD), y[test]),
    )


def read_records(
    path: Path, *, label_bytes: int, records: int, n_classes: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Read one binary CIFAR file: each record is its labels, then 3,072 pixel bytes.

    Args:
        path: The file.
        label_bytes: 1 for CIFAR-10; 2 for CIFAR-100, the coarse label and then the fine one.
        records: How many the published file holds.
        n_classes: Labels are 0 to ``n_classes - 1``.

    Returns:
        Images (records, 3, 32, 32) and the (fine) labels (records,).

    Raises:
        DataError: Another size than published, or a label out of range.
    """
    record = label_bytes + IMAGE_BYTES
    found = path.stat().st_size
    if found != records * record:
        raise DataError(
            f"{path}: expected {records * record:,} bytes ({records:,} records of {record:,}), "
            f"found {found:,} ({found / record:,.1f} records); download or unpack it again"
        )
    rows = np.fromfile(path, dtype=np.uint8).reshape(records, record)
    labels = rows[:, label_bytes - 1].astype(np.int64)
    if labels.max() >= n_classes:
        row = int(labels.argmax())
        raise DataError(
            f"{path}: record {row} has label {labels[row]}, expected 0 to {n_classes - 1}"
        )
    return rows[:, label_bytes:].reshape(records, 3, 32, 32), labels
