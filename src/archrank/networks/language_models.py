"""Decoder-only Transformers: RankNAS's language model, and the GPT of HW-GPT-Bench.

RankNAS: Hu et al., EMNLP 2021. HW-GPT-Bench: Sukthanker et al., NeurIPS 2024. Tokens are int64.
Outputs have the vocabulary in the second dimension, ``(b, vocabulary, t)``. As
:class:`~archrank.networks.transformer.EncoderDecoder`, both run the part that is asked for, and
read a text piece by piece.
"""

from __future__ import annotations

from abc import abstractmethod
from itertools import pairwise

from torch import Tensor, nn
from torch.nn.functional import linear, silu

from archrank.networks.attention import Attention, KeysValues, future
from archrank.networks.first_features import linear_first, norm_first
from archrank.networks.transformer import Stacks
from archrank.networks.transformer_layers import (
    DecodingState,
    Layer,
    LayerSpec,
    StackSpec,
    embed,
    table,
)


class Causal(nn.Module):
    """Base class of networks that predict the next token of a text.

    Args:
        stack: Settings of the layers.
    """

    def __init__(self, stack: StackSpec) -> None:
        super().__init__()
        self.stacks = (stack,)

    def forward(self, tokens: Tensor, stacks: Stacks | None = None) -> Tensor:
        """Map ``(b, t)`` to logits ``(b, vocabulary, t)``; ``stacks``: the part that is run."""
        logits, _ = self.read(tokens, self.begin(), stacks)
        return logits.transpose(1, 2)

    def begin(self) -> DecodingState:
        """Return the state before the first token."""
        return DecodingState()

    @abstractmethod
    def read(
        self, tokens: Tensor, state: DecodingState, stacks: Stacks | None = None
    ) -> tuple[Tensor, DecodingState]:
        """Read the next tokens ``(b, t)``.

        Returns:
            Logits ``(b, t, vocabulary)`` of the token after each, and the new state.
        """


class LanguageModel(Causal):
    """Causal Transformer whose layers may differ in width.

    A linear projection without bias connects neighbours of different widths, and the last layer
    with the output if it differs in width from the first. Input and output share one embedding.
    """

    def __init__(self, stack: StackSpec, vocabulary: int) -> None:
        super().__init__(stack)
        dims = [stack.dim, *(spec.dim for spec in stack.layers)]
        self.embedding = table(vocabulary, stack.dim)
        self.layers = nn.ModuleList(map(Layer, stack.layers))
        self.bridges = nn.ModuleList(bridge(a, b) for a, b in pairwise(dims))  # before each layer
        self.last_bridge = bridge(dims[-1], dims[0])
        self.norm = nn.LayerNorm(stack.dim) if stack.pre else nn.Identity()

    def read(
        self, tokens: Tensor, state: DecodingState, stacks: Stacks | None = None
    ) -> tuple[Tensor, DecodingState]:
        """Read the next tokens ``(b, t)``; return logits ``(b, t, vocabulary)`` and the state."""
        (stack,) = stacks or self.stacks
        x = embed(tokens, self.embedding.weight, stack, state.length, self.training)  # (b, t, dim)
        length = state.length + tokens.shape[1]
        blocked = future(tokens.shape[1], length, x.device)  # (t, length)
        known = []
        parts = zip(self.bridges, self.layers, stack.layers, strict=False)
        for i, (step, layer, spec) in enumerate(parts):
            x, one = layer(_cross(step, x, spec.dim), spec, blocked, state.layer(i))
            known.append(one)
        x = _cross(self.last_bridge, x, stack.dim)
        if stack.pre:
            assert isinstance(self.norm, nn.LayerNorm)
            x = norm_first(self.norm, x)
        logits = linear(x, self.embedding.weight[:, : stack.dim])  # (b, t, vocabulary)
        return logits, DecodingState(length, tuple(known))


