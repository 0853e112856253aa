"""Order of images and convolution weights in memory: channels last where that is safe and faster.

Channels-last tensors make training of convolutions up to 1.6 times as fast. One kind of layer must
not meet them: on processors with AVX2 but without AVX-512, oneDNN (in torch 2.13.0 and 2.14.1)
takes the gradient of the weights of a strided 1x1 convolution with fewer than 8 input channels, one
vector of numbers, by writing beyond its buffer, which ends the process. The limits were found by
1,600 random convolutions, each in a process of its own: kernels of other sizes, stride 1,
transposed convolutions and the default layout did no harm.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor, nn

Layout: TypeAlias = Callable[[Tensor], Tensor]
"""Returns the same numbers in another order in memory: :func:`channels_last` or :func:`default`."""

VECTOR = 8  # numbers that AVX2 handles at once
LEAST = "least_in_channels"
"""Attribute of convolutions that are sliced: the fewest input channels they run with."""
KNOWN = ("archrank.", "torch.nn.modules.")  # modules whose layers call nothing else


def layout_of(network: nn.Module) -> Layout:
    """Return the layout in which ``network`` is trained, the same on every processor.

    Networks of archrank's and torch's layers alone are laid out channels-last, unless one of their
    convolutions is unsafe so. A network with any other layer runs in torch's default layout: nobody
    knows what that layer calls.
    """
    known = all(type(module).__module__.startswith(KNOWN) for module in network.modules())
    return channels_last if known and is_safe_channels_last(network) else default


def is_safe_channels_last(network: nn.Module) -> bool:
    """Tell whether no convolution of ``network`` can end the process in channels-last layout."""
    return not any(map(_is_unsafe, network.modules()))


def _is_unsafe(module: nn.Module) -> bool:
    return (
        isinstance(module, nn.Conv2d)
        and module.kernel_size == (1, 1)
        and max(module.stride) > 1
        and getattr(module, LEAST, module.in_channels) // module.groups < VECTOR
    )


def default(x: Tensor) -> Tensor:
    """Return a batch of images ``(b, c, h, w)`` in torch's default layout; other tensors as is."""
    return x.contiguous() if x.dim() == 4 else x


def channels_last(x: Tensor) -> Tensor:
    """Return a batch of images ``(b, c, h, w)`` channels-last; other tensors as they are."""
    if x.dim() != 4:
        return x
    x = x.contiguous(memory_format=torch.channels_last)
    if x.shape[1] == 1:
        # One channel lies the same in both layouts; its stride tells the convolutions which it is.
        # Without this the network mixes layouts and pays for it at every sum.
        _, _, h, w = x.shape
        x = x.as_strided(x.shape, (h * w, 1, w, 1))
    return x


def lay_out(network: nn.Module) -> Layout:
    """Lay out the convolutions' weights as the images will be: no reordering at every step.

    Weights of a network in the default layout stay as they are.

    Returns:
        The layout for the images.
    """
    layout = layout_of(network)
    if layout is channels_last:
        for parameter in network.parameters():
            parameter.data = layout(parameter.data)
    return layout
