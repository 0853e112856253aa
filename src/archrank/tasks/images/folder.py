"""Images of users: a folder for each class."""

from __future__ import annotations

import contextlib
import hashlib
import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from archrank.checks import instance, quoted, whole
from archrank.errors import DataError, DataWarning, SettingsError
from archrank.files import user_path
from archrank.identity import IRRELEVANT
from archrank.tasks.base import Splits
from archrank.tasks.cache import Arrays, cached
from archrank.tasks.checks import check_task
from archrank.tasks.images.arrays import to_split
from archrank.tasks.images.augmentation import Augmentation
from archrank.tasks.images.base import ImageClassification
from archrank.tasks.images.decoding import decode_all, read_size, suffixes
from archrank.tasks.images.folder_files import list_images, listed
from archrank.tasks.images.preprocessing import ImagePreprocessing
from archrank.tasks.preprocessing import FILE
from archrank.tasks.splitting import PARTS, SHARES, Rows, halves, read_shares, split_rows
from archrank.tasks.tensors import RECIPE
from archrank.training.recipe import Recipe

BROKEN = ("error", "skip")
FLAT = 1e-6  # deviation of pixels from 0 to 1, below which all are equal but for rounding


@dataclass(frozen=True)
class Source:
    """The folder, and how its images are read.

    Attributes:
        root: The folder; no part of the identity.
        size: Height and width.
        grey: One channel in place of three.
        broken: Files that cannot be read are an error, or left out.
    """

    root: str = field(metadata=IRRELEVANT)
    size: tuple[int, int]
    grey: bool = False
    broken: Literal["error", "skip"] = "error"


@dataclass(frozen=True)
class ImageFolder(ImageClassification):
    """Classify the images of a folder; made by :func:`from_image_folder`.

    Attributes:
        source: The folder, and how its images are read.
        class_names: Names of the classes, which are those of their folders.
        split: Shares to train, validate and test with, unless there are folders of parts.
        seed: Seed of the split.
        digest: Of all images, their classes and parts.
        name: Short name, for file names and displays.
    """

    recipe: Recipe = RECIPE
    augmentation: Augmentation = field(default_factory=Augmentation)
    input_shape: tuple[int, ...] = (3, 32, 32)
    n_classes: int = 2
    source: Source = Source("", (32, 32))
    class_names: tuple[str, ...] = ()
    split: tuple[float, ...] = SHARES
    seed: int = 0
    digest: str = ""
    name: str = "images"

    def load(self) -> Splits:
        """Return the images, normalised by the mean and deviation of the training images.

        Raises:
            DataError: The files are not those of which the task was made.
        """
        return self._loaded.splits

    @property
    def preprocessing(self) -> ImagePreprocessing:
        """Makes inputs of new images; goes with exported networks as ``preprocessing.json``."""
        return self._loaded.preprocessing

    @property
    def _loaded(self) -> _Loaded:
        return _load(self.source, self.class_names, self.split, self.seed, self.digest)

    def place(self, split: str, row: int) -> str:
        """Return the path of an image, relative to the folder."""
        return f"{self._loaded.paths[PARTS.index(split)][row]} (in {split})"

    def kept_files(self) -> dict[str, bytes]:
        """Return the preprocessing."""
        return {FILE: self.preprocessing.content()}


def from_image_folder(
    path: str | os.PathLike[str],
    *,
    size: int | tuple[int, int],
    split: Sequence[float] = SHARES,
    seed: int = 0,
    grey: bool = False,
    augmentation: Augmentation | None = None,
    broken: Literal["error", "skip"] = "error",
    recipe: Recipe | None = None,
    name: str = "images",
) -> ImageFolder:
    """Return the task of a folder of images, with a folder for each class.

    The folders lie in ``path`` itself, and their images are split at random, each class by the same
    shares; or in its folders ``train``, ``valid`` (or ``val``) and ``test``. Without ``test``, half
    of the validation images test, drawn at random.

    All files that Pillow reads are images. They are scaled to cover the size, cut to their middle,
    and kept decoded in the cache folder, under a key of the files' names, sizes and times. Pixels
    are normalised by the mean and deviation of each channel of the training images. A digest of the
    images is part of the task's identity, the path is not.

    Args:
        path: The folder.
        size: Height and width in pixels, or one number for both.
        split: Shares to train, validate and test with.
        seed: Seed of the split.
        grey: One channel in place of red, green and blue.
        augmentation: Random changes of training images, such as ``Augmentation(shift=4,
            flip=True)``; ``None``: there are none.
        broken: Files that cannot be read are an error, which names them; ``"skip"``: they are left
            out, with a warning.
        recipe: Optimisation; ``None``: :data:`~archrank.tasks.tensors.RECIPE`.
        name: Short name of the task.

    Raises:
        DataError: The folder has no two classes, a class has no images, or files are damaged; the
            message names them.
        SettingsError: A setting is out of its range.

    Warns:
        DataWarning: Files are left out, or an image stands in two parts.
    """
    if not isinstance(path, str | os.PathLike):
        raise SettingsError(f"path is {quoted(path)}, expected the path of a folder")
    shares = tuple(read_shares(split))
    if broken not in BROKEN:
        raise SettingsError(f"broken is {quoted(broken)}, expected one of {', '.join(BROKEN)}")
    if not isinstance(grey, bool):
        raise SettingsError(f"grey is {quoted(grey)}, expected True or False")
    source = Source(os.path.abspath(user_path(path)), read_size(size), grey, broken)
    classes, found = _read(source)
    task = ImageFolder(
        recipe=instance(RECIPE if recipe is None else recipe, Recipe, "recipe"),
        augmentation=instance(
            Augmentation() if augmentation is None else augmentation, Augmentation, "augmentation"
        ),
        input_shape=found["images"].shape[1:],
        n_classes=len(classes),
        source=source,
        class_names=tuple(classes),
        split=SHARES if found["parts"].any() else shares,
        seed=whole(seed, "seed", at_least=0, error=SettingsError),
        digest=str(found["digest"]),
        name=instance(name, str, "name of the task"),
    )
    check_task(task)
    return task


