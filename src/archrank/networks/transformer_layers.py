"""Layers of Transformers: their settings, how they run, and what they remember while decoding."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn.functional import dropout, embedding

from archrank.networks.attention import Attention, AttentionSpec, KeysValues, sinusoids
from archrank.networks.first_features import linear_first, norm_first


class Dropout(NamedTuple):
    """Probabilities with which training sets numbers to 0.

    Attributes:
        residual: Of embeddings, and of what a branch adds to the residual stream.
        activation: Of hidden units of feed-forward networks.
        attention: Of weights of positions.
    """

    residual: float = 0.0
    activation: float = 0.0
    attention: float = 0.0


NO_DROPOUT = Dropout()


@dataclass(frozen=True)
class LayerSpec:
    """Settings of one Transformer layer; a decoder layer if it has cross heads.

    Attributes:
        dim: Width of input and output.
        ffn: Hidden width of the feed-forward network.
        heads: Heads of self-attention.
        cross_heads: Heads of attention to the encoder; 0 for none.
        sources: Number of last encoder layers to attend to, concatenated along time.
        relative: Clipping distance of relative positions; 0 for none.
        qkv_dim: Channels that the heads share.
        pre: Begin each branch with its norm (pre-norm), in place of a norm after each residual sum
            (post-norm, Vaswani).
        rotary: Leading channels of each head that are rotated by position.
        bias: Add the biases of the linear layers; norms always have one.
        dropout: Probabilities of dropout.
    """

    dim: int
    ffn: int
    heads: int
    cross_heads: int = 0
    sources: int = 1
    relative: int = 0
    qkv_dim: int = 512
    pre: bool = False
    rotary: int = 0
    bias: bool = True
    dropout: Dropout = NO_DROPOUT

    @cached_property
    def attention(self) -> AttentionSpec:
        """Settings of self-attention."""
        return AttentionSpec(
            self.heads,
            self.qkv_dim,
            self.relative,
            self.rotary,
            self.bias,
            self.dropout.attention,
        )

    @cached_property
    def cross(self) -> AttentionSpec:
        """Settings of attention to the encoder."""
        return AttentionSpec(
            self.cross_heads, self.qkv_dim, bias=self.bias, dropout=self.dropout.attention
        )


@dataclass(frozen=True)
class StackSpec:
    """Settings of the layers of one side.

    Attributes:
        layers: In order.
        scale: Factor of the embeddings; ``None`` is the root of their width.
    """

    layers: tuple[LayerSpec, ...]
    scale: float | None = None

    @property
    def dim(self) -> int:
        """Width of the embeddings, which is the first layer's."""
        return self.layers[0].dim

    @property
    def pre(self) -> bool:
        """True if the stack is pre-norm, and so ends with a norm."""
        return self.layers[0].pre

    @property
    def dropout(self) -> float:
        """Probability of dropout of the embeddings."""
        return self.layers[0].dropout.residual

    @property
    def factor(self) -> float:
        """Factor of the embeddings."""
        return float(self.dim**0.5) if self.scale is None else self.scale


class Memory(NamedTuple):
    """The encoder's outputs as one decoder layer sees them.

    Attributes:
        known: Their keys and values.
        blocked: True where they are padding, ``(b, 1, 1, s)``; ``None``: nowhere.
    """

    known: KeysValues
    blocked: Tensor | None

    def take(self, rows: Tensor) -> Memory:
        """Return that of some examples: ``rows`` is an index tensor ``(k,)``."""
        return Memory(self.known.take(rows), None if self.blocked is None else self.blocked[rows])


class DecodingState(NamedTuple):
    """The past of a network that reads a sequence piece by piece.

    Attributes:
        length: Number of tokens read.
        layers: Keys and values of these tokens in every layer; empty before the first.
        memories: Of the encoder, for every decoder layer; empty in language models.
    """

    length: int = 0
    layers: tuple[KeysValues, ...] = ()
    memories: tuple[Memory, ...] = ()

    def take(self, rows: Tensor, *, memories: bool = True) -> DecodingState:
        """Return the past of some examples, repeated ones included.

        Args:
            rows: Index tensor ``(k,)``.
            memories: False leaves those of the encoder as they are, where examples only trade
                places with others of the same source.
        """
        return DecodingState(
            self.length,
            tuple(known.take(rows) for known in self.layers),
            tuple(m.take(rows) for m in self.memories) if memories else self.memories,
        )

    def layer(self, i: int) -> KeysValues | None:
        """Return what layer ``i`` remembers; ``None`` before the first token."""
        return self.layers[i] if self.layers else None


