"""Layers that hold the same layer of many networks and compute all of them at once.

The tensors of ``m`` layers are laid one after the other in the first dimension, and the channels
of ``m`` feature maps one after the other in the second, so that a convolution with ``m`` groups, or
a batch norm over all channels, is ``m`` independent ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm, conv2d

Member = tuple[int, str]
"""A layer of one of the networks: the network's index and the layer's dotted name in it."""


class Stacked(nn.Module):
    """Copies of the parameters and floating-point buffers of ``m`` layers of equal shape.

    Args:
        networks: Networks to copy from; they keep their own tensors, see :meth:`write_back`.
        members: The layers to copy, at least one, numbered 0 to m - 1 in this order.

    Attributes:
        owners: (m,), the index of the network that each layer belongs to.
    """

    owners: Tensor

    def __init__(self, networks: Sequence[nn.Module], members: Sequence[Member]) -> None:
        super().__init__()
        self.members = tuple(members)
        layers = [networks[i].get_submodule(path) for i, path in members]
        for name, _ in layers[0].named_parameters():
            together = torch.cat([layer.get_parameter(name).detach() for layer in layers])
            self.register_parameter(name, nn.Parameter(together))
        for name, first in layers[0].named_buffers():
            if first.is_floating_point():
                self.register_buffer(name, torch.cat([layer.get_buffer(name) for layer in layers]))
        owners = torch.tensor([i for i, _ in members])
        self.register_buffer("owners", owners, persistent=False)

    @torch.no_grad()
    def write_back(self, networks: Sequence[nn.Module]) -> None:
        """Copy the tensors back into the layers they came from, on any device."""
        layers = [networks[i].get_submodule(path) for i, path in self.members]
        for name, together in self.state_dict().items():
            own = [getattr(layer, name) for layer in layers]
            parts = together.to(own[0].device).chunk(len(own))  # one transfer for all
            for target, part in zip(own, parts, strict=True):
                target.copy_(part)


class StackedConv(Stacked):
    """Stack of ``m`` convolutions without bias: (b, m * c_in, h, w) -> (b, m * c_out, h, w)."""

    weight: Tensor  # (m * c_out, c_in, k, k)

    def __init__(self, networks: Sequence[nn.Module], members: Sequence[Member]) -> None:
        super().__init__(networks, members)
        i, path = members[0]
        like = networks[i].get_submodule(path)
        assert isinstance(like, nn.Conv2d)
        self.stride, self.padding = like.stride, like.padding

    def forward(self, x: Tensor) -> Tensor:
        """Map (b, m * c_in, h, w) to (b, m * c_out, h, w)."""
        groups = len(self.members)
        return conv2d(x, self.weight, None, self.stride, self.padding, groups=groups)


class StackedBatchNorm(Stacked):
    """Stack of ``m`` batch norms with running statistics: (b, m * c, h, w) -> (b, m * c, h, w).

    ``num_batches_tracked`` is not kept, because only cumulative averages need it.
    """

    weight: Tensor  # (m * c,), as the three others
    bias: Tensor
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, networks: Sequence[nn.Module], members: Sequence[Member]) -> None:
        super().__init__(networks, members)
        i, path = members[0]
        like = networks[i].get_submodule(path)
        assert isinstance(like, nn.BatchNorm2d)
        assert like.momentum is not None
        self.momentum, self.eps = like.momentum, like.eps

    def forward(self, x: Tensor) -> Tensor:
        """Map (b, m * c, h, w) to (b, m * c, h, w)."""
        return batch_norm(
            x,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            training=self.training,
            momentum=self.momentum,
            eps=self.eps,
        )


class StackedLinear(Stacked):
    """Stack of ``m`` linear layers."""

    weight: Tensor  # (m * f_out, f_in)
    bias: Tensor  # (m * f_out,)

    def forward(self, x: Tensor) -> Tensor:
        """Map (b, m, f_in) to (b, m, f_out)."""
        m = len(self.members)
        weight = torch.unflatten(self.weight, 0, (m, -1))  # (m, f_out, f_in)
        bias = self.bias.view(m, 1, -1)  # (m, 1, f_out)
        return torch.baddbmm(bias, x.transpose(0, 1), weight.transpose(1, 2)).transpose(0, 1)


class StackedReLUConvBN(nn.Module):
    """Stack of ``m`` :class:`~archrank.networks.operations.ReLUConvBN` blocks.

    Args:
        networks: See :class:`Stacked`.
        members: The blocks to stack.
        inplace: Let the ReLU overwrite the input; only if nothing else reads it.
    """

    def __init__(
        self, networks: Sequence[nn.Module], members: Sequence[Member], *, inplace: bool = False
    ) -> None:
        super().__init__()
        self.inplace = inplace
        self.conv = StackedConv(networks, [(i, f"{path}.1") for i, path in members])
        self.norm = StackedBatchNorm(networks, [(i, f"{path}.2") for i, path in members])

    def forward(self, x: Tensor) -> Tensor:
        """Map (b, m * c_in, h, w) to (b, m * c_out, h, w)."""
        y: Tensor = self.norm(self.conv(x.relu_() if self.inplace else x.relu()))
        return y
