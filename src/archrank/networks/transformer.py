"""Transformers whose layers may differ from one another.

An encoder-decoder (Vaswani et al., NeurIPS 2017) with HAT's arbitrary encoder attention (Wang et
al., ACL 2020, section 2.1), a decoder-only language model, and the GPT of HW-GPT-Bench (Sukthanker
et al., NeurIPS 2024). Tokens are int64. Outputs have the vocabulary in the second dimension, ``(b,
vocabulary, t)``, as ``cross_entropy`` and the default loss and score of a task expect.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, linear, silu

from archrank.networks.attention import Attention, future, sinusoids


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
    """

    dim: int
    ffn: int
    heads: int
    cross_heads: int = 0
    sources: int = 1
    relative: int = 0
    qkv_dim: int = 512


class Layer(nn.Module):
    """Transformer layer: self-attention, attention to the memory if specified, ReLU network.

    A norm follows each residual sum (post-norm, Vaswani) or, with ``pre``, begins each branch.
    """

    def __init__(self, spec: LayerSpec, pre: bool = False, memory_dim: int | None = None) -> None:
        super().__init__()
        self.spec = spec
        self.pre = pre
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
        blocked: Tensor | None = None,
        memory: Tensor | None = None,
        memory_blocked: Tensor | None = None,
    ) -> Tensor:
        """Map ``x: (b, t, dim)`` and ``memory: (b, s, memory_dim)`` to ``(b, t, dim)``."""
        norm = self.attention_norm
        x = self._add(x, self.attention(self._before(x, norm), blocked=blocked), norm)
        if self.spec.cross_heads:
            norm = self.cross_norm
            x = self._add(x, self.cross(self._before(x, norm), memory, memory_blocked), norm)
        norm = self.ffn_norm
        return self._add(x, self.down(self.up(self._before(x, norm)).relu()), norm)

    def _before(self, x: Tensor, norm: nn.LayerNorm) -> Tensor:
        y: Tensor = norm(x) if self.pre else x
        return y

    def _add(self, x: Tensor, branch: Tensor, norm: nn.LayerNorm) -> Tensor:
        y: Tensor = x + branch if self.pre else norm(x + branch)
        return y


class EncoderDecoder(nn.Module):
    """Translation Transformer with an encoder and a decoder.

    With pre-norm, the final norm of the encoder is applied to every layer's output that the
    decoder attends to, not only to the last: they are concatenated and must have one scale.

    Args:
        encoder: Layers of the encoder, all of one ``dim``.
        decoder: Layers of the decoder, all of one ``dim``, with cross heads.
        source_vocabulary: Number of source tokens.
        target_vocabulary: Number of target tokens.
        pre: Use pre-norm in encoder and decoder.
        shared: Use one table for both embeddings and the output, whose first columns serve the
            narrower side (HAT on WMT); otherwise three separate tables.
        sinusoidal: Add sinusoidal positions to the embeddings; not needed with relative positions.
        pad: Source token for padding, which is not attended to; ``None`` for none.
    """

    def __init__(
        self,
        encoder: Sequence[LayerSpec],
        decoder: Sequence[LayerSpec],
        source_vocabulary: int,
        target_vocabulary: int,
        *,
        pre: tuple[bool, bool] = (False, False),
        shared: bool = False,
        sinusoidal: bool = True,
        pad: int | None = None,
    ) -> None:
        super().__init__()
        self.dims = e, d = encoder[0].dim, decoder[0].dim
        self.sources = tuple(spec.sources for spec in decoder)
        self.shared, self.sinusoidal, self.pad = shared, sinusoidal, pad
        if shared:
            if source_vocabulary != target_vocabulary:
                raise ValueError(
                    "a shared embedding needs one vocabulary, got "
                    f"{source_vocabulary} and {target_vocabulary} tokens"
                )
            self.embedding = table(target_vocabulary, max(e, d))
        else:
            self.source_embedding = table(source_vocabulary, e)
            self.target_embedding = table(target_vocabulary, d)
            self.output = nn.Linear(d, target_vocabulary, bias=False)
        self.encoder = nn.ModuleList(Layer(spec, pre[0]) for spec in encoder)
        self.decoder = nn.ModuleList(Layer(spec, pre[1], memory_dim=e) for spec in decoder)
        self.encoder_norm = nn.LayerNorm(e) if pre[0] else nn.Identity()
        self.decoder_norm = nn.LayerNorm(d) if pre[1] else nn.Identity()

    def forward(self, source: Tensor, target: Tensor | None = None) -> Tensor:
        """Predict the next target token at every position.

        Args:
            source: Tokens ``(b, s)``; or, without ``target``, both sides as ``(b, 2, t)``.
            target: The target tokens shifted right, ``(b, t)``.

        Returns:
            Logits ``(b, target_vocabulary, t)``.
        """
        if target is None:
            source, target = source.unbind(1)  # (b, t) each
        padding = None if self.pad is None else (source == self.pad)[:, None, None]  # (b, 1, 1, s)
        if self.shared:
            source_table = target_table = output = self.embedding.weight
        else:
            source_table, target_table = self.source_embedding.weight, self.target_embedding.weight
            output = self.output.weight
        states = self._encode(self._embed(source, source_table, self.dims[0]), padding)
        x = self._embed(target, target_table, self.dims[1])  # (b, t, d)
        blocked = future(x.shape[1], x.device)  # (t, t)
        for k, layer in zip(self.sources, self.decoder, strict=True):
            tiled = None if padding is None else torch.cat([padding] * k, dim=-1)  # (b, 1, 1, k s)
            x = layer(x, blocked, torch.cat(states[-k:], dim=1), tiled)  # memory (b, k s, e)
        output = output[:, : self.dims[1]]  # (vocabulary, d)
        logits: Tensor = linear(self.decoder_norm(x), output)  # (b, t, vocabulary)
        return logits.transpose(1, 2)  # (b, vocabulary, t)

    def _embed(self, tokens: Tensor, weight: Tensor, dim: int) -> Tensor:
        x: Tensor = embedding(tokens, weight[:, :dim]) * dim**0.5  # (b, t, dim)
        if self.sinusoidal:
            x = x + sinusoids(x.shape[1], dim, x.device).to(x.dtype)
        return x

    def _encode(self, x: Tensor, padding: Tensor | None) -> list[Tensor]:
        """Return the output ``(b, s, e)`` of every encoder layer."""
        states = []
        for layer in self.encoder:
            x = layer(x, padding)
            states.append(self.encoder_norm(x))
        return states


