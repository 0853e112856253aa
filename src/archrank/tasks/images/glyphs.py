"""Distorted characters in fonts never seen in training, drawn with the fonts of matplotlib."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archrank.checks import instance, whole
from archrank.errors import DataError
from archrank.tasks.base import Splits
from archrank.tasks.cache import Arrays, cached
from archrank.tasks.images.arrays import noisy_copies, standardize, to_split
from archrank.tasks.images.augmentation import Augmentation
from archrank.tasks.images.base import ImageClassification
from archrank.training.recipe import Recipe

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

FONTS: dict[str, tuple[str, ...]] = {
    "train": (
        "DejaVuSans",
        "DejaVuSans-BoldOblique",
        "DejaVuSansMono",
        "DejaVuSansMono-Oblique",
        "DejaVuSerif",
        "DejaVuSerif-BoldItalic",
        "STIXGeneral",
        "STIXGeneralBolIta",
        "cmr10",
        "cmb10",
        "cmmi10",
        "cmtt10",
    ),
    "valid": (
        "DejaVuSans-Bold",
        "DejaVuSansMono-BoldOblique",
        "DejaVuSerif-Italic",
        "STIXGeneralItalic",
        "cmss10",
    ),
    "test": (
        "DejaVuSans-Oblique",
        "DejaVuSansMono-Bold",
        "DejaVuSerif-Bold",
        "STIXGeneralBol",
        "cmti10",
    ),
}
"""Font files by split. Each split has upright and slanted, light and bold faces; none is shared."""

MASK = 64  # pixels along each side of the large images that are warped
CAP = 40  # font size in those pixels; capitals are about 0.7 of it high


@dataclass(frozen=True)
class Glyphs(ImageClassification):
    """Recognise letters in fonts that were held out, rotated, sheared, scaled and cluttered.

    Harder than digits: what is learnt must carry over to other typefaces. Measured on the
    NAS-Bench-201 cells of the table ``glyphs201``, two training seeds with the default recipe:
    Kendall tau between the seeds 0.80 over all and 0.51 within the better half; quartiles of the
    mean validation accuracy 40 / 60 / 66 %, extremes 4 and 73 %; about a CPU-second per cell on one
    thread. The images depend on the versions of matplotlib's fonts (3.11 is the first to have all)
    and of Pillow, hence numbers of two installations may differ slightly.

    Attributes:
        characters: One class each; any that all :data:`FONTS` have, such as letters and digits.
        images: Training images. Validation and test have ``eval_images`` each.
        eval_images: Images of the validation split and of the test split.
        size: Height and width in pixels.
        distortion: 0 for upright, centred characters; 1 for rotations up to 25 degrees, shears up
            to 0.3, scales of 0.75 to 1.25 and shifts up to an eighth of the image.
        clutter: Contrast, from 0 to 1, of the second character that intrudes from a side.
        noise: Standard deviation of the frozen noise on validation and test images; one unit is
            the standard deviation of all training pixels.
        copies: Noise draws per validation and per test image.
        seed: Seed of everything that is random in the images.
    """

    recipe: Recipe = field(default_factory=lambda: Recipe(epochs=6, batch_size=128, lr=0.1))
    augmentation: Augmentation = field(default_factory=lambda: Augmentation(noise=0.7))
    input_shape: tuple[int, int, int] = field(default=(1, 8, 8), init=False)
    n_classes: int = field(default=len(LETTERS), init=False)
    characters: str = LETTERS
    images: int = 2400
    eval_images: int = 1200
    size: int = 8
    distortion: float = 0.5
    clutter: float = 0.5
    noise: float = 0.7
    copies: int = 3
    seed: int = 0

    name = "glyphs"

    def __post_init__(self) -> None:
        instance(self.characters, str, f"{type(self).__name__}: characters")
        for name in ("images", "eval_images", "size", "copies"):
            whole(getattr(self, name), f"{type(self).__name__}: {name}", at_least=1)
        object.__setattr__(self, "input_shape", (1, self.size, self.size))
        object.__setattr__(self, "n_classes", len(self.characters))

    def load(self) -> Splits:
        """Return the three splits; made in about a second, then read from the cache folder."""
        return _load(
            self.characters,
            (self.images, self.eval_images),
            self.size,
            (self.distortion, self.clutter),
            (self.noise, self.copies),
            self.seed,
        )


@lru_cache(maxsize=4)
def _load(
    characters: str,
    counts: tuple[int, int],
    size: int,
    warp: tuple[float, float],
    noise: tuple[float, int],
    seed: int,
) -> Splits:
    fonts = {split: [_font_file(name) for name in names] for split, names in FONTS.items()}
    key = {
        "version": 1,  # raise it when the images change
        "pillow": version("pillow"),
        "characters": characters,
        "counts": counts,
        "size": size,
        "warp": warp,
        "seed": seed,
        "fonts": [hashlib.sha256(f.read_bytes()).hexdigest() for fs in fonts.values() for f in fs],
    }
    arrays = cached("glyphs", key, lambda: _make(fonts, characters, counts, size, warp, seed))
    mean, std = arrays["train_x"].mean(), arrays["train_x"].std()
    train, valid, test = (
        to_split(standardize(arrays[f"{split}_x"], mean, std), arrays[f"{split}_y"])
        for split in FONTS
    )
    sd, copies = noise
    return Splits(
        train,
        noisy_copies(valid, copies, sd, 2 * seed),
        noisy_copies(test, copies, sd, 2 * seed + 1),
    )


def _font_file(name: str) -> Path:
    """Return the path of one of matplotlib's fonts."""
    import matplotlib

    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{name}.ttf"
    if not path.is_file():
        raise DataError(
            f"the glyphs task needs the font {path.name} of matplotlib 3.11 or newer, which needs "
            f"Python 3.11 or newer; looked for {path}. Upgrade, or use the task 'digits'"
        )
    return path


