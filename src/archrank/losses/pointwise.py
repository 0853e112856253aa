"""Losses that compare each score with its own target."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from archrank.losses.checks import checked


def mse(scores: Tensor, targets: Tensor) -> Tensor:
    r"""Mean squared error, :math:`\frac1n \sum_i (s_i - t_i)^2`.

    Example:
        >>> import torch
        >>> mse(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4.0]))
        tensor(2.)
    """
    return functional.mse_loss(scores, checked(scores, targets))


def l1(scores: Tensor, targets: Tensor) -> Tensor:
    r"""Mean absolute error, :math:`\frac1n \sum_i |s_i - t_i|`."""
    return functional.l1_loss(scores, checked(scores, targets))
