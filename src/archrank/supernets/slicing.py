"""Layers of which an architecture uses the first channels: run in place, or copied out.

A narrow architecture takes the first output channels and the first input channels of each weight,
and the scale and shift of the first channels of a batch norm, as AceNAS slices NAS-Bench-101 and
the NDS spaces. Where several architectures make one update, a sliced weight's gradient is divided
by how many of them used any of its channels, not channel by channel.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from archrank.networks.nds_operations import FactorizedReduce, reduce_factorized
from archrank.supernets.statistics import at_least_float32


def run_first(module: nn.Module, x: Tensor, channels: int) -> Tensor:
    """Run a module that has more channels than are wanted, with gradients for the slice alone.

    Args:
        module: a convolution (depthwise or without groups), a batch norm that normalises by the
            batch, a sequence of these, or a module without weights.
        x: ``(b, c_in, h, w)``, the first channels of what the whole module takes.
        channels: of the output.

    Returns:
        ``(b, channels, h', w')``.
    """
    if isinstance(module, nn.Sequential):
        for layer in module:
            x = run_first(layer, x, channels)
        return x
    if isinstance(module, nn.Conv2d):
        if (module.in_channels, module.out_channels) == (x.shape[1], channels):
            return module(x)  # type: ignore[no-any-return]
        return convolve(module, x, module.weight[:channels, : x.shape[1] // _groups(module, x)])
    if isinstance(module, _BatchNorm):
        return normalise(module, x)
    if isinstance(module, FactorizedReduce):
        odd = channels // 2
        joined = reduce_factorized(
            x,
            lambda x: run_first(module.even, x, channels - odd),
            lambda x: run_first(module.odd, x, odd),
        )
        return normalise(module.norm, joined)
    outputs: Tensor = module(x)
    return outputs


def _groups(module: nn.Conv2d, x: Tensor) -> int:
    """Number of groups of a sliced convolution; a depthwise one has one channel in each."""
    return 1 if module.groups == 1 else x.shape[1]


def convolve(module: nn.Conv2d, x: Tensor, weight: Tensor) -> Tensor:
    """Convolve ``x`` as ``module`` does, with part of its ``weight``; there is no bias."""
    return nn.functional.conv2d(
        x, weight, None, module.stride, module.padding, module.dilation, _groups(module, x)
    )


def normalise(norm: _BatchNorm, x: Tensor) -> Tensor:
    """Normalise ``x: (b, c, h, w)`` by the batch, with scale and shift of the first ``c``."""
    channels = x.shape[1]
    if norm.num_features == channels:
        return norm(x)  # type: ignore[no-any-return]
    scale, shift = (None if p is None else p[:channels] for p in (norm.weight, norm.bias))
    if scale is None:
        x = at_least_float32(x)
    return nn.functional.batch_norm(x, None, None, scale, shift, True, 0.0, norm.eps)


@torch.no_grad()
def copy_first(source: nn.Module, target: nn.Module) -> None:
    """Give ``target`` the first channels of ``source``, which has weights of the same names."""
    for name, weight in target.named_parameters():
        weight.copy_(source.get_parameter(name)[tuple(map(slice, weight.shape))])
