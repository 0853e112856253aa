"""Context managers that change torch's global state, or a network's mode, and restore it.

Generators, threads and modes belong to the user: what archrank does in between must not show.
Initial weights and dropout draw from the global generators.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from archrank.errors import ArchrankError

KERNELS = "20000"  # compiled ones that oneDNN keeps


@contextmanager
def seeded(seed: int, device: str | torch.device = "cpu") -> Iterator[None]:
    """Seed the generators of the CPU and of ``device``, and put them back at the end.

    Args:
        seed: any integer that torch takes, also a negative one.
        device: the accelerator that draws too, or the CPU. No other accelerator is touched.

    Example:
        >>> with seeded(0):
        ...     first = torch.rand(3)
        >>> with seeded(0):
        ...     second = torch.rand(3)
        >>> torch.equal(first, second)
        True
    """
    device = torch.device(device)
    with untouched(device):
        torch.default_generator.manual_seed(seed)
        if device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield


@contextmanager
def untouched(device: str | torch.device = "cpu") -> Iterator[None]:
    """Put the generators of the CPU and of ``device`` back at the end as they are now."""
    device = torch.device(device)
    accelerators = [] if device.type == "cpu" else [device]
    with torch.random.fork_rng(accelerators, device_type=device.type if accelerators else "cuda"):
        yield


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


def keep_kernels() -> None:
    """Let oneDNN keep more of the kernels that it compiles, on CPUs.

    It compiles one for every shape of every layer, and keeps 1,024. Random architectures of an
    elastic supernet have more: compiling them again and again took a quarter of an update's time.
    Their memory is not worth mentioning. It works in processes that have not run any such layer
    yet, and a number that was set before (``ONEDNN_PRIMITIVE_CACHE_CAPACITY``) stays.
    """
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", KERNELS)


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


def require_device(
    device: str, error: type[ArchrankError], *, instead: str = "Train on 'cpu' instead"
) -> None:
    """Refuse a device that torch cannot use here, before anything is built for it.

    Args:
        device: As typed.
        error: Class of the error.
        instead: Remedy, which ends the message.

    Raises:
        ArchrankError: as ``error``; this machine has no such device.
    """
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as reason:  # torch asserts that it was built with CUDA
        told = str(reason).splitlines()[0]
        if "device string" in told:
            told = (
                "torch has no device of that name; a GPU of NVIDIA is cuda or cuda:1, Apple's mps"
            )
        raise error(f"device {device!r} cannot be used here: {told}. {instead}") from None