class Layer(nn.Module):
    """Transformer layer: self-attention, attention to a memory if specified, ReLU network.

    Args:
        spec: Settings.
        memory_dim: Width of the encoder's outputs.
    """

    def __init__(self, spec: LayerSpec, memory_dim: int | None = None) -> None:
        super().__init__()
        self.spec = spec
        dim, qkv = spec.dim, spec.qkv_dim
        self.attention = Attention(dim, qkv, spec.heads, relative=spec.relative)
        self.attention_norm = nn.LayerNorm(dim)
        if spec.cross_heads:
            self.cross = Attention(dim, qkv, spec.cross_heads, memory_dim=memory_dim)
            self.cross_norm = nn.LayerNorm(dim)
        self.up = nn.Linear(dim, spec.ffn)
        self.down = nn.Linear(spec.ffn, dim)
        self.ffn_norm = nn.LayerNorm(dim)

    def forward(
        self,
        x: Tensor,
        spec: LayerSpec,
        blocked: Tensor | None = None,
        past: KeysValues | None = None,
        memory: Memory | None = None,
    ) -> tuple[Tensor, KeysValues]:
        """Run the part of the layer that ``spec`` says.

        Args:
            x: The next positions, ``(b, t, dim)``.
            spec: Settings of the part, which has the first features of all weights.
            blocked: True where self-attention is not allowed; broadcasts to ``(b, heads, t, s)``.
            past: Keys and values of the positions before.
            memory: The encoder's outputs.

        Returns:
            Outputs ``(b, t, dim)``, and keys and values of all positions so far.
        """
        norm = self.attention_norm
        y = self._before(x, norm, spec)
        start = 0 if past is None else past.keys.shape[2]
        known = self.attention.keys_values(y, spec.attention, start).after(past)
        x = self._add(x, self.attention.attend(y, known, blocked, spec.attention), norm, spec)
        if memory is not None:
            norm = self.cross_norm
            y = self._before(x, norm, spec)
            x = self._add(
                x, self.cross.attend(y, memory.known, memory.blocked, spec.cross), norm, spec
            )
        norm = self.ffn_norm
        hidden = linear_first(self.up, self._before(x, norm, spec), spec.ffn).relu()
        hidden = dropout(hidden, spec.dropout.activation, self.training)
        return self._add(x, linear_first(self.down, hidden, spec.dim), norm, spec), known

    def _before(self, x: Tensor, norm: nn.LayerNorm, spec: LayerSpec) -> Tensor:
        return norm_first(norm, x) if spec.pre else x

    def _add(self, x: Tensor, branch: Tensor, norm: nn.LayerNorm, spec: LayerSpec) -> Tensor:
        x = x + dropout(branch, spec.dropout.residual, self.training)
        return x if spec.pre else norm_first(norm, x)


def table(vocabulary: int, dim: int) -> nn.Embedding:
    """Make an embedding table with values of unit scale after multiplication by ``sqrt(dim)``."""
    layer = nn.Embedding(vocabulary, dim)
    nn.init.normal_(layer.weight, std=dim**-0.5)
    return layer


def embed(
    tokens: Tensor, weight: Tensor, stack: StackSpec, start: int | None, training: bool
) -> Tensor:
    """Embed tokens ``(b, t)`` by the first columns of ``weight``: ``(b, t, dim)``.

    Args:
        tokens: int64.
        weight: The table, ``(vocabulary, most channels)``.
        stack: What is fed with them.
        start: Position of the first token; ``None`` adds no positions.
        training: Drop some numbers.
    """
    x: Tensor = embedding(tokens, weight[:, : stack.dim]) * stack.factor  # (b, t, dim)
    if start is not None:
        x = x + sinusoids(x.shape[1], stack.dim, x.device, start).to(x.dtype)
    return dropout(x, stack.dropout, training)
