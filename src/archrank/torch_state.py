"""Seed torch's global generators for a while, and leave them as they were.

Initial weights and dropout draw from global generators, which belong to the user: what archrank
does in between must not show.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


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
