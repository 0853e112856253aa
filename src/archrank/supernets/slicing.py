"""Layers of which an architecture uses the first channels: run in place, or copied out.

A narrow architecture takes the first output channels and the first input channels of each weight,
and the scale and shift of the first channels of a batch norm, as AceNAS slices NAS-Bench-101 and
the NDS spaces. A smaller kernel is the centre of a larger one, as in AttentiveNAS. Layers of
Transformers are run in place by :mod:`archrank.networks.first_features`. Where several
architectures make one update, a sliced weight's gradient is divided by how many of them used any of
its channels, not channel by channel.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from archrank.errors import SettingsError
from archrank.networks.attention import CENTRED
from archrank.networks.attentivenas import SqueezeExcite, make_divisible
from archrank.networks.first_features import centre_rows
from archrank.networks.nds_operations import FactorizedReduce, reduce_factorized
from archrank.supernets.statistics import at_least_float32


def run_first(module: nn.Module, x: Tensor, channels: int, kernel: int | None = None) -> Tensor:
    """Run a module that has more channels than are wanted, with gradients for the slice alone.

    Args:
        module: a convolution (depthwise or without groups), a batch norm that normalises by the
            batch, squeeze-and-excitation, a sequence of these, or a module without weights.
        x: ``(b, c_in, h, w)``, the first channels of what the whole module takes.
        channels: channels of the output.
        kernel: size of depthwise kernels, of which the centre is taken; ``None``: whole ones.

    Returns:
        ``(b, channels, h', w')``.
    """
    if isinstance(module, nn.Sequential):
        for layer in module:
            x = run_first(layer, x, channels, kernel)
        return x
    if isinstance(module, nn.Conv2d):
        weight: Tensor = module.weight
        if kernel is not None and module.groups > 1:
            weight = _centre(weight, (kernel, kernel))
        elif (module.in_channels, module.out_channels) == (x.shape[1], channels):
            return module(x)  # type: ignore[no-any-return]
        return convolve(module, x, weight[:channels, : x.shape[1] // _groups(module, x)])
    if isinstance(module, SqueezeExcite):
        return _squeeze_excite(module, x)
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


def pointwise(module: nn.Module, x: Tensor, channels: int) -> Tensor:
    """Run a 1x1 convolution as a matrix product, with its first input and output channels.

    On CPUs oneDNN compiles a kernel for every new shape and keeps 1,024 of them, fewer than an
    elastic supernet has shapes; a product has none. Fast for channels-last inputs.

    Args:
        module: of stride 1, without groups.
        x: ``(b, c_in, h, w)``, the first channels of what the whole module takes.
        channels: channels of the output.

    Returns:
        ``(b, channels, h, w)``.
    """
    assert isinstance(module, nn.Conv2d)
    bias = None if module.bias is None else module.bias[:channels]
    weight = module.weight.flatten(1)[:channels, : x.shape[1]]
    return nn.functional.linear(x.permute(0, 2, 3, 1), weight, bias).permute(0, 3, 1, 2)


def convolve(module: nn.Conv2d, x: Tensor, weight: Tensor) -> Tensor:
    """Convolve ``x`` as ``module`` does, with part of its ``weight``, and as much of its bias."""
    bias = None if module.bias is None else module.bias[: len(weight)]
    padding = module.padding
    if weight.shape[-2:] != module.weight.shape[-2:]:  # the centre of square kernels
        cut = (module.weight.shape[-1] - weight.shape[-1]) // 2
        padding = tuple(int(p) - cut for p in module.padding)
    return nn.functional.conv2d(
        x, weight, bias, module.stride, padding, module.dilation, _groups(module, x)
    )


def _centre(weight: Tensor, kernel: Sequence[int]) -> Tensor:
    """Return the centre of kernels: (c_out, c_in, k, k') -> (c_out, c_in, *kernel)."""
    tall, wide = kernel
    top, left = (weight.shape[-2] - tall) // 2, (weight.shape[-1] - wide) // 2
    return weight[..., top : top + tall, left : left + wide]


def _squeeze_excite(module: SqueezeExcite, x: Tensor) -> Tensor:
    """Scale channels as ``module`` does, with its first channels, inner ones included."""
    squeeze, relu, excite, gate = module.gate
    channels = x.shape[1]
    means = x.mean(dim=(2, 3), keepdim=True)  # (b, c, 1, 1)
    inner = relu(pointwise(squeeze, means, make_divisible(channels // 4)))
    scale: Tensor = gate(pointwise(excite, inner, channels))
    return x * scale


def normalise(norm: _BatchNorm, x: Tensor) -> Tensor:
    """Normalise ``x: (b, c, h, w)`` by the batch, with scale and shift of the first ``c``.

    Raises:
        SettingsError: the batch has one number per channel.
    """
    channels = x.shape[1]
    if x.numel() == channels:
        raise SettingsError(
            "batch norms of a supernet normalise by the batch, and one example of one pixel has "
            "nothing to normalise by; take batches of at least 2 examples"
        )
    if norm.num_features == channels:
        return norm(x)  # type: ignore[no-any-return]
    scale, shift = (None if p is None else p[:channels] for p in (norm.weight, norm.bias))
    if scale is None:
        x = at_least_float32(x)
    return nn.functional.batch_norm(x, None, None, scale, shift, True, 0.0, norm.eps)


@torch.no_grad()
def copy_first(source: nn.Module, target: nn.Module) -> None:
    """Give ``target`` the first channels of ``source``, which has weights of the same names.

    Smaller kernels get the centre of larger ones, and so do tables of relative positions.
    """
    for name, weight in target.named_parameters():
        whole: Tensor = source.get_parameter(name)
        if weight.dim() == 4:
            whole = _centre(whole, weight.shape[-2:])
        elif name.rpartition(".")[2] in CENTRED:
            whole = centre_rows(whole, len(weight))
        weight.copy_(whole[tuple(map(slice, weight.shape))])
