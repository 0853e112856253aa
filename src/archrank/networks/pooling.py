"""Average pooling (3x3) with a training step that is fast for few channels on a CPU."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

FEW = 16  # pixels up to which a product with a matrix is faster than torch's kernel
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


def pool_by_matrix(x: Tensor) -> Tensor:
    """Average as :class:`AvgPool3x3` does by one product with a matrix: (b, c, h, w) -> same.

    The faster way for images of few pixels on a CPU, up to :data:`FEW` of them, without gradients.
    """
    b, c, h, w = x.shape
    pixels = x.permute(0, 2, 3, 1).reshape(b, h * w, c)  # a view of a channels-last tensor
    pooled = torch.matmul(_matrix(h, w, x.dtype), pixels)  # (b, h w, c)
    return pooled.view(b, h, w, c).permute(0, 3, 1, 2)


@lru_cache(maxsize=32)
def _matrix(h: int, w: int, dtype: torch.dtype) -> Tensor:
    """Compute the share of each pixel in the mean of each neighbourhood: (h w, h w)."""
    with torch.inference_mode(False):
        pixels = torch.eye(h * w, dtype=dtype).view(h * w, 1, h, w)
        return (_box_sum(pixels) * _weights(h, w, dtype)).view(h * w, h * w).T.contiguous()


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