class LanguageModel(nn.Module):
    """Causal pre-norm Transformer whose layers may differ in width.

    A linear projection without bias connects neighbours of different widths, and the last layer
    with the output if it differs in width from the first. Input and output share one embedding.
    """

    def __init__(self, layers: Sequence[LayerSpec], vocabulary: int) -> None:
        super().__init__()
        dims = [layers[0].dim, *(spec.dim for spec in layers), layers[0].dim]
        self.embedding = table(vocabulary, dims[0])
        self.layers = nn.ModuleList(Layer(spec, pre=True) for spec in layers)
        self.bridges = nn.ModuleList(  # one before each layer, one before the output
            nn.Identity() if a == b else nn.Linear(a, b, bias=False) for a, b in pairwise(dims)
        )
        self.norm = nn.LayerNorm(dims[0])

    def forward(self, tokens: Tensor) -> Tensor:
        """Map ``(b, t)`` to logits ``(b, vocabulary, t)``."""
        x = self.embedding(tokens) * self.embedding.embedding_dim**0.5  # (b, t, dim)
        x = x + sinusoids(x.shape[1], x.shape[2], x.device).to(x.dtype)
        blocked = future(x.shape[1], x.device)  # (t, t)
        for bridge, layer in zip(self.bridges, self.layers, strict=False):
            x = layer(bridge(x), blocked)  # (b, t, dim of the layer)
        x = self.norm(self.bridges[-1](x))  # (b, t, dim)
        return linear(x, self.embedding.weight).transpose(1, 2)  # (b, vocabulary, t)


class GPTBlock(nn.Module):
    """Block with attention and a gated network in parallel, each with its own norm of the input."""

    def __init__(self, dim: int, heads: int, head_dim: int, ffn: int, bias: bool) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(dim)
        self.ffn_norm = nn.LayerNorm(dim)
        self.attention = Attention(
            dim, heads * head_dim, heads, bias=bias, rotary=head_dim // 2
        )  # half of the channels, as published
        self.gate = nn.Linear(dim, ffn, bias)
        self.up = nn.Linear(dim, ffn, bias)
        self.down = nn.Linear(ffn, dim, bias)

    def forward(self, x: Tensor, blocked: Tensor) -> Tensor:
        """Map ``(b, t, dim)`` to ``(b, t, dim)``."""
        y = self.ffn_norm(x)
        y = self.down(silu(self.gate(y)) * self.up(y))  # (b, t, ffn) -> (b, t, dim)
        out: Tensor = x + self.attention(self.attention_norm(x), blocked=blocked) + y
        return out


class GPT(nn.Module):
    """Decoder-only network of HW-GPT-Bench: rotary positions, separate output matrix.

    Args:
        dim: Width of the residual stream.
        layers: Heads and feed-forward width of each block.
        vocabulary: Number of tokens.
        head_dim: Channels of a head.
        bias: Give the blocks' linear layers a bias; norms always have one.
    """

    def __init__(
        self,
        dim: int,
        layers: Sequence[tuple[int, int]],
        vocabulary: int,
        *,
        head_dim: int = 64,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.embedding = table(vocabulary, dim)
        self.blocks = nn.ModuleList(GPTBlock(dim, h, head_dim, ffn, bias) for h, ffn in layers)
        self.norm = nn.LayerNorm(dim)
        self.output = nn.Linear(dim, vocabulary, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map ``(b, t)`` to logits ``(b, vocabulary, t)``."""
        x = self.embedding(tokens)  # (b, t, dim)
        blocked = future(x.shape[1], x.device)  # (t, t)
        for block in self.blocks:
            x = block(x, blocked)
        logits: Tensor = self.output(self.norm(x))  # (b, t, vocabulary)
        return logits.transpose(1, 2)


def table(vocabulary: int, dim: int) -> nn.Embedding:
    """Make an embedding table with values of unit scale after multiplication by ``sqrt(dim)``."""
    layer = nn.Embedding(vocabulary, dim)
    nn.init.normal_(layer.weight, std=dim**-0.5)
    return layer