def _make(
    fonts: dict[str, list[Path]],
    characters: str,
    counts: tuple[int, int],
    size: int,
    warp: tuple[float, float],
    seed: int,
) -> Arrays:
    """Draw all three splits: ``{split}_x`` (b, 1, size, size) uint8, ``{split}_y`` (b,) uint8."""
    arrays: Arrays = {}
    streams = np.random.SeedSequence(seed).spawn(len(fonts))
    for (split, files), stream in zip(fonts.items(), streams, strict=True):
        rng = np.random.default_rng(stream)
        count = counts[0] if split == "train" else counts[1]
        masks = np.stack(
            [_masks(file, characters) for file in files]
        )  # (fonts, classes, MASK, MASK)
        labels = rng.permutation(np.arange(count) % len(characters))  # (b,) balanced
        images = _warp(_pick(masks, labels, rng), _poses(count, warp[0], rng), size)
        if warp[1] > 0:
            others = rng.integers(len(characters), size=count)
            poses = _poses(count, warp[0], rng)
            poses[:, :, 2] += _sideways(count, rng)
            clutter = _warp(_pick(masks, others, rng), poses, size)
            images = np.maximum(images, warp[1] * clutter)
        arrays[f"{split}_x"] = np.round(images * 255).astype(np.uint8)
        arrays[f"{split}_y"] = labels.astype(np.uint8)
    return arrays


def _masks(file: Path, characters: str) -> NDArray[np.float32]:
    """Draw all characters of one font, centred: (classes, MASK, MASK) in [0, 1]."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.truetype(str(file), CAP)
    masks = np.zeros((len(characters), MASK, MASK), dtype=np.float32)
    for i, character in enumerate(characters):
        left, top, right, bottom = font.getbbox(character)
        image = Image.new("L", (MASK, MASK))
        corner = ((MASK - right - left) / 2, (MASK - bottom - top) / 2)
        ImageDraw.Draw(image).text(corner, character, fill=255, font=font)
        masks[i] = np.asarray(image, dtype=np.float32) / 255
    return masks


def _pick(
    masks: NDArray[np.float32], labels: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Pick the mask of each label (b,) in a random font: (b, MASK, MASK)."""
    return masks[rng.integers(len(masks), size=len(labels)), labels]


def _poses(count: int, strength: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw random affine maps (b, 2, 3) from output to mask coordinates, both in [-1, 1]."""
    angle, shear, log_scale, x, y = strength * rng.uniform(-1, 1, size=(5, count))
    angle, scale = np.deg2rad(25) * angle, 1.25**log_scale
    cos, sin, shear = np.cos(angle), np.sin(angle), 0.3 * shear
    # A character fills about 0.45 of its mask; 0.6 of the mask makes it 3/4 of the image.
    linear = 0.6 * scale * np.array([[cos, cos * shear - sin], [sin, sin * shear + cos]])
    shift = 0.6 * np.array([[x / 4], [y / 4]])  # (2, 1, b)
    poses: NDArray[np.float64] = np.concatenate([linear, shift], axis=1)  # (2, 3, b)
    return np.moveaxis(poses, 2, 0)


def _sideways(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw shifts (b, 2) by about the width of a character, in any direction."""
    direction = rng.uniform(0, 2 * np.pi, size=count)
    distance = 0.6 * rng.uniform(1.0, 1.4, size=count)
    unit: NDArray[np.float64] = np.stack([np.cos(direction), np.sin(direction)], axis=1)
    return distance[:, None] * unit


def _warp(masks: NDArray[np.float32], poses: NDArray[np.float64], size: int) -> NDArray[np.float32]:
    """Sample masks (b, MASK, MASK) through poses (b, 2, 3), smoothed: (b, 1, size, size)."""
    import torch
    from torch.nn.functional import affine_grid, avg_pool2d, grid_sample

    x = torch.from_numpy(masks)[:, None]  # (b, 1, MASK, MASK)
    theta = torch.from_numpy(poses.astype(np.float32))
    grid = affine_grid(theta, [len(x), 1, 3 * size, 3 * size], align_corners=False)
    fine = grid_sample(x, grid, align_corners=False)  # (b, 1, 3 * size, 3 * size)
    images: NDArray[np.float32] = avg_pool2d(fine, 3).numpy()
    return images
