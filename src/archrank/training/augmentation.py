"""Augmentation of whole batches of image tensors, driven by a generator that is passed in."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from archrank.tasks.base import Recipe


def augment(x: Tensor, recipe: Recipe, generator: torch.Generator) -> Tensor:
    """Shift, flip and add noise as the recipe says: (b, c, h, w) -> (b, c, h, w), a new tensor."""
    if recipe.shift > 0:
        x = random_shift(x, recipe.shift, generator)
    if recipe.flip:
        x = random_flip(x, generator)
    if recipe.noise > 0:
        # Drawn in memory order, b h w c, so that x and the noise have one layout and add fast.
        b, c, h, w = x.shape
        noise = torch.randn((b, h, w, c), generator=generator, device=x.device)
        x = x + recipe.noise * noise.permute(0, 3, 1, 2)
    return x


def random_shift(x: Tensor, pixels: int, generator: torch.Generator) -> Tensor:
    """Move each image by up to ``pixels`` along both axes: a random crop of the zero-padded image.

    Args:
        x: (b, c, h, w).
        pixels: The largest shift.
        generator: On the device of ``x``.

    Returns:
        (b, c, h, w), channels-last in memory.
    """
    b, _, h, w = x.shape
    padded = pad(x, [pixels] * 4).permute(0, 2, 3, 1)  # (b, h + 2p, w + 2p, c)
    top, left = torch.randint(
        2 * pixels + 1, (2, b, 1), generator=generator, device=x.device
    )  # (b, 1) each
    rows = top + torch.arange(h, device=x.device)  # (b, h)
    columns = left + torch.arange(w, device=x.device)  # (b, w)
    image = torch.arange(b, device=x.device)[:, None, None]  # (b, 1, 1)
    moved = padded[image, rows[:, :, None], columns[:, None, :]]  # (b, h, w, c)
    return moved.permute(0, 3, 1, 2)


def random_flip(x: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror each image left to right with probability 1/2: (b, c, h, w) -> (b, c, h, w)."""
    coin = torch.rand((len(x), 1, 1, 1), generator=generator, device=x.device) < 0.5
    return torch.where(coin, x.flip(3), x)
