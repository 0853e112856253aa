"""Multi-head attention with the variants that the Transformer spaces choose from.

Vaswani et al., "Attention Is All You Need", NeurIPS 2017; clipped relative positions of Shaw et
al., "Self-Attention with Relative Position Representations", NAACL 2018, section 3; rotary
positions of Su et al., "RoFormer", 2021. Products are written out rather than fused, so that a
counter of operations sees them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

from archrank.networks.first_features import centre_rows, linear_first

CENTRED = ("relative_keys", "relative_values")
"""Names of weights of which smaller settings use the rows in the centre."""


@dataclass(frozen=True)
class AttentionSpec:
    """Settings of one attention.

    Attributes:
        heads: Number of heads; must divide ``qkv_dim``.
        qkv_dim: Channels that the heads share evenly.
        relative: Clipping distance of relative positions; 0 for none.
        rotary: Leading channels of each head's queries and keys that are rotated by position.
        bias: Add the biases of the projections.
        dropout: Probability with which training drops the weight of a position.
    """

    heads: int
    qkv_dim: int
    relative: int = 0
    rotary: int = 0
    bias: bool = True
    dropout: float = 0.0

    @property
    def head_dim(self) -> int:
        """Channels of each head."""
        return self.qkv_dim // self.heads


class KeysValues(NamedTuple):
    """Keys and values of the positions that can be attended to, ``(b, heads, s, head_dim)``."""

    keys: Tensor
    values: Tensor

    def after(self, past: KeysValues | None) -> KeysValues:
        """Return those of the positions before, then these."""
        if past is None:
            return self
        return KeysValues(*(torch.cat(pair, dim=2) for pair in zip(past, self, strict=True)))

    def take(self, rows: Tensor) -> KeysValues:
        """Return those of some examples: ``rows`` is an index tensor ``(k,)``."""
        return KeysValues(self.keys[rows], self.values[rows])


class Attention(nn.Module):
    """Multi-head attention ``dim`` -> ``qkv_dim`` -> ``dim``; heads share ``qkv_dim`` evenly.

    Every method takes the settings of the part that is run, of an attention with fewer channels,
    other heads or a smaller clipping distance: it uses the first channels of all weights and the
    relative positions in the centre. ``None`` runs the whole.

    Args:
        dim: Width of queries and outputs.
        qkv_dim: Width of all heads together, independent of ``dim`` (512 in HAT).
        heads: Number of heads; must divide ``qkv_dim``.
        memory_dim: Width of the sequence that is attended to; ``None`` is ``dim``.
        bias: Give all four projections a bias.
        relative: Clipping distance k of relative positions, with ``2 k + 1`` learnt keys and
            values that all heads share; 0 for none.
        rotary: Number of channels of each head's queries and keys that are rotated by position.
        dropout: Probability with which training drops the weight of a position.
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
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if qkv_dim % heads:
            raise ValueError(f"{heads} heads cannot share {qkv_dim} channels evenly")
        self.spec = AttentionSpec(heads, qkv_dim, relative, rotary, bias, dropout)
        self.query = nn.Linear(dim, qkv_dim, bias)
        self.key = nn.Linear(memory_dim or dim, qkv_dim, bias)
        self.value = nn.Linear(memory_dim or dim, qkv_dim, bias)
        self.output = nn.Linear(qkv_dim, dim, bias)
        if relative:
            distances, head_dim = 2 * relative + 1, qkv_dim // heads
            self.relative_keys = nn.Parameter(torch.randn(distances, head_dim) * head_dim**-0.5)
            self.relative_values = nn.Parameter(torch.randn(distances, head_dim) * head_dim**-0.5)

    def forward(
        self,
        x: Tensor,
        memory: Tensor | None = None,
        blocked: Tensor | None = None,
        spec: AttentionSpec | None = None,
    ) -> Tensor:
        """Attend from ``x`` to ``memory``, or to itself.

        Args:
            x: ``(b, t, dim)``.
            memory: ``(b, s, memory_dim)``.
            blocked: True where attention is not allowed; broadcasts to ``(b, heads, t, s)``.
            spec: The part that is run.

        Returns:
            ``(b, t, dim)``.
        """
        known = self.keys_values(x if memory is None else memory, spec)
        return self.attend(x, known, blocked, spec)

    def keys_values(
        self, memory: Tensor, spec: AttentionSpec | None = None, start: int = 0
    ) -> KeysValues:
        """Return keys and values of ``memory: (b, s, memory_dim)``, from position ``start`` on."""
        spec = self.spec if spec is None else spec
        keys = self._split(self.key, memory, spec)
        if spec.rotary:
            keys = rotate(keys, spec.rotary, start)
        return KeysValues(keys, self._split(self.value, memory, spec))

    def attend(
        self,
        x: Tensor,
        known: KeysValues,
        blocked: Tensor | None = None,
        spec: AttentionSpec | None = None,
    ) -> Tensor:
        """Attend from ``x`` to positions whose keys and values are known.

        Args:
            x: ``(b, t, dim)``; with relative or rotary positions it is the last ``t`` of them.
            known: Of ``s`` positions.
            blocked: True where attention is not allowed; broadcasts to ``(b, heads, t, s)``.
            spec: The part that is run.

        Returns:
            ``(b, t, dim)``.
        """
        spec = self.spec if spec is None else spec
        (k, v), t = known, x.shape[1]
        q = self._split(self.query, x, spec)  # (b, heads, t, head_dim)
        if spec.rotary:
            q = rotate(q, spec.rotary, k.shape[2] - t)
        q = q * q.shape[-1] ** -0.5
        scores = q @ k.transpose(-2, -1)  # (b, heads, t, s)
        if spec.relative:
            where = distance_index(t, k.shape[2], spec.relative, x.device).expand_as(scores)
            near = q @ self._distances(self.relative_keys, spec).T  # (b, heads, t, 2 k + 1), eq. 5
            scores = scores + near.gather(-1, where)
        if blocked is not None:  # finite, so that a row of padding alone gives no NaN
            scores = scores.masked_fill(blocked, torch.finfo(scores.dtype).min)
        weights = dropout(scores.softmax(-1), spec.dropout, self.training)  # (b, heads, t, s)
        out = weights @ v  # (b, heads, t, head_dim)
        if spec.relative:  # sum the weights per distance: as Shaw eq. 3, without a (t, t, c) tensor
            zeros = weights.new_zeros(*weights.shape[:-1], 2 * spec.relative + 1)
            sums = zeros.scatter_add(-1, where, weights)
            out = out + sums @ self._distances(self.relative_values, spec)
        return linear_first(
            self.output, out.transpose(1, 2).flatten(2), x.shape[2], bias=spec.bias
        )  # (b, t, dim)

    def _split(self, layer: nn.Linear, x: Tensor, spec: AttentionSpec) -> Tensor:
        """Project ``x: (b, s, width)`` and give every head its part: (b, heads, s, head_dim)."""
        y = linear_first(layer, x, spec.qkv_dim, bias=spec.bias)
        return y.view(*y.shape[:2], spec.heads, spec.head_dim).transpose(1, 2)

    def _distances(self, table: Tensor, spec: AttentionSpec) -> Tensor:
        """Return the keys or values of all distances: (2 k + 1, head_dim)."""
        return centre_rows(table, 2 * spec.relative + 1)[:, : spec.head_dim]


