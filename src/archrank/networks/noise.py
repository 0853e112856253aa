"""Noise of the shapes and types of real inputs, as tensors and as the code that draws it."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from archrank.networks.inputs import Inputs


class Noise(NamedTuple):
    """Made-up inputs of one argument of a network.

    Attributes:
        shape: of one example.
        dtype: such as ``"float32"`` or ``"int64"``.
        low: smallest integer.
        high: largest integer.
    """

    shape: tuple[int, ...]
    dtype: str
    low: int = 0
    high: int = 0

    @classmethod
    def like(cls, x: Tensor) -> Noise:
        """Return noise like ``x: (b, ...)``; integers are between its smallest and largest."""
        shape, dtype = tuple(x.shape[1:]), str(x.dtype).removeprefix("torch.")
        if x.is_floating_point() or x.is_complex():
            return cls(shape, dtype)
        return cls(shape, dtype, int(x.min()), int(x.max()))

    @property
    def code(self) -> str:
        """Code of a call that draws a ``batch`` by ``generator``."""
        size = f"(batch, {', '.join(map(str, self.shape))})" if self.shape else "(batch,)"
        if torch.is_floating_point(torch.empty(0, dtype=getattr(torch, self.dtype))):
            kind = "" if self.dtype == "float32" else f", dtype=torch.{self.dtype}"
            return f"torch.randn({size}, generator=generator{kind})"
        kind = "" if self.dtype == "int64" else f", dtype=torch.{self.dtype}"
        return f"torch.randint({self.low}, {self.high + 1}, {size}, generator=generator{kind})"

    def draw(self, batch: int, generator: torch.Generator) -> Tensor:
        """Draw what :attr:`code` draws: ``(batch, ...)``."""
        size, dtype = (batch, *self.shape), getattr(torch, self.dtype)
        if torch.is_floating_point(torch.empty(0, dtype=dtype)):
            return torch.randn(size, generator=generator, dtype=dtype)
        return torch.randint(self.low, self.high + 1, size, generator=generator, dtype=dtype)


def noise_like(x: Inputs) -> tuple[Noise, ...]:
    """Return noise like every argument of a network, given real inputs."""
    return tuple(map(Noise.like, x if isinstance(x, tuple) else (x,)))


def drawn(noise: tuple[Noise, ...], batch: int, seed: int = 0) -> tuple[Tensor, ...]:
    """Draw a batch of all arguments, as the code of the example does with seed 0."""
    generator = torch.Generator().manual_seed(seed)
    return tuple(each.draw(batch, generator) for each in noise)
