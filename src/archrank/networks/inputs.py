"""Inputs and outputs of networks: tensors, several inputs, objects with ``logits``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

Inputs: TypeAlias = Tensor | tuple[Tensor, ...]
"""A batch: ``(b, ...)``, or a tuple of such tensors, one per argument of the network."""


def run(network: nn.Module, inputs: Inputs) -> Tensor:
    """Call a network on a batch; a tuple of inputs becomes several arguments.

    Of outputs that are an object with ``logits`` these are returned, see :func:`only_logits`.
    """
    outputs = network(*inputs) if isinstance(inputs, tuple) else network(inputs)
    found: Tensor = only_logits(outputs)
    return found


def only_logits(outputs: Any) -> Any:
    """Return the ``logits`` of an object that has them, and anything else as it is.

    Models of the package transformers return such objects, or dictionaries. Their logits of
    sequences have classes last, ``(b, t, classes)``; losses take ``(b, classes, t)``, which is
    returned.
    """
    if isinstance(outputs, Tensor):
        return outputs
    found = outputs.get("logits") if isinstance(outputs, Mapping) else None
    found = getattr(outputs, "logits", found)
    if not isinstance(found, Tensor):
        return outputs
    return found.transpose(1, 2) if found.dim() == 3 else found


def to_device(inputs: Inputs, device: str | torch.device) -> Inputs:
    """Return the inputs on ``device``."""
    if isinstance(inputs, tuple):
        return tuple(x.to(device) for x in inputs)
    return inputs.to(device)