class _Loaded(NamedTuple):
    """Data of a task in memory, and the paths of its images, by part."""

    splits: Splits
    paths: tuple[NDArray[np.str_], ...]
    preprocessing: ImagePreprocessing


@lru_cache(maxsize=2)
def _load(
    source: Source, classes: tuple[str, ...], split: tuple[float, ...], seed: int, digest: str
) -> _Loaded:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # told when the task was made
        names, found = _read(source)
    if tuple(names) != classes or str(found["digest"]) != digest:
        raise DataError(
            f"{source.root}: the images have changed since the task was made; make it again"
        )
    rows = _rows(found, split, seed)
    images, labels = found["images"], found["labels"]
    mean, std = _statistics(images[rows[0]])
    known = ImagePreprocessing(
        classes=classes, size=source.size, grey=source.grey, mean=mean, std=std
    )
    splits = Splits(*(to_split(known.normalize(images[part]), labels[part]) for part in rows))
    return _Loaded(splits, tuple(found["paths"][part] for part in rows), known)


def _statistics(images: NDArray[np.uint8]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and deviation of each channel, of values from 0 to 1: ``(b, c, h, w)``."""
    counts = [np.bincount(images[:, c].reshape(-1), minlength=256) for c in range(images.shape[1])]
    values = np.arange(256) / 255
    means = [float((count * values).sum() / count.sum()) for count in counts]
    spread = zip(counts, means, strict=True)
    squares = [float((count * (values - mean) ** 2).sum() / count.sum()) for count, mean in spread]
    deviations = [1.0 if square < FLAT**2 else square**0.5 for square in squares]
    return tuple(means), tuple(deviations)


def _rows(found: Arrays, split: Sequence[float], seed: int) -> tuple[Rows, ...]:
    """Return the rows of each part."""
    parts, labels = found["parts"], found["labels"]
    given = [np.flatnonzero(parts == part) for part in np.unique(parts)]
    if len(given) == 1:
        return split_rows(len(labels), split, seed, labels)
    if len(given) == 2:
        some, others = halves(len(given[1]), seed, labels[given[1]])
        return given[0], given[1][some], given[1][others]
    return tuple(given)


def _read(source: Source) -> tuple[list[str], Arrays]:
    """Return names of classes, and images ``(n, c, h, w)``, labels, parts and paths ``(n,)``."""
    classes, parts = list_images(source.root, suffixes())
    paths = [path for part in parts for path in part.paths]
    files = []
    for path in paths:
        with contextlib.suppress(OSError):  # a link to nowhere, which cannot be read either
            state = os.stat(os.path.join(source.root, path))
            files.append([path, state.st_size, state.st_mtime_ns])
    key = {"files": files, "size": source.size, "grey": source.grey, "broken": source.broken}
    found = cached("images", key, lambda: _decoded(source, paths, parts))
    if len(found["left_out"]):
        warnings.warn(
            f"{source.root}: {len(found['left_out']):,} images cannot be read and are left out: "
            f"{listed(found['left_out'].tolist())}",
            DataWarning,
            stacklevel=3,
        )
    empty = np.flatnonzero(np.bincount(found["labels"], minlength=len(classes)) == 0)
    if len(empty):
        raise DataError(f"{source.root}: no image of the class {classes[empty[0]]!r} can be read")
    return classes, found


def _decoded(source: Source, paths: Sequence[str], parts: Sequence[Any]) -> Arrays:
    """Decode all images."""
    places = [os.path.join(source.root, path) for path in paths]
    images, failed = decode_all(places, source.size, source.grey)
    if failed and source.broken == "error":
        first = next(iter(failed))
        raise DataError(
            f"{source.root}: {len(failed):,} images cannot be read: "
            f"{listed([paths[number] for number in failed])} ({failed[first]}); remove them, or "
            "say broken='skip'"
        )
    kept = np.setdiff1d(np.arange(len(paths)), list(failed))
    arrays = {
        "images": images[kept] if failed else images,
        "labels": np.concatenate([part.labels for part in parts]).astype(np.int64)[kept],
        "parts": np.repeat(np.arange(len(parts)), [len(part.paths) for part in parts])[kept],
    }
    digest = hashlib.sha256()
    for array in arrays.values():
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return {
        **arrays,
        "paths": np.array(paths)[kept],
        "left_out": np.array([paths[number] for number in failed], dtype=str),
        "digest": np.array(digest.hexdigest()[:16]),
    }
