"""Networks of the AttentiveNAS space.

Wang et al., "AttentiveNAS: Improving Neural Architecture Search via Attentive Sampling", CVPR 2021,
Table 2 and the released code: inverted residual blocks with swish, squeeze-and-excitation in some
stages, a shortcut around every block, and the head of MobileNetV3 (global average pooling before
the last convolution). Images are resized to the network's resolution in its forward pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from archrank.networks.initial_weights import he_by_fan_out

HEAD_EXPAND = 6  # the head first widens the last stage by this


class Stage(NamedTuple):
    """Stage of equal blocks; only the first one has the stride."""

    width: int
    depth: int
    kernel: int
    expand: int
    stride: int
    se: bool


class Settings(NamedTuple):
    """Settings of a whole network: the first arguments of :class:`AttentiveNASNetwork`."""

    resolution: int
    first: int
    stages: tuple[Stage, ...]
    last: int


def make_divisible(channels: float, divisor: int = 8) -> int:
    """Round to the nearest multiple of ``divisor`` that is at least 90 % of ``channels``.

    >>> make_divisible(30), make_divisible(11)
    (32, 16)
    """
    nearest = max(1, int(channels + divisor / 2) // divisor * divisor)
    return nearest + divisor if nearest < 0.9 * channels else nearest


class SqueezeExcite(nn.Module):
    """Scale channels by a function of their means: 1x1, ReLU, 1x1, hard sigmoid."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        mid = make_divisible(channels // 4)
        self.gate = nn.Sequential(
            nn.Conv2d(channels, mid, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(mid, channels, 1),
            nn.Hardsigmoid(inplace=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (b, c, h, w) to (b, c, h, w)."""
        gate: Tensor = self.gate(x.mean(dim=(2, 3), keepdim=True))  # (b, c, 1, 1)
        return x * gate


class Shortcut(nn.Module):
    """Shortcut: average pooling if the stride is 2, a 1x1 convolution if the channels change."""

    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.project = nn.Identity() if c_in == c_out else nn.Conv2d(c_in, c_out, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (b, c_in, h, w) to (b, c_out, ceil(h / stride), ceil(w / stride))."""
        projected: Tensor = self.project(self.pool(x))
        return projected

    def pool(self, x: Tensor) -> Tensor:
        """Map (b, c_in, h, w) to (b, c_in, ceil(h / stride), ceil(w / stride))."""
        if self.stride == 1:
            return x
        # An odd size is padded, and the zeros are averaged in, as published.
        return avg_pool2d(x, self.stride, padding=x.shape[-1] % 2)


class Block(nn.Module):
    """Inverted residual block: 1x1 expansion, k x k depthwise, squeeze-excitation, 1x1 projection.

    The shortcut is added to the projection.

    Args:
        c_in: Input channels.
        stage: Settings of the block; the depth is not used.
        stride: Stride of this block.
        drop: Probability that a training sample skips the block (drop-connect); only used if the
            shortcut is the identity.
    """

    def __init__(self, c_in: int, stage: Stage, stride: int, drop: float = 0.0) -> None:
        super().__init__()
        mid = make_divisible(c_in * stage.expand)
        layers: list[nn.Module] = []
        if stage.expand > 1:
            layers = [nn.Conv2d(c_in, mid, 1, bias=False), nn.BatchNorm2d(mid), _swish()]
        pad = stage.kernel // 2
        layers += [
            nn.Conv2d(mid, mid, stage.kernel, stride, pad, groups=mid, bias=False),
            nn.BatchNorm2d(mid),
            _swish(),
            *([SqueezeExcite(mid)] if stage.se else []),
            nn.Conv2d(mid, stage.width, 1, bias=False),
            nn.BatchNorm2d(stage.width),
        ]
        self.main = nn.Sequential(*layers)
        self.shortcut = Shortcut(c_in, stage.width, stride)
        self.drop = drop if stride == 1 and c_in == stage.width else 0.0

    def forward(self, x: Tensor) -> Tensor:
        """Map (b, c_in, h, w) to (b, c_out, ceil(h / stride), ceil(w / stride))."""
        y: Tensor = self.main(x)
        if self.training and self.drop > 0:
            y = drop_examples(y, self.drop)
        total: Tensor = y + self.shortcut(x)
        return total


def drop_examples(y: Tensor, rate: float) -> Tensor:
    """Set examples of ``y: (b, c, h, w)`` to 0 with probability ``rate``; the mean stays."""
    kept = y.new_empty(len(y), 1, 1, 1).bernoulli_(1 - rate)  # (b, 1, 1, 1)
    return y * kept / (1 - rate)


def drop_rates(depths: Sequence[int], rate: float) -> list[float]:
    """Return the drop-connect probability of every block, as AttentiveNAS trains its largest.

    It grows linearly with the block's place in the network, and is 0 before the last two stages.

    Args:
        depths: blocks of each stage.
        rate: probability of the block that would come after the last one.
    """
    stages = [k for k, depth in enumerate(depths) for _ in range(depth)]
    return [
        rate * place / len(stages) if k >= len(depths) - 2 else 0.0
        for place, k in enumerate(stages)
    ]


def resize(x: Tensor, resolution: int) -> Tensor:
    """Resize images ``(b, c, h, w)`` bicubically to ``(b, c, resolution, resolution)``."""
    if x.shape[-2:] == (resolution, resolution):
        return x
    return interpolate(x, size=(resolution, resolution), mode="bicubic")


def _swish() -> nn.Module:
    return nn.SiLU(inplace=True)


class AttentiveNASNetwork(nn.Module):
    """Image classifier of the AttentiveNAS space.

    Args:
        resolution: Height and width in pixels to which other images are resized (bicubically).
        first: Channels of the first convolution.
        stages: The searched stages, in order.
        last: Channels of the last convolution.
        n_classes: Number of classes, the size of the output.
        in_channels: Channels of the images.
        dropout: Dropout probability before the classifier; AttentiveNAS trains its largest network
            with 0.2.
        drop_connect: Drop-connect probability of the deepest block; it grows linearly with depth
            and is used in the last two stages only. AttentiveNAS trains its largest network with
            0.2.

    Example:
        >>> stage = Stage(width=16, depth=2, kernel=3, expand=4, stride=2, se=True)
        >>> network = AttentiveNASNetwork(32, 16, [stage], last=64, n_classes=10)
        >>> len(network.blocks)
        2
    """

    def __init__(
        self,
        resolution: int,
        first: int,
        stages: Sequence[Stage],
        last: int,
        *,
        n_classes: int = 1000,
        in_channels: int = 3,
        dropout: float = 0.0,
        drop_connect: float = 0.0,
    ) -> None:
        super().__init__()
        self.resolution = resolution
        self.first = _conv(in_channels, first, kernel=3, stride=2)
        rates = iter(drop_rates([stage.depth for stage in stages], drop_connect))
        blocks, c = [], first
        for stage in stages:
            for j in range(stage.depth):
                blocks.append(Block(c, stage, stage.stride if j == 0 else 1, next(rates)))
                c = stage.width
        self.blocks = nn.Sequential(*blocks)
        wide = c * HEAD_EXPAND
        self.widen = _conv(c, wide, kernel=1)
        self.last = nn.Sequential(nn.Conv2d(wide, last, 1, bias=False), _swish())  # no batch norm
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(last, n_classes)
        he_by_fan_out(self)
        nn.init.normal_(self.classifier.weight, std=0.01)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (b, in_channels, h, w) to logits (b, n_classes)."""
        x = self.first(resize(x, self.resolution))  # (b, first, r / 2, r / 2)
        x = self.blocks(x)  # (b, width of the last stage, r / 32, r / 32) as published
        x = self.widen(x).mean(dim=(2, 3), keepdim=True)  # (b, 6 width, 1, 1)
        x = self.last(x).flatten(1)  # (b, last)
        logits: Tensor = self.classifier(self.dropout(x))  # (b, n_classes)
        return logits


def _conv(c_in: int, c_out: int, kernel: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(c_out),
        _swish(),
    )