def bridge(before: int, after: int) -> nn.Module:
    """Make the projection between layers of these widths; nothing if they are equal."""
    return nn.Identity() if before == after else projection(before, after)


def projection(before: int, after: int) -> nn.Linear:
    """Make a projection that begins by passing the first channels on.

    The residual stream then survives the change of width; RankNAS's paper names no initial weights.
    """
    layer = nn.Linear(before, after, bias=False)
    nn.init.eye_(layer.weight)
    return layer


def _cross(module: nn.Module, x: Tensor, dim: int) -> Tensor:
    """Project ``x: (b, t, width)`` to ``dim`` channels if it has others."""
    if x.shape[-1] == dim:
        return x
    assert isinstance(module, nn.Linear)
    return linear_first(module, x, dim)


class GPTBlock(nn.Module):
    """Block with attention and a gated network in parallel, each with its own norm of the input."""

    def __init__(self, spec: LayerSpec) -> None:
        super().__init__()
        dim, ffn, bias = spec.dim, spec.ffn, spec.bias
        self.attention_norm = nn.LayerNorm(dim)
        self.ffn_norm = nn.LayerNorm(dim)
        self.attention = Attention(dim, spec.qkv_dim, spec.heads, bias=bias, rotary=spec.rotary)
        self.gate = nn.Linear(dim, ffn, bias)
        self.up = nn.Linear(dim, ffn, bias)
        self.down = nn.Linear(ffn, dim, bias)

    def forward(
        self, x: Tensor, spec: LayerSpec, blocked: Tensor, past: KeysValues | None = None
    ) -> tuple[Tensor, KeysValues]:
        """Run the part that ``spec`` says, see :class:`~.transformer_layers.Layer`."""
        bias, drop = spec.bias, spec.dropout
        y = norm_first(self.ffn_norm, x)
        gate = silu(linear_first(self.gate, y, spec.ffn, bias=bias))
        y = gate * linear_first(self.up, y, spec.ffn, bias=bias)  # (b, t, ffn)
        y = nn.functional.dropout(y, drop.activation, self.training)
        y = linear_first(self.down, y, spec.dim, bias=bias)  # (b, t, dim)
        z = norm_first(self.attention_norm, x)
        start = 0 if past is None else past.keys.shape[2]
        known = self.attention.keys_values(z, spec.attention, start).after(past)
        y = self.attention.attend(z, known, blocked, spec.attention) + y
        return x + nn.functional.dropout(y, drop.residual, self.training), known


class GPT(Causal):
    """Decoder-only network of HW-GPT-Bench: rotary positions, separate output matrix.

    Args:
        stack: Layers of one ``dim``, with rotary positions; embeddings are not scaled.
        vocabulary: Number of tokens.
    """

    def __init__(self, stack: StackSpec, vocabulary: int) -> None:
        super().__init__(stack)
        self.embedding = table(vocabulary, stack.dim)
        self.blocks = nn.ModuleList(map(GPTBlock, stack.layers))
        self.norm = nn.LayerNorm(stack.dim)
        self.output = nn.Linear(stack.dim, vocabulary, bias=False)

    def read(
        self, tokens: Tensor, state: DecodingState, stacks: Stacks | None = None
    ) -> tuple[Tensor, DecodingState]:
        """Read the next tokens ``(b, t)``; return logits ``(b, t, vocabulary)`` and the state."""
        (stack,) = stacks or self.stacks
        x = embed(tokens, self.embedding.weight, stack, None, self.training)  # (b, t, dim)
        length = state.length + tokens.shape[1]
        blocked = future(tokens.shape[1], length, x.device)  # (t, length)
        known = []
        for i, (block, spec) in enumerate(zip(self.blocks, stack.layers, strict=False)):
            x, one = block(x, spec, blocked, state.layer(i))
            known.append(one)
        x = norm_first(self.norm, x)
        logits = linear_first(self.output, x, self.output.out_features)  # (b, t, vocabulary)
        return logits, DecodingState(length, tuple(known))
