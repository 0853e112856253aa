"""The ProxylessNAS space: 21 inverted residual blocks, 6^6 * 7^15 = 2.2e17 networks.

Cai, Zhu and Han, ICLR 2019, as TuNAS (Bender et al., CVPR 2020) and AceNAS (Zhang et al., 2021)
search it: kernel 3, 5 or 7 and expansion 3 or 6 per block; blocks 2 to 4 of a stage may be skipped.
The first, depthwise-separable block is fixed to kernel 3, as AceNAS has it (TuNAS searches it too).
AceNAS prints 6^5 * 7^16 = 2.58e17 networks; six blocks cannot be skipped, so it is 6^6 * 7^15.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from archrank.errors import SpaceError
from archrank.spaces.base import Choice
from archrank.spaces.images import IMAGENET, ImageSizes, image_sizes
from archrank.spaces.mobile.chains import BlockChain, positions
from archrank.spaces.mobile.tunas import NAMED, checked_numbers, flat_numbers
from archrank.types import Archs, Floats, Ints

if TYPE_CHECKING:
    from torch import nn

    from archrank.networks.blueprint import Blueprint
    from archrank.networks.proxylessnas import Block, ProxylessNASNetwork
    from archrank.supernets.base import Supernet
    from archrank.tasks.base import Task

OPS = ("k3e3", "k3e6", "k5e3", "k5e6", "k7e3", "k7e6", "skip")  # index order of AceNAS
SKIP = OPS.index("skip")
KERNEL = np.array([3, 3, 5, 5, 7, 7, 0])
EXPAND = np.array([3, 6, 3, 6, 3, 6, 0])
STAGES = (  # number, blocks, stride of the first block, width
    (2, 4, 2, 32),
    (3, 4, 2, 40),
    (4, 4, 2, 80),
    (5, 4, 1, 96),
    (6, 4, 2, 192),
    (7, 1, 1, 320),
)
STEM, FIRST, HEAD = 32, 16, 1280  # channels before, at the start of and after the searched blocks
TUNAS = np.array([0, 2, 4, 1, 3, 5, 6], dtype=np.uint8)  # their numbers -> ours

BLOCKS = tuple(positions(FIRST, STAGES))
D = len(BLOCKS)


class ProxylessNAS(BlockChain):
    """Chains of inverted residual blocks.

    MACs count convolutions and the classifier, parameters batch norms too; at 224 pixels
    ProxylessNAS-mobile has 320 million MACs.

    Example:
        >>> space = ProxylessNAS()
        >>> f"{space.size:.4g}"
        '2.215e+17'
        >>> space.format(space.named("ProxylessNAS-mobile"))[0][:34]
        'k5e3,k3e3,skip,skip|k7e3,k3e3,k5e3'
    """

    name = "proxylessnas"
    drawing = "proxylessnas"
    supernet_options = ("affine", "dropout")
    ops = OPS
    nodes = OPS[:SKIP]
    settings: ClassVar[Mapping[str, Ints]] = {"kernel": KERNEL, "expand": EXPAND}
    positions = BLOCKS
    names = NAMED
    choices = tuple(Choice(p.name, OPS if p.keeps_shape else OPS[:SKIP]) for p in BLOCKS)

    # ---- sampling and identity -----------------------------------------------------------------

    def sample(self, n: int, *, rng: np.random.Generator, skip: float | None = None) -> Archs:
        """Draw ``n`` architectures: ``(n, 21)``.

        Args:
            n: how many.
            rng: draws them.
            skip: probability that a block is skipped which may be, the other operations sharing
                the rest; 0.5 in AceNAS's supernet. ``None``: all options alike, 1/7.

        Raises:
            SpaceError: ``skip`` is no probability.
        """
        if skip is not None and not 0 <= skip <= 1:
            raise SpaceError(f"skip is a probability, got {skip}")
        archs = super().sample(n, rng=rng)
        if skip is not None:
            kept = np.where(archs == SKIP, rng.integers(SKIP, size=archs.shape), archs)
            skips = (self.radices > SKIP) & (rng.random(archs.shape) < skip)
            archs = np.where(skips, SKIP, kept)
        return archs.astype(np.uint8)

    # ---- strings -------------------------------------------------------------------------------

    def _row(self, given: str, n: int) -> Sequence[int] | NDArray[np.generic]:
        """Read index strings of TuNAS, too."""
        text = self.names.get(given.strip(), given.strip())
        return TUNAS[flat_numbers(text, n)] if ":" in text else super()._row(given, n)

    def from_tunas(self, ids: NDArray[np.generic]) -> Archs:
        """Convert TuNAS's flat operation numbers ``(n, 21)``, which have another order.

        Raises:
            ArchitectureError: wrong shape, a number out of range, a skip where none is allowed.
        """
        rows: Archs = TUNAS[checked_numbers(np.asarray(ids))]
        self._refuse_skips(rows)
        return rows

    def to_tunas(self, archs: Archs) -> Archs:
        """Inverse of :meth:`from_tunas`: ``(n, 21)``."""
        ids: Archs = np.argsort(TUNAS).astype(np.uint8)[archs]
        return ids

    # ---- networks ------------------------------------------------------------------------------

    def _sizes(self, task: Task | None) -> ImageSizes:
        return image_sizes(task, self.name, IMAGENET)

    def _costs(self, sizes: ImageSizes) -> tuple[Floats, Floats]:
        return costs(sizes)

    def _build(self, arch: NDArray[np.uint8], sizes: ImageSizes) -> nn.Module:
        return self._blueprint(arch, sizes).build()

    def _blueprint(
        self, arch: NDArray[np.uint8], sizes: ImageSizes
    ) -> Blueprint[ProxylessNASNetwork]:
        from archrank.networks.blueprint import Blueprint
        from archrank.networks.proxylessnas import ProxylessNASNetwork

        blocks = [_block(j, op) for j, op in enumerate(arch.tolist()) if op != SKIP]
        options = {"n_classes": sizes.n_classes, "in_channels": sizes.channels}
        return Blueprint(ProxylessNASNetwork, (blocks,), options)

    def _supernet(self, sizes: ImageSizes, **options: Any) -> Supernet:
        from archrank.supernets.proxylessnas import ProxylessNASSupernet

        return ProxylessNASSupernet(
            self,
            blocks=[
                (c, [_block(j, op) for op in range(SKIP)]) for j, (_, _, c, *_) in enumerate(BLOCKS)
            ],
            build=lambda arch: self._build(arch, sizes),
            n_classes=sizes.n_classes,
            in_channels=sizes.channels,
            **options,
        )

    def fingerprint(self) -> str:
        """Return the name: nothing else can be chosen."""
        return self.name


def _block(j: int, op: int) -> Block:
    """Return the settings of operation ``op`` of block ``j``."""
    from archrank.networks.proxylessnas import Block

    _, _, _, width, stride = BLOCKS[j]
    return Block(width, int(KERNEL[op]), int(EXPAND[op]), stride)


@lru_cache(maxsize=4)
def costs(sizes: ImageSizes) -> tuple[Floats, Floats]:
    """Return (MACs, params) of the fixed part ``(2,)``, of every block's options ``(d, 7, 2)``."""
    c_in, h, w = sizes.input_shape
    h, w = (h + 1) // 2, (w + 1) // 2  # an odd size is rounded up
    stem, depthwise, pointwise = 9 * c_in * STEM, 9 * STEM, STEM * FIRST
    weights = stem + depthwise + pointwise
    fixed = np.array([weights * h * w, weights + 2 * (STEM + STEM + FIRST)], dtype=np.float64)
    table = np.zeros((D, len(OPS), 2))
    for j, (_, _, c, width, stride) in enumerate(BLOCKS):
        before = h * w
        h, w = (h + stride - 1) // stride, (w + stride - 1) // stride
        for op in range(SKIP):
            mid = c * int(EXPAND[op])
            inner = mid * int(KERNEL[op]) ** 2 + mid * width
            table[j, op] = (
                c * mid * before + inner * h * w,
                c * mid + inner + 2 * (mid + mid + width),
            )
    mix, linear = width * HEAD, HEAD * sizes.n_classes
    fixed += [mix * h * w + linear, mix + 2 * HEAD + linear + sizes.n_classes]
    return fixed, table
