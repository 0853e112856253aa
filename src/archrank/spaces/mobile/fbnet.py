"""The FBNet space: 22 blocks with nine candidates each, 9^22 = 9.8e20 networks.

Wu et al., "FBNet: Hardware-Aware Efficient ConvNet Design via Differentiable Neural Architecture
Search", CVPR 2019, Tables 1 and 2: kernel 3 or 5, expansion 1, 3 or 6, two groups in the 1x1
convolutions at expansion 1, or the block is skipped. The paper does not say what a skipped block is
where the shape changes; the authors' code and HW-NAS-Bench (Li et al., ICLR 2021) have a 1x1
convolution, batch norm and ReLU there. HW-NAS-Bench's networks are these, too: on CIFAR-100 with
stride 1 in the first convolution and in stage 2, on ImageNet with 1,984 channels at the end.

The authors' code leaves out the expansion at factor 1, the paper and HW-NAS-Bench have it. With it,
FBNet-A has 249.9 million MACs; 249 are printed, and 249.4 listed beside the released network.
FBNet-B and FBNet-C were released with 1,984 channels at the end. In the released definitions blocks
of a kind that Table 2 lacks (``ir_k3_sep``) are commented out; the others, which are here, make 306
and 385 million MACs, where 295.6 and 383.0 are listed.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from archrank.checks import whole
from archrank.spaces.base import Choice
from archrank.spaces.images import IMAGENET, ImageSizes, image_sizes
from archrank.spaces.mobile.chains import BlockChain, Position, positions
from archrank.types import Floats, Ints

if TYPE_CHECKING:
    from torch import nn

    from archrank.networks.blueprint import Blueprint
    from archrank.networks.fbnet import FBNetBlock, FBNetNetwork
    from archrank.supernets.base import Supernet
    from archrank.tasks.base import Task

OPS = (  # order of the paper and of HW-NAS-Bench
    *("k3_e1", "k3_e1_g2", "k3_e3", "k3_e6", "k5_e1", "k5_e1_g2", "k5_e3", "k5_e6", "skip"),
)
SKIP = OPS.index("skip")
KERNEL = np.array([3, 3, 3, 3, 5, 5, 5, 5, 0])
EXPAND = np.array([1, 1, 3, 6, 1, 1, 3, 6, 0])
GROUPS = np.array([1, 2, 1, 1, 1, 2, 1, 1, 0])
STAGES = (  # number, blocks, stride of the first block, width
    (1, 1, 1, 16),
    (2, 4, 2, 24),
    (3, 4, 2, 32),
    (4, 4, 2, 64),
    (5, 4, 1, 112),
    (6, 4, 2, 184),
    (7, 1, 1, 352),
)
SMALL_STAGES = tuple((n, b, 1 if n == 2 else s, w) for n, b, s, w in STAGES)
STEM, HEAD, WIDE_HEAD = 16, 1504, 1984  # channels before and after the searched blocks
VARIANTS = {  # names of the registered spaces by head and small images
    (HEAD, False): "fbnet",
    (WIDE_HEAD, False): "fbnet_wide",
    (HEAD, True): "fbnet_cifar",
}
CIFAR100 = ImageSizes(3, 32, 32, n_classes=100)
NAMED = {
    "FBNet-A": "skip|k3_e3,k3_e1,skip,skip|k5_e6,k3_e3,k5_e1,k3_e3|k5_e6,k5_e3,k5_e1_g2,k5_e6|"
    "k3_e6,k5_e1_g2,k5_e3,k3_e1_g2|k5_e6,k5_e6,k5_e3,k5_e6|k5_e6",
    "FBNet-B": "k3_e1|k3_e6,k5_e1,k3_e1,k3_e1|k5_e6,k5_e3,k3_e6,k5_e6|k5_e6,k5_e6,skip,k5_e3|"
    "k5_e6,k3_e1,k5_e1,k5_e3|k5_e6,k5_e1,k5_e6,k5_e6|k3_e6",
    "FBNet-C": "k3_e1|k3_e6,skip,k3_e1,k3_e1|k5_e6,k5_e3,k5_e6,k3_e6|k5_e6,k5_e3,k5_e6,k5_e6|"
    "k5_e6,k5_e6,k5_e6,k5_e3|k5_e6,k5_e6,k5_e6,k5_e6|k3_e6",
}


class FBNet(BlockChain):
    """The FBNet space, whose blocks may all be skipped.

    MACs count convolutions and the classifier, parameters batch norms too.

    Args:
        head: channels of the last convolution: 1,504 as in Table 1, 1,984 in FBNet-B, FBNet-C and
            HW-NAS-Bench's networks for ImageNet.
        small_images: stride 1 in the first convolution and in stage 2, as HW-NAS-Bench has it for
            the 32 pixels of CIFAR.

    Raises:
        ArgumentError: ``head`` is no positive whole number.

    Example:
        >>> space = FBNet()
        >>> f"{space.size:.3g}"
        '9.85e+20'
        >>> a = space.named("FBNet-A")
        >>> f"{space.cost(a)['macs'][0] / 1e6:.1f}"
        '249.9'
        >>> space.format(a)[0][:22]
        'skip|k3_e3,k3_e1,skip,'
    """

    drawing = "fbnet"
    supernet_options = ("affine", "dropout")
    ops = OPS
    nodes = OPS  # a skipped block may be a convolution
    settings: ClassVar[Mapping[str, Ints]] = {"kernel": KERNEL, "expand": EXPAND, "groups": GROUPS}
    names = NAMED

    def __init__(self, head: int = HEAD, *, small_images: bool = False) -> None:
        self.head = whole(head, "FBNet: head", at_least=1)
        self.small_images = bool(small_images)
        self.name = VARIANTS.get((self.head, self.small_images), "fbnet")
        self.positions = tuple(positions(STEM, SMALL_STAGES if self.small_images else STAGES))
        self.choices = tuple(Choice(p.name, OPS) for p in self.positions)

    @property
    def stem_stride(self) -> int:
        """Stride of the first convolution."""
        return 1 if self.small_images else 2

    def _sizes(self, task: Task | None) -> ImageSizes:
        return image_sizes(task, self.name, CIFAR100 if self.small_images else IMAGENET)

    def _costs(self, sizes: ImageSizes) -> tuple[Floats, Floats]:
        return costs(sizes, self.positions, self.stem_stride, self.head)

    def _build(self, arch: NDArray[np.uint8], sizes: ImageSizes) -> nn.Module:
        return self._blueprint(arch, sizes).build()

    def _blueprint(self, arch: NDArray[np.uint8], sizes: ImageSizes) -> Blueprint[FBNetNetwork]:
        from archrank.networks.blueprint import Blueprint
        from archrank.networks.fbnet import FBNetNetwork

        kept = np.flatnonzero(self.kept(arch[None])[0])
        blocks = [_block(self.positions[j], int(arch[j])) for j in kept]
        return Blueprint(FBNetNetwork, (blocks,), self._options(sizes))

    def _options(self, sizes: ImageSizes) -> dict[str, Any]:
        """Return the options of all networks of these sizes."""
        return {
            "n_classes": sizes.n_classes,
            "in_channels": sizes.channels,
            "head": self.head,
            "stride": self.stem_stride,
        }

    def _supernet(self, sizes: ImageSizes, **options: Any) -> Supernet:
        from archrank.supernets.fbnet import FBNetSupernet

        blocks = [
            (p.c_in, [_block(p, op) for op in range(SKIP if p.keeps_shape else len(OPS))])
            for p in self.positions
        ]
        return FBNetSupernet(
            self,
            blocks=blocks,
            build=lambda arch: self._build(arch, sizes),
            **self._options(sizes),
            **options,
        )

    def fingerprint(self) -> str:
        """Return the name and what can be set."""
        return f"fbnet(head={self.head},small_images={self.small_images})"


def fbnet_wide() -> FBNet:
    """The FBNet space with 1,984 channels at the end, as HW-NAS-Bench has it for ImageNet."""
    return FBNet(WIDE_HEAD)


def fbnet_cifar() -> FBNet:
    """The FBNet space for images of 32 pixels, as HW-NAS-Bench has it for CIFAR-100."""
    return FBNet(small_images=True)


def _block(position: Position, op: int) -> FBNetBlock:
    """Return the settings of operation ``op`` at a place of the chain."""
    from archrank.networks.fbnet import FBNetBlock

    settings = (int(KERNEL[op]), int(EXPAND[op]), int(GROUPS[op]))
    return FBNetBlock(position.width, *settings, position.stride)


@lru_cache(maxsize=8)
def costs(
    sizes: ImageSizes, places: tuple[Position, ...], stem_stride: int, head: int
) -> tuple[Floats, Floats]:
    """Return (MACs, params) of the fixed part ``(2,)``, of every block's options ``(d, 9, 2)``."""
    c_in, h, w = sizes.input_shape
    h, w = _behind(h, stem_stride), _behind(w, stem_stride)
    weights = 9 * c_in * STEM
    fixed = np.array([weights * h * w, weights + 2 * STEM], dtype=np.float64)
    table = np.zeros((len(places), len(OPS), 2))
    for j, place in enumerate(places):
        before = h * w
        h, w = _behind(h, place.stride), _behind(w, place.stride)
        for op in range(SKIP):
            mid, groups = place.c_in * int(EXPAND[op]), int(GROUPS[op])
            first = place.c_in * mid // groups
            inner = mid * int(KERNEL[op]) ** 2 + mid * place.width // groups
            norms = 2 * (mid + mid + place.width)
            table[j, op] = first * before + inner * h * w, first + inner + norms
        if not place.keeps_shape:
            straight = place.c_in * place.width
            table[j, SKIP] = straight * h * w, straight + 2 * place.width
    mix, linear = places[-1].width * head, head * sizes.n_classes
    fixed += [mix * h * w + linear, mix + 2 * head + linear + sizes.n_classes]
    return fixed, table


def _behind(side: int, stride: int) -> int:
    """Return the side of an image behind a convolution; an odd size is rounded up."""
    return (side + stride - 1) // stride
