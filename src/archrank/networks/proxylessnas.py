"""Networks of the ProxylessNAS space: chains of inverted residual blocks.

Cai, Zhu and Han, "ProxylessNAS: Direct Neural Architecture Search on Target Task and Hardware",
ICLR 2019, with the skeleton of TuNAS (Bender et al., CVPR 2020) that AceNAS searches: stem 3x3 of
stride 2, a depthwise-separable block, the searched blocks, 1x1 convolution, global average pool,
classifier; ReLU6 throughout, no squeeze-and-excitation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor, nn

from archrank.networks.initial_weights import he_by_fan_out

STEM = 32  # channels of the first convolution
FIRST = 16  # channels of the depthwise-separable block
HEAD = 1280  # channels of the last convolution


class Block(NamedTuple):
    """Settings of one inverted residual block."""

    c_out: int
    kernel: int
    expand: int  # hidden channels = expand * input channels
    stride: int


class ConvBNReLU6(nn.Sequential):
    """Convolution without bias, batch norm, ReLU6; an odd size is rounded up at stride 2."""

    def __init__(
        self, c_in: int, c_out: int, kernel: int, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__(
            nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, groups=groups, bias=False),
            nn.BatchNorm2d(c_out, eps=1e-3),
            nn.ReLU6(inplace=True),
        )


class InvertedResidual(nn.Module):
    """Inverted residual block: 1x1 expansion, k x k depthwise, linear 1x1 projection.

    The input is added if it has the shape of the output.
    """

    def __init__(self, c_in: int, block: Block) -> None:
        super().__init__()
        hidden = c_in * block.expand
        self.residual = block.stride == 1 and c_in == block.c_out
        self.main = nn.Sequential(
            *([ConvBNReLU6(c_in, hidden, 1)] if block.expand > 1 else []),
            ConvBNReLU6(hidden, hidden, block.kernel, block.stride, groups=hidden),
            nn.Conv2d(hidden, block.c_out, 1, bias=False),
            nn.BatchNorm2d(block.c_out, eps=1e-3),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (b, c_in, h, w) to (b, c_out, ceil(h / stride), ceil(w / stride))."""
        y: Tensor = self.main(x)
        return x + y if self.residual else y


class ProxylessNASNetwork(nn.Module):
    """Image classifier of inverted residual blocks.

    Args:
        blocks: The searched blocks that are not skipped, in order.
        n_classes: Number of classes, the size of the output.
        in_channels: Channels of the images.
        dropout: Dropout probability before the classifier; AceNAS trains with 0 (90 epochs) and
            0.15 (360 epochs).

    Example:
        >>> network = ProxylessNASNetwork([Block(32, 3, 3, 2)], n_classes=10)
        >>> sum(isinstance(m, InvertedResidual) for m in network.modules())
        2
    """

    def __init__(
        self,
        blocks: Sequence[Block],
        *,
        n_classes: int = 1000,
        in_channels: int = 3,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.stem = ConvBNReLU6(in_channels, STEM, 3, stride=2)
        body, c = [], STEM
        for block in (Block(FIRST, kernel=3, expand=1, stride=1), *blocks):
            body.append(InvertedResidual(c, block))
            c = block.c_out
        self.blocks = nn.Sequential(*body)
        self.mix = ConvBNReLU6(c, HEAD, 1)
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(HEAD, n_classes)
        he_by_fan_out(self)
        nn.init.normal_(self.classifier.weight, std=0.01)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (b, in_channels, h, w) to logits (b, n_classes)."""
        x = self.blocks(self.stem(x))  # (b, 320, h / 32, w / 32)
        x = self.mix(x).mean(dim=(2, 3))  # (b, 1280)
        logits: Tensor = self.classifier(self.dropout(x))  # (b, n_classes)
        return logits
