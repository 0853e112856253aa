"""Multi-head attention with the variants that the Transformer spaces choose from.

Vaswani et al., "Attention Is All You Need", NeurIPS 2017; clipped relative positions of Shaw et
al., "Self-Attention with Relative Position Representations", NAACL 2018, section 3; rotary
positions of Su et al., "RoFormer", 2021. Products are written out rather than fused, so that a
counter of operations sees them.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Attention(nn.Module):
    """Multi-head attention ``dim`` -> ``qkv_dim`` -> ``dim``; heads share ``qkv_dim`` evenly.

    Args:
        dim: Width of queries and outputs.
        qkv_dim: Width of all heads together, independent of ``dim`` (512 in HAT).
        heads: Number of heads; must divide ``qkv_dim``.
        memory_dim: Width of the sequence that is attended to; ``None`` is ``dim``.
        bias: Give all four projections a bias.
        relative: Clipping distance k of relative positions, with ``2 k + 1`` learnt keys and
            values that all heads share; 0 for none.
        rotary: Number of channels of each head's queries and keys that are rotated by position.
    """

    def __init__(
        self,
        dim: int,
        qkv_dim: int,
        heads: int,
        *,
        memory_dim: int | None = None,
        bias: bool = True,
        relative: int = 0,
        rotary: int = 0,
    ) -> None:
        super().__init__()
        if qkv_dim % heads:
            raise ValueError(f"{heads} heads cannot share {qkv_dim} channels evenly")
        self.heads = heads
        self.relative = relative
        self.rotary = rotary
        self.query = nn.Linear(dim, qkv_dim, bias)
        self.key = nn.Linear(memory_dim or dim, qkv_dim, bias)
        self.value = nn.Linear(memory_dim or dim, qkv_dim, bias)
        self.output = nn.Linear(qkv_dim, dim, bias)
        if relative:
            distances, head_dim = 2 * relative + 1, qkv_dim // heads
            self.relative_keys = nn.Parameter(torch.randn(distances, head_dim) * head_dim**-0.5)
            self.relative_values = nn.Parameter(torch.randn(distances, head_dim) * head_dim**-0.5)

    def forward(
        self, x: Tensor, memory: Tensor | None = None, blocked: Tensor | None = None
    ) -> Tensor:
        """Attend from ``x`` to ``memory``, or to itself.

        Args:
            x: ``(b, t, dim)``.
            memory: ``(b, s, memory_dim)``.
            blocked: True where attention is not allowed; broadcasts to ``(b, heads, t, s)``.

        Returns:
            ``(b, t, dim)``.
        """
        memory = x if memory is None else memory
        q, k, v = (
            layer(y).unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (b, heads, t or s, head_dim)
            for layer, y in ((self.query, x), (self.key, memory), (self.value, memory))
        )
        if self.rotary:
            q, k = rotate(q, self.rotary), rotate(k, self.rotary)
        q = q * q.shape[-1] ** -0.5
        scores = q @ k.transpose(-2, -1)  # (b, heads, t, s)
        if self.relative:
            where = distance_index(x.shape[1], self.relative, x.device).expand_as(scores)
            near = q @ self.relative_keys.T  # (b, heads, t, 2 k + 1), Shaw eq. 5
            scores = scores + near.gather(-1, where)
        if blocked is not None:  # finite, so that a row of padding alone gives no NaN
            scores = scores.masked_fill(blocked, torch.finfo(scores.dtype).min)
        weights = scores.softmax(-1)  # (b, heads, t, s)
        out = weights @ v  # (b, heads, t, head_dim)
        if self.relative:  # sum the weights per distance: as Shaw eq. 3, without a (t, t, c) tensor
            zeros = weights.new_zeros(*weights.shape[:-1], 2 * self.relative + 1)
            out = out + zeros.scatter_add(-1, where, weights) @ self.relative_values
        y: Tensor = self.output(out.transpose(1, 2).flatten(2))  # (b, t, dim)
        return y


def distance_index(length: int, clip: int, device: torch.device) -> Tensor:
    """Compute ``j - i`` clipped to ``-clip..clip``, plus ``clip``: ``(length, length)``."""
    at = torch.arange(length, device=device)
    return (at - at[:, None]).clamp(-clip, clip) + clip  # Shaw eq. 4


def rotate(x: Tensor, channels: int) -> Tensor:
    """Rotate channel pairs ``(i, i + channels / 2)`` by position x frequency, base 10,000.

    Args:
        x: ``(..., t, head_dim)``.
        channels: Number of leading channels to rotate; even.
    """
    t = torch.arange(x.shape[-2], device=x.device)
    frequency = 10_000.0 ** (-torch.arange(0, channels, 2, device=x.device) / channels)
    angle = t[:, None] * frequency  # (t, channels / 2)
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    a, b = x[..., :channels].chunk(2, dim=-1)  # (..., t, channels / 2) each
    turned = [a * cos - b * sin, b * cos + a * sin, x[..., channels:]]
    return torch.cat(turned, dim=-1)


def sinusoids(length: int, dim: int, device: torch.device) -> Tensor:
    """Make sinusoidal positions (Vaswani section 3.5), sines first: ``(length, dim)``.

    ``dim`` must be even.
    """
    frequency = 10_000.0 ** (-torch.arange(0, dim, 2, device=device) / dim)  # (dim / 2,)
    angle = torch.arange(length, device=device)[:, None] * frequency  # (length, dim / 2)
    return torch.cat([angle.sin(), angle.cos()], dim=-1)


def future(length: int, device: torch.device) -> Tensor:
    """Make the causal mask: True above the diagonal, where attention is blocked, ``(l, l)``."""
    return torch.ones(length, length, dtype=torch.bool, device=device).triu(1)
