"""Decoding of image files to arrays of one size."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archrank.checks import quoted, whole
from archrank.errors import SettingsError, describe

if TYPE_CHECKING:
    from PIL.Image import Image

LARGEST = 4096  # pixels along an axis


def suffixes() -> tuple[str, ...]:
    """Return the endings of all files that Pillow reads, in lower case."""
    from PIL import Image

    known = Image.registered_extensions()
    return tuple(sorted(ending for ending, kind in known.items() if kind in Image.OPEN))


def read_size(size: Any) -> tuple[int, int]:
    """Return height and width: of a number, both.

    Raises:
        SettingsError: It is neither a number nor two.
    """
    both = size if isinstance(size, Sequence) and not isinstance(size, str) else (size, size)
    if len(both) != 2:
        raise SettingsError(
            f"size is {quoted(size)}, expected a number of pixels, or (height, width)"
        )
    height, width = (
        whole(pixels, "size", at_least=1, at_most=LARGEST, error=SettingsError) for pixels in both
    )
    return height, width


def decode(source: Any, size: tuple[int, int], grey: bool) -> NDArray[np.uint8]:
    """Return an image as ``(channels, height, width)``, 0 to 255.

    It is turned as its camera says, scaled so that it covers the size, and cut to its middle.
    Transparency is left out; 16 bits are cut to 8.

    Args:
        source: Path of a file, or an image of Pillow.
        size: Height and width.
        grey: One channel in place of red, green and blue.

    Raises:
        Exception: As Pillow, if the file is damaged or no image.
    """
    from PIL import Image, ImageOps

    if isinstance(source, str | os.PathLike):
        with Image.open(source) as image:
            return decode(image, size, grey)
    upright = ImageOps.exif_transpose(source)
    converted = _eight_bits(upright).convert("L" if grey else "RGB")
    fitted = ImageOps.fit(converted, size[::-1], method=Image.Resampling.BILINEAR)
    pixels = np.asarray(fitted, dtype=np.uint8)  # (h, w) or (h, w, 3)
    return np.ascontiguousarray(pixels[None] if grey else pixels.transpose(2, 0, 1))


def decode_all(
    sources: Sequence[Any], size: tuple[int, int], grey: bool
) -> tuple[NDArray[np.uint8], dict[int, str]]:
    """Return images ``(n, channels, height, width)``, and why some cannot be read, by number.

    Those are zeros.
    """

    def one(source: Any) -> NDArray[np.uint8] | str:
        try:
            return decode(source, size, grey)
        except Exception as error:  # Pillow's plug-ins raise all kinds
            return describe(error)

    found = np.zeros((len(sources), 1 if grey else 3, *size), dtype=np.uint8)
    failed: dict[int, str] = {}
    with warnings.catch_warnings(), ThreadPoolExecutor() as threads:
        warnings.simplefilter("ignore")  # of odd metadata and of very large images
        for number, image in enumerate(threads.map(one, sources)):
            if isinstance(image, str):
                failed[number] = image
            else:
                found[number] = image
    return found, failed


def _eight_bits(image: Image) -> Image:
    """Return an image of 16 bits with 8, others as they are."""
    from PIL.Image import fromarray

    if not image.mode.startswith("I"):
        return image.convert("RGBA") if "transparency" in image.info else image
    return fromarray((np.asarray(image).clip(0, 65535) // 256).astype(np.uint8))
