"""Average pooling (3x3) with a training step that is fast for few channels on a CPU."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

NARROW = 16  # from this many channels on, torch's channels-last kernel is the faster one


class AvgPool3x3(nn.AvgPool2d):
    """Average over the 3x3 neighbours inside the image, stride 1.

    Equal to ``nn.AvgPool2d(3, 1, 1, count_include_pad=False)`` up to rounding. When training on a
    CPU, tensors with few channels use :class:`_BoxMean`, because torch's kernel is as slow as a
    convolution there, forward and backward.
    """

    def __init__(self) -> None:
        super().__init__(3, stride=1, padding=1, count_include_pad=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (b, c, h, w) to (b, c, h, w)."""
        if self.training and x.device.type == "cpu" and x.shape[1] < NARROW:
            mean: Tensor = _BoxMean.apply(x)  # type: ignore[no-untyped-call]
            return mean
        return super().forward(x)


class _BoxMean(torch.autograd.Function):
    """Function ``box_sum(x) / count``; its gradient is as cheap, as the sum is its own adjoint."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return _box_sum(x).mul_(_weights(x.shape[2], x.shape[3], x.dtype))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return _box_sum(grad * _weights(grad.shape[2], grad.shape[3], grad.dtype))


def _box_sum(x: Tensor) -> Tensor:
    """Sum over 3x3 neighbours, rows first: (b, c, h, w) -> (b, c, h, w)."""
    rows = x.clone()
    rows[:, :, 1:] += x[:, :, :-1]
    rows[:, :, :-1] += x[:, :, 1:]
    both = rows.clone()
    both[..., 1:] += rows[..., :-1]
    both[..., :-1] += rows[..., 1:]
    return both


@lru_cache(maxsize=32)
def _weights(h: int, w: int, dtype: torch.dtype) -> Tensor:
    """Compute one over the number of neighbours inside the image: (h, w)."""
    return 1 / _box_sum(torch.ones(1, 1, h, w, dtype=dtype))[0, 0]
