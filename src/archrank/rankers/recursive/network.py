"""Network of the tiny recursive ranker: one small module, applied repeatedly to its own output.

After TinyRecursiveReasoningModel_ACTV1 (Jolicoeur-Martineau, "Less is More: Recursive Reasoning
with Tiny Networks", 2025), whose published sizes and initial weights are kept: post-norm blocks of
attention and SwiGLU, RMS norm without gain, rotary positions, no biases.
"""

from __future__ import annotations

from math import sqrt
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812  # PyTorch's own name for it
from torch import Tensor, nn

Positions = Literal["rotary", "learned", "both"]

EPSILON = 1e-5  # of the RMS norm
THETA = 1e4  # base of the rotary frequencies
MULTIPLE = 256  # the inner width of SwiGLU is rounded up to a multiple of it, or of `hidden`
HALT_BIAS = -5.0  # initially no slot halts early
LOG_VARIANCE = (-7.0, 5.0)  # bounds, for standardised labels


class State(NamedTuple):
    """State that one step of deep supervision passes to the next."""

    high: Tensor  # (b, l, hidden) z_H, the answer
    low: Tensor  # (b, l, hidden) z_L, the latent reasoning


class Outputs(NamedTuple):
    """Outputs of the heads, computed from the answer z_H."""

    score: Tensor  # (b,)
    halt: Tensor  # (b,) logit of halting after this step
    log_variance: Tensor | None  # (b,)


def rms_norm(x: Tensor) -> Tensor:
    """Divide by the root mean square of the last axis, without a learnt gain."""
    return F.rms_norm(x, (x.shape[-1],), eps=EPSILON)


def rotary(length: int, width: int) -> tuple[Tensor, Tensor]:
    """Compute the cosines and sines of rotary positions for one head: ``(l, width)`` each."""
    frequency = THETA ** (-torch.arange(0, width, 2) / width)  # (width / 2,)
    angle = torch.arange(length)[:, None] * frequency  # (l, width / 2)
    angle = torch.cat([angle, angle], dim=-1)  # (l, width)
    return angle.cos(), angle.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate pairs ``(i, i + width / 2)`` of ``x: (..., l, width)`` by their position's angles."""
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat([-second, first], dim=-1) * sin


