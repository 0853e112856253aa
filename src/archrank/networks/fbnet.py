"""Networks of the FBNet space: chains of inverted residual blocks with grouped convolutions.

Wu et al., "FBNet: Hardware-Aware Efficient ConvNet Design via Differentiable Neural Architecture
Search", CVPR 2019: stem 3x3, the searched blocks, 1x1 convolution, global average pool, classifier.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor, nn

from archrank.networks.initial_weights import he_by_fan_out

STEM = 16  # channels of the first convolution
HEAD = 1504  # channels of the last convolution


class FBNetBlock(NamedTuple):
    """Settings of one block; a kernel of 0 is a skipped block that changes the shape."""

    c_out: int
    kernel: int
    expand: int  # hidden channels = expand * input channels
    groups: int  # of both 1x1 convolutions
    stride: int


class ConvBNReLU(nn.Sequential):
    """Convolution without bias, batch norm, ReLU; an odd size is rounded up at stride 2."""

    def __init__(
        self, c_in: int, c_out: int, kernel: int, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__(
            nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, groups=groups, bias=False),
            nn.BatchNorm2d(c_out),
            nn.ReLU(inplace=True),
        )


class ChannelShuffle(nn.Module):
    """Order of channels in which every group gets some of each group before it."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, x: Tensor) -> Tensor:
        """Map (b, c, h, w) to the same shape."""
        b, c, h, w = x.shape
        parts = x.reshape(b, self.groups, c // self.groups, h, w)
        return parts.transpose(1, 2).reshape(b, c, h, w)


class FBNetResidual(nn.Module):
    """Inverted residual block: 1x1 expansion, shuffle, k x k depthwise, linear 1x1 projection.

    There is an expansion at factor 1, too. The input is added if it has the shape of the output.
    """

    def __init__(self, c_in: int, block: FBNetBlock) -> None:
        super().__init__()
        hidden, groups = c_in * block.expand, block.groups
        self.residual = block.stride == 1 and c_in == block.c_out
        self.main = nn.Sequential(
            ConvBNReLU(c_in, hidden, 1, groups=groups),
            *([ChannelShuffle(groups)] if groups > 1 else []),
            ConvBNReLU(hidden, hidden, block.kernel, block.stride, groups=hidden),
            nn.Conv2d(hidden, block.c_out, 1, groups=groups, bias=False),
            nn.BatchNorm2d(block.c_out),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (b, c_in, h, w) to (b, c_out, ceil(h / stride), ceil(w / stride))."""
        y: Tensor = self.main(x)
        return x + y if self.residual else y


def fbnet_block(c_in: int, block: FBNetBlock) -> nn.Module:
    """Return a block; a skipped one is a 1x1 convolution to the shape that comes next."""
    if block.kernel == 0:
        return ConvBNReLU(c_in, block.c_out, 1, block.stride)
    return FBNetResidual(c_in, block)


class FBNetNetwork(nn.Module):
    """Image classifier of FBNet's blocks.

    Args:
        blocks: The searched blocks in order, without those that are the identity.
        n_classes: Number of classes, the size of the output.
        in_channels: Channels of the images.
        head: Channels of the last convolution.
        stride: Stride of the first convolution.
        dropout: Dropout probability before the classifier.

    Example:
        >>> network = FBNetNetwork([FBNetBlock(24, 3, 1, 2, 2)], n_classes=10)
        >>> sum(isinstance(m, ChannelShuffle) for m in network.modules())
        1
    """

    def __init__(
        self,
        blocks: Sequence[FBNetBlock],
        *,
        n_classes: int = 1000,
        in_channels: int = 3,
        head: int = HEAD,
        stride: int = 2,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.stem = ConvBNReLU(in_channels, STEM, 3, stride)
        body, c = [], STEM
        for block in blocks:
            body.append(fbnet_block(c, block))
            c = block.c_out
        self.blocks = nn.Sequential(*body)
        self.mix = ConvBNReLU(c, head, 1)
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(head, n_classes)
        he_by_fan_out(self)
        nn.init.normal_(self.classifier.weight, std=0.01)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (b, in_channels, h, w) to logits (b, n_classes)."""
        x = self.blocks(self.stem(x))  # (b, 352, h', w')
        x = self.mix(x).mean(dim=(2, 3))  # (b, head)
        logits: Tensor = self.classifier(self.dropout(x))  # (b, n_classes)
        return logits
