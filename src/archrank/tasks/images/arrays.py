"""Conversion of NumPy arrays to the tensors of a split, shared by all loaders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from archrank.tasks.base import Split


def to_split(images: NDArray[Any], labels: NDArray[Any]) -> Split:
    """Convert images (b, c, h, w) and labels (b,) to contiguous float32 and int64 tensors."""
    import torch

    from archrank.tasks.base import Split

    return Split(
        torch.from_numpy(np.ascontiguousarray(images, dtype=np.float32)),
        torch.from_numpy(np.ascontiguousarray(labels, dtype=np.int64)),
    )


def standardize(images: NDArray[Any], mean: Any, std: Any) -> NDArray[np.float32]:
    """Return ``(images - mean) / std`` per channel: (b, c, h, w) -> the same in float32."""
    shift = np.asarray(mean, dtype=np.float32).reshape(-1, 1, 1)
    scale = np.asarray(std, dtype=np.float32).reshape(-1, 1, 1)
    x = images.astype(np.float32)
    x -= shift  # in place: CIFAR's 50,000 images are 600 MB
    x /= scale
    return x


def noisy_copies(split: Split, copies: int, noise: float, seed: int) -> Split:
    """Repeat a split ``copies`` times, each with its own frozen Gaussian pixel noise.

    One draw of the noise per image leaves the metric as coarse as the split is small; several
    draws cost only inference and narrow the gap between two training seeds.

    Args:
        split: ``x`` (b, c, h, w).
        copies: Number of times each image appears.
        noise: Standard deviation, in units of ``split.x``.
        seed: Seed of the noise.

    Returns:
        ``x`` (copies * b, c, h, w), copies one after the other.
    """
    import torch

    from archrank.tasks.base import Split

    (images,) = split.inputs
    x = images.repeat(copies, 1, 1, 1)  # (copies * b, c, h, w)
    if noise > 0:
        generator = torch.Generator().manual_seed(seed)
        x = x + noise * torch.randn(x.shape, generator=generator)
    return Split(x, split.y.repeat(copies))
