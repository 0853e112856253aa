"""Operations on the edges of cell spaces, by their published names.

Every operation keeps the shape: (b, c, h, w) -> (b, c, h, w). Definitions of NAS-Bench-201 (Dong
and Yang, ICLR 2020, section 2.1): convolutions are pre-activated, ReLU-Conv-BN, and nothing follows
the batch norm; pooling divides by the pixels inside the image and has no batch norm.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from archrank.errors import UnknownNameError
from archrank.networks.pooling import AvgPool3x3


class Zero(nn.Module):
    """Absent edge: zeros of the input's shape."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (b, c, h, w) to (b, c, h, w)."""
        return torch.zeros_like(x)


class ReLUConvBN(nn.Sequential):
    """ReLU, convolution without bias, batch norm; the padding keeps the size at stride 1."""

    def __init__(self, c_in: int, c_out: int, kernel: int, stride: int = 1) -> None:
        super().__init__(
            nn.ReLU(),  # not in place: the input is a node that other edges read too
            nn.Conv2d(c_in, c_out, kernel, stride, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(c_out),
        )


OPERATIONS: dict[str, Callable[[int], nn.Module]] = {
    "none": lambda c: Zero(),
    "skip_connect": lambda c: nn.Identity(),
    "nor_conv_1x1": lambda c: ReLUConvBN(c, c, kernel=1),
    "nor_conv_3x3": lambda c: ReLUConvBN(c, c, kernel=3),
    "avg_pool_3x3": lambda c: AvgPool3x3(),
}
"""Name -> function of the number of channels that makes the module."""


def operation(name: str, channels: int) -> nn.Module:
    """Make the operation called ``name`` for ``channels`` channels.

    Raises:
        UnknownNameError: No operation has this name.
    """
    if name not in OPERATIONS:
        raise UnknownNameError("operation", name, OPERATIONS)
    return OPERATIONS[name](channels)
