"""Folders of images: classes and their files, listed and checked."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from archrank.checks import quoted
from archrank.errors import DataError, DataWarning
from archrank.files import user_path

PARTS = {
    "train": ("train", "training"),
    "valid": ("valid", "val", "validation"),
    "test": ("test", "testing"),
}
"""Names of folders that hold parts; the first is how messages call them."""

JUNK = ("thumbs.db", "desktop.ini")  # what file managers leave behind
LISTED = 5  # files in a message
DEEPEST = 16  # folders inside each other


@dataclass(frozen=True)
class ImageFiles:
    """The images of one part, or of all that is to be split.

    Attributes:
        paths: Relative to the folder, with ``/``, in the order of the alphabet.
        labels: Class number of each.
    """

    paths: tuple[str, ...]
    labels: tuple[int, ...]


def list_images(root: str, suffixes: Sequence[str]) -> tuple[list[str], list[ImageFiles]]:
    """Return the names of the classes, and the files: all of them, or those of two or three parts.

    Folders ``train``, ``valid`` and ``test`` are parts, and hold a folder for each class. Hidden
    files are left out; files of other kinds, too, with a warning.

    Args:
        root: The folder.
        suffixes: Endings of image files, in lower case.

    Raises:
        DataError: A folder is missing or cannot be read, has fewer than two classes, or a class has
            no images.

    Warns:
        DataWarning: Files that are no images are left out.
    """
    folder = user_path(root)
    if not folder.is_dir():
        told = "is a file" if folder.exists() else "does not exist"
        raise DataError(f"{folder} {told}; expected a folder with a folder of images per class")
    parts = _parts(folder)
    classes = _classes(folder, parts[0])
    for part in parts[1:]:
        odd = sorted(set(_classes(folder, part)) ^ set(classes))
        if odd:
            raise DataError(
                f"{folder}: the class {odd[0]!r} is in one of {parts[0]}, {part}, but not in the "
                "other; make a folder for it in both"
            )
    others: list[str] = []
    found = [_files(folder, part, classes, suffixes, others) for part in parts]
    if others:
        warnings.warn(
            f"{folder}: {len(others):,} files are no images and left out: {listed(others)}",
            DataWarning,
            stacklevel=3,
        )
    return classes, found


def listed(names: Sequence[str]) -> str:
    """Write some names, and how many more there are."""
    more = f" and {len(names) - LISTED:,} more" if len(names) > LISTED else ""
    return f"{', '.join(names[:LISTED])}{more}"


def _parts(folder: Path) -> list[str]:
    """Return the folders of the parts; ``["."]`` if classes lie in the folder itself."""
    names = {name.lower(): name for name in _folders(folder)}
    found = {
        part: next((names[each] for each in known if each in names), None)
        for part, known in PARTS.items()
    }
    if found["train"] is None:
        return ["."]
    if found["valid"] is None:
        raise DataError(
            f"{folder} has the folder {found['train']!r} but none for validation: name it 'valid'; "
            f"or split its images, from_image_folder({str(folder / found['train'])!r})"
        )
    return [name for name in found.values() if name is not None]


def _classes(folder: Path, part: str) -> list[str]:
    classes = _folders(folder / part)
    if len(classes) < 2:
        raise DataError(
            f"{folder / part} has {quoted(classes)} as classes, expected two folders or more, each "
            "with the images of one class"
        )
    return classes


def _folders(folder: Path) -> list[str]:
    return sorted(name for name, is_folder in _entries(folder) if is_folder)


def _entries(folder: Path) -> list[tuple[str, bool]]:
    """Return names of what lies in a folder, and which are folders; nothing hidden."""
    try:
        with os.scandir(folder) as found:
            return [
                (entry.name, entry.is_dir())
                for entry in found
                if not entry.name.startswith((".", "__")) and entry.name.lower() not in JUNK
            ]
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror or error}") from None


def _files(
    folder: Path, part: str, classes: Sequence[str], suffixes: Sequence[str], others: list[str]
) -> ImageFiles:
    """Return the images of a part; ``others`` grows by what is none."""
    paths: list[str] = []
    labels: list[int] = []
    for number, name in enumerate(classes):
        inside = _inside(folder, os.path.normpath(os.path.join(part, name)).replace(os.sep, "/"))
        images = [path for path in inside if path.lower().endswith(tuple(suffixes))]
        others += [path for path in inside if not path.lower().endswith(tuple(suffixes))]
        if not images:
            raise DataError(
                f"{folder / part / name}: the class {name!r} has no images; add some, or remove "
                "the folder"
            )
        paths += images
        labels += [number] * len(images)
    return ImageFiles(tuple(paths), tuple(labels))


def _inside(folder: Path, place: str) -> list[str]:
    """Return the files of a folder and of folders in it, relative to the whole, sorted."""
    if place.count("/") > DEEPEST:
        raise DataError(
            f"{folder}: folders lie more than {DEEPEST} deep in {place.partition('/')[0]}; does a "
            "link in it lead back?"
        )
    found: list[str] = []
    for name, is_folder in sorted(_entries(folder / place)):
        path = f"{place}/{name}"
        found += _inside(folder, path) if is_folder else [path]
    return found