class Block(nn.Module):
    """Block ``h <- rms(h + attention(h)); h <- rms(h + SwiGLU(h))``, without a causal mask."""

    def __init__(self, hidden: int, heads: int, expansion: float) -> None:
        super().__init__()
        self.heads = heads
        multiple = min(MULTIPLE, hidden)  # rounding to 256 would treble a width of 32
        inner = -(-round(expansion * hidden * 2 / 3) // multiple) * multiple
        self.qkv = _linear(hidden, 3 * hidden)
        self.out = _linear(hidden, hidden)
        self.gate_up = _linear(hidden, 2 * inner)
        self.down = _linear(inner, hidden)

    def attention(self, h: Tensor, positions: tuple[Tensor, Tensor] | None) -> Tensor:
        """Apply multi-head self-attention: ``(b, l, hidden)`` -> ``(b, l, hidden)``."""
        b, length, hidden = h.shape
        qkv = self.qkv(h).view(b, length, 3, self.heads, hidden // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # (b, heads, l, width) each
        if positions is not None:
            q, k = rotate(q, *positions), rotate(k, *positions)
        mixed = F.scaled_dot_product_attention(q, k, v)  # (b, heads, l, width)
        attended: Tensor = self.out(mixed.transpose(1, 2).reshape(b, length, hidden))
        return attended

    def forward(self, h: Tensor, positions: tuple[Tensor, Tensor] | None) -> Tensor:
        """Mix tokens, then channels: ``(b, l, hidden)`` -> ``(b, l, hidden)``."""
        h = rms_norm(h + self.attention(h, positions))
        gate, up = self.gate_up(h).chunk(2, dim=-1)  # (b, l, inner) each
        return rms_norm(h + self.down(F.silu(gate) * up))


class RecursiveNetwork(nn.Module):
    """Network from tokens to a score, by recursion of one shared stack of blocks.

    ``f(h, injected) = blocks(h + injected)`` serves both updates. A step of deep supervision runs
    ``h_cycles`` times ``[l_cycles times z_L <- f(z_L, z_H + x)]; z_H <- f(z_H, z_L)``, with
    gradient in the last cycle only. Heads read the mean of z_H over tokens.

    Args:
        n_tokens: Size of the vocabulary.
        length: Tokens per architecture, ``l``.
        hidden: Width of the states; a multiple of ``2 heads``.
        heads: Number of attention heads.
        expansion: Expansion of SwiGLU: its inner width is ``2/3 expansion hidden``, rounded up to a
            multiple of 256, or of ``hidden`` if that is less (published: always 256).
        layers: Blocks in the shared stack.
        h_cycles: Updates of the answer z_H per step.
        l_cycles: Updates of the latent z_L per update of the answer.
        positions: ``rotary`` in attention, ``learned`` and added to tokens, or ``both``.
        variance: Add a head for the logarithm of the variance.
        steps: Steps of deep supervision that :meth:`forward` runs.
    """

    start_high: Tensor
    start_low: Tensor
    cos: Tensor
    sin: Tensor

    def __init__(
        self,
        n_tokens: int,
        length: int,
        *,
        hidden: int = 256,
        heads: int = 4,
        expansion: float = 4.0,
        layers: int = 2,
        h_cycles: int = 3,
        l_cycles: int = 6,
        positions: Positions = "rotary",
        variance: bool = False,
        steps: int = 16,
    ) -> None:
        super().__init__()
        self.hidden, self.h_cycles, self.l_cycles, self.steps = hidden, h_cycles, l_cycles, steps
        self.rotary = positions != "learned"
        self.tokens = _embedding(n_tokens, hidden)
        self.positions = None if positions == "rotary" else _embedding(length, hidden)
        self.blocks = nn.ModuleList(Block(hidden, heads, expansion) for _ in range(layers))
        self.score = nn.Linear(hidden, 1)
        self.halt = nn.Linear(hidden, 1)
        nn.init.zeros_(self.halt.weight)
        nn.init.constant_(self.halt.bias, HALT_BIAS)
        cos, sin = rotary(length, hidden // heads)
        self.register_buffer("cos", cos)
        self.register_buffer("sin", sin)
        for name in ("start_high", "start_low"):  # fixed, not learnt
            self.register_buffer(name, _truncated_normal(torch.empty(hidden), 1.0))
        # Drawn last, so that all other weights equal those of a network without this head.
        self.log_variance = _variance_head(hidden) if variance else None

    def embed(self, tokens: Tensor) -> Tensor:
        """Embed tokens: ``(b, l)`` -> ``(b, l, hidden)``, of about unit variance."""
        x: Tensor = self.tokens(tokens)  # (b, l, hidden)
        if self.positions is not None:
            x = (x + self.positions.weight) * sqrt(0.5)  # (b, l, hidden)
        return x * sqrt(self.hidden)

    def start(self, b: int, length: int) -> State:
        """Return the state before the first step, the same for every architecture and token."""
        shape = (b, length, self.hidden)
        return State(self.start_high.expand(shape), self.start_low.expand(shape))

    def update(self, h: Tensor, injected: Tensor) -> Tensor:
        """Apply the shared stack ``f``: ``(b, l, hidden)`` -> ``(b, l, hidden)``."""
        h = h + injected
        positions = (self.cos, self.sin) if self.rotary else None
        for block in self.blocks:
            h = block(h, positions)
        return h

    def cycle(self, state: State, x: Tensor) -> State:
        """Update the latent ``l_cycles`` times, then the answer once."""
        high, low = state
        for _ in range(self.l_cycles):
            low = self.update(low, high + x)
        return State(self.update(high, low), low)

    def step(self, state: State, x: Tensor) -> tuple[State, Outputs]:
        """Run one step of deep supervision; the returned state carries no gradient."""
        with torch.no_grad():
            for _ in range(self.h_cycles - 1):
                state = self.cycle(state, x)
        state = self.cycle(state, x)
        return State(state.high.detach(), state.low.detach()), self.read(state.high)

    def read(self, high: Tensor) -> Outputs:
        """Apply the heads to ``z_H: (b, l, hidden)``."""
        answer = high.mean(dim=1)  # (b, hidden)
        log_variance = None
        if self.log_variance is not None:
            log_variance = self.log_variance(answer.detach())[:, 0]  # (b,)
            log_variance = log_variance.clamp(*LOG_VARIANCE)
        return Outputs(self.score(answer)[:, 0], self.halt(answer)[:, 0], log_variance)

    def forward(self, tokens: Tensor) -> Outputs:
        """Run all ``steps``, as the published evaluation does: ``(b, l)`` -> ``(b,)`` each."""
        x = self.embed(tokens)
        state = self.start(*tokens.shape)
        for _ in range(self.steps):
            state, outputs = self.step(state, x)
        return outputs


def _truncated_normal(weight: Tensor, std: float) -> Tensor:
    """Fill with normal values, cut at two standard deviations and scaled to an sd of ``std``."""
    shrink = 0.87962566  # sd of the standard normal cut at -2 and 2
    with torch.no_grad():
        return nn.init.trunc_normal_(weight, 0.0, std / shrink, -2 * std / shrink, 2 * std / shrink)


def _linear(wide: int, out: int) -> nn.Linear:
    layer = nn.Linear(wide, out, bias=False)
    _truncated_normal(layer.weight, 1 / sqrt(wide))
    return layer


def _variance_head(hidden: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(hidden, 2 * hidden), nn.SiLU(), nn.Linear(2 * hidden, 1))


def _embedding(count: int, hidden: int) -> nn.Embedding:
    table = nn.Embedding(count, hidden)
    _truncated_normal(table.weight, 1 / sqrt(hidden))
    return table
