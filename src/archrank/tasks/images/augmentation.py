"""Augmentation of whole batches of images, driven by a generator that is passed in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True)
class Augmentation:
    """Random changes of training images.

    Attributes:
        noise: Standard deviation of Gaussian noise added to every pixel.
        shift: Largest translation along both axes in pixels; what moves in is zero.
        flip: Mirror half of the images left to right.
    """

    noise: float = 0.0
    shift: int = 0
    flip: bool = False

    def __call__(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Shift, flip and add noise: (b, c, h, w) -> (b, c, h, w); ``x`` itself stays."""
        import torch

        if self.shift > 0:
            x = random_shift(x, self.shift, generator)
        if self.flip:
            x = random_flip(x, generator)
        if self.noise > 0:
            # Drawn in memory order, b h w c, so that x and the noise have one layout and add fast.
            b, c, h, w = x.shape
            noise = torch.randn((b, h, w, c), generator=generator, device=x.device)
            x = x + self.noise * noise.permute(0, 3, 1, 2)
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
    import torch
    from torch.nn.functional import pad

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
    import torch

    coin = torch.rand((len(x), 1, 1, 1), generator=generator, device=x.device) < 0.5
    return torch.where(coin, x.flip(3), x)
