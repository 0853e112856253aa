"""Inputs of networks: one tensor, or several, such as the two sides of a translation."""

from __future__ import annotations

from typing import TypeAlias

import torch
from torch import Tensor, nn

Inputs: TypeAlias = Tensor | tuple[Tensor, ...]
"""A batch: ``(b, ...)``, or a tuple of such tensors, one per argument of the network."""


def run(network: nn.Module, inputs: Inputs) -> Tensor:
    """Call a network on a batch; a tuple of inputs becomes several arguments."""
    outputs: Tensor = network(*inputs) if isinstance(inputs, tuple) else network(inputs)
    return outputs


def to_device(inputs: Inputs, device: str | torch.device) -> Inputs:
    """Return the inputs on ``device``."""
    if isinstance(inputs, tuple):
        return tuple(x.to(device) for x in inputs)
    return inputs.to(device)
