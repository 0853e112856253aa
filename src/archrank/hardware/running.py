"""Context managers that set torch's threads or a network's mode, and restore them afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def torch_threads(n: int) -> Iterator[None]:
    """Limit torch to ``n`` CPU threads inside the block.

    Networks with few channels are fastest on one thread, and only one thread gives results that
    are reproducible to the last bit.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def mode(network: nn.Module, *, training: bool) -> Iterator[None]:
    """Put ``network`` in training or evaluation mode inside the block, then restore all modules."""
    before = [(module, module.training) for module in network.modules()]
    network.train(training)
    try:
        yield
    finally:
        for module, was in before:
            module.training = was
