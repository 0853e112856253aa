"""Texture classes made from formulas and random numbers: no download, NumPy alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from archrank.tasks._arrays import standardize, to_split
from archrank.tasks.base import Recipe, Scale, Split, Splits, Task
from archrank.tasks.cache import Arrays, cached

Images = NDArray[np.float64]  # (b, size, size)
Pattern = Callable[[int, int, np.random.Generator], Images]  # (count, size, rng) -> images

PHASE = 0.5

SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class Textures(Task):
    """Recognise sixteen textures wherever they begin, under pixel noise.

    Todo:

    Attributes:
        images: Training images. Validation and test have ``eval_images`` each.
        eval_images: Images of the validation split and of the test split.
        size: Height and width in pixels.
        noise: Standard deviation of the frozen noise on validation and test images; one unit is
            the standard deviation of all training pixels.
        seed: Of everything that is random in the images.
    """

    recipe: Recipe = field(
        default_factory=lambda: Recipe(epochs=6, batch_size=128, lr=0.1, noise=0.7)
    )
    scale: Scale = field(default_factory=lambda: Scale(channels=8, cells=1, reduction="pool"))
    input_shape: tuple[int, int, int] = field(default=(1, 8, 8), init=False)
    n_classes: int = field(default=23, init=False)
    images: int = 1600
    eval_images: int = 1600
    size: int = 8
    noise: float = 0.7
    seed: int = 0

    name = "textures"

    def __post_init__(self) -> None:
        object.__setattr__(self, "input_shape", (1, self.size, self.size))

    def load(self) -> Splits:
        """The three splits; made in well under a second, then read from the cache folder."""
        return _load((self.images, self.eval_images), self.size, self.noise, self.seed)


@lru_cache(maxsize=4)
def _load(counts: tuple[int, int], size: int, noise: float, seed: int) -> Splits:
    key = {"version": 1, "counts": counts, "size": size, "seed": seed}  # raise it with any change
    arrays = cached("textures", key, lambda: _make(counts, size, seed))
    mean, std = arrays["train_x"].mean(), arrays["train_x"].std()
    streams = np.random.SeedSequence([seed, 1]).spawn(len(SPLITS))
    splits: list[Split] = []
    for split, stream in zip(SPLITS, streams, strict=True):
        x = standardize(arrays[f"{split}_x"], mean, std)
        if split != "train" and noise > 0:
            draw = np.random.default_rng(stream).standard_normal(x.shape)
            x += (noise * draw).astype(np.float32)
        splits.append(to_split(x, arrays[f"{split}_y"]))
    return Splits(*splits)


def _make(counts: tuple[int, int], size: int, seed: int) -> Arrays:
    """Draw all three splits: ``{split}_x`` (b, 1, size, size) uint8, ``{split}_y`` (b,) uint8."""
    arrays: Arrays = {}
    streams = np.random.SeedSequence([seed, 0]).spawn(len(SPLITS))
    for split, stream in zip(SPLITS, streams, strict=True):
        rng = np.random.default_rng(stream)
        count = counts[0] if split == "train" else counts[1]
        labels = rng.permutation(np.arange(count) % len(PATTERNS))  # (b,) balanced
        images = np.empty((count, size, size))
        for label, pattern in enumerate(PATTERNS.values()):
            here = labels == label
            images[here] = pattern(int(here.sum()), size, rng)
        # Neither brightness nor contrast gives a class away.
        images -= images.mean((1, 2), keepdims=True)
        images /= images.std((1, 2), keepdims=True) + 1e-6
        contrast, brightness = rng.uniform(0.7, 1.3, count), rng.uniform(-0.3, 0.3, count)
        images = 127.5 + 40 * (images * contrast[:, None, None] + brightness[:, None, None])
        arrays[f"{split}_x"] = np.clip(np.round(images), 0, 255).astype(np.uint8)[:, None]
        arrays[f"{split}_y"] = labels.astype(np.uint8)
    return arrays


def _wave(
    degrees: float, count: int, size: int, rng: np.random.Generator, period: tuple[float, float]
) -> Images:
    """Plane waves across about one direction, of random period, phase and sharpness."""
    angle = np.deg2rad(degrees + rng.uniform(-12, 12, (count, 1, 1)))
    length = rng.uniform(*period, (count, 1, 1))
    phase = rng.uniform(0, PHASE * 2 * np.pi, (count, 1, 1))
    sharpness = rng.uniform(0.5, 4.0, (count, 1, 1))  # from a sine to nearly a square wave
    y, x = np.mgrid[:size, :size] - (size - 1) / 2  # waves of one phase agree at the centre
    along = x * np.cos(angle) + y * np.sin(angle)  # (b, size, size)
    wave: Images = np.tanh(sharpness * np.sin(2 * np.pi * along / length + phase))
    return wave


def _stripes(degrees: float, count: int, size: int, rng: np.random.Generator) -> Images:
    return _wave(degrees, count, size, rng, (2.6, 5.5))


def _checks(degrees: float, count: int, size: int, rng: np.random.Generator) -> Images:
    """Two crossing waves multiplied."""
    across = _wave(degrees, count, size, rng, (3.5, 7.0))
    return across * _wave(degrees + 90, count, size, rng, (3.5, 7.0))


def _weave(count: int, size: int, rng: np.random.Generator) -> Images:
    """Threads of two directions, one above the other in turn."""
    threads = _wave(0, count, size, rng, (2.2, 4.0)), _wave(90, count, size, rng, (2.2, 4.0))
    return np.where(_checks(0, count, size, rng) > 0, *threads)


def _noise(
    spectrum: Callable[[Images, Images, Images], Images],
    count: int,
    size: int,
    rng: np.random.Generator,
) -> Images:
    """White noise filtered to ``spectrum(fx, fy, scale)``, cut from a field twice the size."""
    field = rng.standard_normal((count, 2 * size, 2 * size))
    fy = np.fft.fftfreq(2 * size)[:, None]  # cycles per pixel
    fx = np.fft.rfftfreq(2 * size)[None, :]
    scale = np.exp(rng.uniform(-0.2, 0.2, (count, 1, 1)))  # widths differ by up to a fifth
    filtered = np.fft.rfft2(field) * spectrum(fx, fy, scale)
    return np.fft.irfft2(filtered, s=(2 * size, 2 * size))[:, :size, :size]


def _ring(center: float, fx: Images, fy: Images, scale: Images) -> Images:
    """Frequencies around one: blobs of about one size."""
    radius = np.sqrt(fx**2 + fy**2)
    ring: Images = np.exp(-(((radius * scale - center) / 0.06) ** 2))
    return ring


def _streak(wx: float, wy: float, fx: Images, fy: Images, scale: Images) -> Images:
    """Low frequencies of unequal widths along the two axes: blobs drawn out along one of them."""
    streak: Images = np.exp(-((fx * scale / wx) ** 2 + (fy * scale / wy) ** 2))
    return streak


def _power(fx: Images, fy: Images, scale: Images) -> Images:
    """Amplitude that falls with frequency at no scale of its own: fractal noise."""
    power: Images = (0.02 + np.sqrt(fx**2 + fy**2)) ** (-1.3 * scale)
    return power


def _distances(
    count: int, size: int, density: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """From every pixel to every random point: (b, size, size, points)."""
    margin = 2.0  # points outside the image shape its border
    points = rng.uniform(
        -margin, size - 1 + margin, (count, 1, 1, int(density * (size + 2 * margin) ** 2), 2)
    )
    y, x = np.mgrid[:size, :size][..., None]  # (size, size, 1) each
    distances: NDArray[np.float64] = np.hypot(y - points[..., 0], x - points[..., 1])
    return distances


def _patches(count: int, size: int, rng: np.random.Generator) -> Images:
    """Cells around random points, each of its own grey."""
    distances = _distances(count, size, 0.12, rng)
    greys = rng.uniform(-1, 1, (count, distances.shape[-1]))
    nearest = distances.argmin(-1)  # (b, size, size)
    return np.take_along_axis(greys, nearest.reshape(count, -1), 1).reshape(nearest.shape)


def _cracks(count: int, size: int, rng: np.random.Generator) -> Images:
    """The borders of such cells: dark where two points are equally near."""
    first, second = np.moveaxis(np.partition(_distances(count, size, 0.10, rng), 1)[..., :2], -1, 0)
    return np.tanh(1.5 * (second - first))


def _spots(count: int, size: int, rng: np.random.Generator) -> Images:
    """Round bumps at random places."""
    radius = rng.uniform(0.6, 1.0, (count, 1, 1, 1))
    bumps = np.exp(-0.5 * (_distances(count, size, 0.10, rng) / radius) ** 2)
    spots: Images = bumps.max(-1)
    return spots


def _motifs(motif: str, turns: int, count: int, size: int, rng: np.random.Generator) -> Images:
    """One 3x3 motif, turned ``turns`` times by 90 degrees, all over the image, jittered."""
    marks = np.array([[c == "#" for c in row] for row in motif.split("/")], dtype=np.float64)
    marks = np.rot90(marks, turns)
    cells = size // 4 + 2
    canvas = np.zeros((count, 4 * cells + 1, 4 * cells + 1))
    images = np.arange(count)
    for row in range(cells):
        for column in range(cells):
            down, right = rng.integers(
                2, size=(2, count)
            )  # a gap of one pixel at least now and then
            for i, j in zip(*np.nonzero(marks), strict=True):
                canvas[images, 4 * row + down + i, 4 * column + right + j] = 1.0
    top, left = rng.integers(round(4 * PHASE), size=(2, count, 1, 1))
    y, x = np.mgrid[:size, :size]
    cut: Images = canvas[images[:, None, None], top + y, left + x]
    return cut


CORNER, TEE, CUP = "#../#../###", "###/.#./.#.", "#.#/#.#/###"

PATTERNS: dict[str, Pattern] = {
    "stripes_0": partial(_stripes, 0),
    "stripes_90": partial(_stripes, 90),
    "checks": partial(_checks, 0),
    "diamonds": partial(_checks, 45),
    "blobs": partial(_noise, partial(_ring, 0.35)),
    "streaks_0": partial(_noise, partial(_streak, 0.08, 0.35)),
    "streaks_90": partial(_noise, partial(_streak, 0.35, 0.08)),
    "patches": _patches,
    **{f"corners_{90 * turns}": partial(_motifs, CORNER, turns) for turns in range(4)},
    **{f"tees_{90 * turns}": partial(_motifs, TEE, turns) for turns in range(4)},
    **{f"cups_{90 * turns}": partial(_motifs, CUP, turns) for turns in range(4)},
    "pluses": partial(_motifs, ".#./###/.#.", 0),
    "crosses": partial(_motifs, "#.#/.#./#.#", 0),
    "rings": partial(_motifs, "###/#.#/###", 0),
}
"""Sixteen classes, in the order of their labels."""
