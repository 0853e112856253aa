"""Operations of NDS cells, by their published names.

Radosavovic et al., "On Network Design Spaces for Visual Recognition", ICCV 2019, and the model code
released with it (adapted from DARTS). All take ``(b, c, h, w)`` to ``(b, c, h', w')`` with
``h' = ceil(h / stride)``. Convolutions start with a ReLU and have no bias.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from archrank.errors import UnknownNameError
from archrank.networks.operations import ReLUConvBN


class Zero(nn.Module):
    """Absent edge: zeros of the strided shape."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """Map (b, c, h, w) to (b, c, ceil(h / stride), ceil(w / stride))."""
        return torch.zeros_like(x[:, :, :: self.stride, :: self.stride])


class FactorizedReduce(nn.Module):
    """Reduction by two concatenated 1x1 convolutions of stride 2, one shifted by a pixel."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.even = nn.Conv2d(c_in, c_out - c_out // 2, 1, stride=2, bias=False)
        self.odd = nn.Conv2d(c_in, c_out // 2, 1, stride=2, bias=False)
        self.norm = nn.BatchNorm2d(c_out)

    def forward(self, x: Tensor) -> Tensor:
        """Map (b, c_in, h, w) to (b, c_out, ceil(h / 2), ceil(w / 2))."""
        out: Tensor = self.norm(reduce_factorized(x, self.even, self.odd))
        return out


def reduce_factorized(
    x: Tensor, even: Callable[[Tensor], Tensor], odd: Callable[[Tensor], Tensor]
) -> Tensor:
    """Concatenate two reductions of the rectified ``x``, ``odd`` of ``x`` shifted by a pixel."""
    x = x.relu()
    shifted = nn.functional.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]  # (b, c_in, h, w)
    return torch.cat([even(x), odd(shifted)], dim=1)


def _separable(c: int, stride: int, *, kernel: int, dilation: int = 1, twice: bool) -> nn.Module:
    """Make ReLU, depthwise and 1x1 convolution, batch norm; ``twice`` repeats them at stride 1."""
    layers: list[nn.Module] = []
    for s in (stride, 1) if twice else (stride,):
        pad = dilation * (kernel // 2)
        layers += [
            nn.ReLU(),
            nn.Conv2d(c, c, kernel, s, pad, dilation=dilation, groups=c, bias=False),
            nn.Conv2d(c, c, 1, bias=False),
            nn.BatchNorm2d(c),
        ]
    return nn.Sequential(*layers)


def _factorized(c: int, stride: int, *, kernel: int) -> nn.Module:
    """Make ReLU, 1 x k and k x 1 convolutions with nothing between them, batch norm."""
    pad = kernel // 2
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(c, c, (1, kernel), (1, stride), (0, pad), bias=False),
        nn.Conv2d(c, c, (kernel, 1), (stride, 1), (pad, 0), bias=False),
        nn.BatchNorm2d(c),
    )


def _max_pool(c: int, stride: int, *, kernel: int) -> nn.Module:
    return nn.MaxPool2d(kernel, stride, kernel // 2)


OPERATIONS: dict[str, Callable[[int, int], nn.Module]] = {
    "none": lambda c, stride: Zero(stride),
    "skip_connect": lambda c, stride: nn.Identity() if stride == 1 else FactorizedReduce(c, c),
    "avg_pool_3x3": lambda c, stride: nn.AvgPool2d(3, stride, 1, count_include_pad=False),
    "max_pool_3x3": partial(_max_pool, kernel=3),
    "max_pool_5x5": partial(_max_pool, kernel=5),
    "max_pool_7x7": partial(_max_pool, kernel=7),
    "conv_1x1": lambda c, stride: ReLUConvBN(c, c, 1, stride),
    "conv_3x3": lambda c, stride: ReLUConvBN(c, c, 3, stride),
    "conv_3x1_1x3": partial(_factorized, kernel=3),
    "conv_7x1_1x7": partial(_factorized, kernel=7),
    "sep_conv_3x3": partial(_separable, kernel=3, twice=True),
    "sep_conv_5x5": partial(_separable, kernel=5, twice=True),
    "sep_conv_7x7": partial(_separable, kernel=7, twice=True),
    "dil_conv_3x3": partial(_separable, kernel=3, dilation=2, twice=False),
    "dil_conv_5x5": partial(_separable, kernel=5, dilation=2, twice=False),
    "dil_sep_conv_3x3": partial(_separable, kernel=3, dilation=2, twice=True),
}
"""Name -> function of channels and stride that makes the module."""


def operation(name: str, channels: int, stride: int) -> nn.Module:
    """Make the operation called ``name``.

    Raises:
        UnknownNameError: No operation has this name.
    """
    if name not in OPERATIONS:
        raise UnknownNameError("operation", name, OPERATIONS)
    return OPERATIONS[name](channels, stride)
