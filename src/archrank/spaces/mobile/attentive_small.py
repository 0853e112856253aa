"""A space built like AttentiveNAS's for small images: 23 decisions, 1.3e8 networks."""

from __future__ import annotations

from collections.abc import Sequence

from archrank.spaces.images import CIFAR10
from archrank.spaces.mobile.attentive import AttentiveSpace
from archrank.spaces.mobile.attentive_options import SMALL, SMALL_RESOLUTIONS


class AttentiveSmall(AttentiveSpace):
    """Networks built like AttentiveNAS's for images of 8 to 16 pixels.

    First convolution, blocks, shortcuts, squeeze-and-excitation and head are those of
    :class:`~archrank.spaces.AttentiveNAS`, with five stages in place of seven, an eighth of the
    image's side at the end in place of a thirty-second, and fewer channels and blocks. As there,
    images that do not have the resolution are resized to it, bicubically; so a network may look
    at images of 8 pixels at 16. For images of 32 pixels see :func:`attentive_small_32`.

    Args:
        resolutions: options of the resolution.

    Example:
        >>> space = AttentiveSmall()
        >>> f"{space.size:.3g}"
        '1.27e+08'
        >>> ends = space.parse(
        ...     [
        ...         "8:8,8,16,24,40,48,128:11111:33333:12224",
        ...         "16:16,16,24,32,48,64,160:23442:55555:14444",
        ...     ]
        ... )
        >>> space.mflops(ends).round(2).tolist()
        [0.11, 2.04]
    """

    name = "attentive_small"
    supernet_recipe = "attentive_small"
    options = SMALL
    images = CIFAR10
    usual = SMALL_RESOLUTIONS

    def __init__(self, resolutions: Sequence[int] = SMALL_RESOLUTIONS) -> None:
        super().__init__(resolutions)


def attentive_small_32() -> AttentiveSmall:
    """The space for images of 32 pixels, such as CIFAR's: resolutions of 16 to 32."""
    return AttentiveSmall((16, 20, 24, 32))