def distance_index(queries: int, keys: int, clip: int, device: torch.device) -> Tensor:
    """Compute ``j - i`` clipped to ``-clip..clip``, plus ``clip``: ``(queries, keys)``.

    Queries are the last of the positions of the keys.
    """
    at = torch.arange(keys, device=device)
    return (at - at[keys - queries :, None]).clamp(-clip, clip) + clip  # Shaw eq. 4


def rotate(x: Tensor, channels: int, start: int = 0) -> Tensor:
    """Rotate channel pairs ``(i, i + channels / 2)`` by position x frequency, base 10,000.

    Args:
        x: ``(..., t, head_dim)``.
        channels: Number of leading channels to rotate; even.
        start: Position of the first of ``t``.
    """
    t = torch.arange(start, start + x.shape[-2], device=x.device)
    frequency = 10_000.0 ** (-torch.arange(0, channels, 2, device=x.device) / channels)
    angle = t[:, None] * frequency  # (t, channels / 2)
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    a, b = x[..., :channels].chunk(2, dim=-1)  # (..., t, channels / 2) each
    turned = [a * cos - b * sin, b * cos + a * sin, x[..., channels:]]
    return torch.cat(turned, dim=-1)


def sinusoids(length: int, dim: int, device: torch.device, start: int = 0) -> Tensor:
    """Make sinusoidal positions (Vaswani section 3.5), sines first: ``(length, dim)``.

    Args:
        length: Number of positions.
        dim: Number of channels; even.
        device: Where they are made.
        start: First position.
    """
    frequency = 10_000.0 ** (-torch.arange(0, dim, 2, device=device) / dim)  # (dim / 2,)
    at = torch.arange(start, start + length, device=device)
    angle = at[:, None] * frequency  # (length, dim / 2)
    return torch.cat([angle.sin(), angle.cos()], dim=-1)


def future(queries: int, keys: int, device: torch.device) -> Tensor:
    """Make the causal mask: True where attention to later positions is blocked, ``(t, s)``.

    Queries are the last of the positions of the keys.
    """
    blocked = torch.ones(queries, keys, dtype=torch.bool, device=device)
    return blocked.triu(1 + keys - queries)
