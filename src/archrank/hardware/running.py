"""How a network is run: on how many threads, in which mode; both are put back afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def torch_threads(n: int) -> Iterator[None]:
    """Let torch use ``n`` threads of the CPU inside the block.

    Networks of a few channels are fastest on one, and only there the same bit for bit.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def mode(network: nn.Module, *, training: bool) -> Iterator[None]:
    """Put ``network`` in training or evaluation mode inside the block; each module goes back."""
    before = [(module, module.training) for module in network.modules()]
    network.train(training)
    try:
        yield
    finally:
        for module, was in before:
            module.training = was
