"""Translation Transformer whose layers may differ from one another.

An encoder-decoder (Vaswani et al., NeurIPS 2017) with HAT's arbitrary encoder attention (Wang et
al., ACL 2020, section 2.1). Tokens are int64. Outputs have the vocabulary in the second dimension,
``(b, vocabulary, t)``, as ``cross_entropy`` and the default loss and score of a task expect.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from archrank.networks.attention import future
from archrank.networks.first_features import norm_first
from archrank.networks.transformer_layers import (
    DecodingState,
    Layer,
    Memory,
    StackSpec,
    embed,
    table,
)

Stacks: TypeAlias = tuple[StackSpec, ...]
"""Settings of a network's stacks: encoder and decoder, or the one of a language model."""


class Encoded(NamedTuple):
    """Outputs of an encoder.

    Attributes:
        states: Output of every layer, ``(b, s, e)``.
        padding: True where the source is padding, ``(b, 1, 1, s)``; ``None``: nowhere.
    """

    states: list[Tensor]
    padding: Tensor | None


class EncoderDecoder(nn.Module):
    """Translation Transformer with an encoder and a decoder.

    With pre-norm, the final norm of the encoder is applied to every layer's output that the
    decoder attends to, not only to the last: they are concatenated and must have one scale.

    Each method takes the settings of the part that is run, which has the first layers, the first
    features of every weight, and the relative positions in the centre: so a supernet runs its
    architectures, and ``None`` the whole network. A target can be read piece by piece: reading the
    rest after :meth:`begin` and a first piece gives what reading it whole gives.

    Args:
        encoder: Layers of the encoder, all of one ``dim``.
        decoder: Layers of the decoder, all of one ``dim``, with cross heads.
        source_vocabulary: Number of source tokens.
        target_vocabulary: Number of target tokens.
        shared: Use one table for both embeddings and the output, whose first columns serve the
            narrower side (HAT on WMT); otherwise three separate tables.
        sinusoidal: Add sinusoidal positions to the embeddings; not needed with relative positions.
        pad: Source token for padding, which is not attended to; ``None`` for none.
    """

    def __init__(
        self,
        encoder: StackSpec,
        decoder: StackSpec,
        source_vocabulary: int,
        target_vocabulary: int,
        *,
        shared: bool = False,
        sinusoidal: bool = True,
        pad: int | None = None,
    ) -> None:
        super().__init__()
        self.stacks = encoder, decoder
        self.shared, self.sinusoidal, self.pad = shared, sinusoidal, pad
        e, d = encoder.dim, decoder.dim
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
        self.encoder = nn.ModuleList(Layer(spec) for spec in encoder.layers)
        self.decoder = nn.ModuleList(Layer(spec, memory_dim=e) for spec in decoder.layers)
        self.encoder_norm = nn.LayerNorm(e) if encoder.pre else nn.Identity()
        self.decoder_norm = nn.LayerNorm(d) if decoder.pre else nn.Identity()

    def forward(
        self, source: Tensor, target: Tensor | None = None, stacks: Stacks | None = None
    ) -> Tensor:
        """Predict the next target token at every position.

        Args:
            source: Tokens ``(b, s)``; or, without ``target``, both sides as ``(b, 2, t)``.
            target: The target tokens shifted right, ``(b, t)``.
            stacks: Encoder and decoder of the part that is run.

        Returns:
            Logits ``(b, target_vocabulary, t)``.
        """
        if target is None:
            source, target = source.unbind(1)  # (b, t) each
        logits, _ = self.read(target, self.begin(source, stacks), stacks)
        return logits.transpose(1, 2)  # (b, vocabulary, t)

    def encode(self, source: Tensor, stacks: Stacks | None = None) -> Encoded:
        """Run the encoder on tokens ``(b, s)``."""
        stack = (stacks or self.stacks)[0]
        weight = (self.embedding if self.shared else self.source_embedding).weight
        x = embed(source, weight, stack, 0 if self.sinusoidal else None, self.training)
        padding = None if self.pad is None else (source == self.pad)[:, None, None]  # (b, 1, 1, s)
        states = []
        for layer, spec in zip(self.encoder, stack.layers, strict=False):
            x, _ = layer(x, spec, padding)
            states.append(_end(self.encoder_norm, x, stack))
        return Encoded(states, padding)

    def begin(self, source: Tensor, stacks: Stacks | None = None) -> DecodingState:
        """Return the state before the first target token, given source tokens ``(b, s)``."""
        return self.remember(self.encode(source, stacks), stacks)

    def remember(self, encoded: Encoded, stacks: Stacks | None = None) -> DecodingState:
        """Return the state before the first target token, given the encoder's outputs."""
        memories = []
        for layer, spec in zip(self.decoder, (stacks or self.stacks)[1].layers, strict=False):
            k, padding = spec.sources, encoded.padding
            states = torch.cat(encoded.states[-k:], dim=1)  # (b, k s, e)
            tiled = None if padding is None else torch.cat([padding] * k, dim=-1)  # (b, 1, 1, k s)
            memories.append(Memory(layer.cross.keys_values(states, spec.cross), tiled))  # type: ignore[union-attr, operator]
        return DecodingState(memories=tuple(memories))

    def read(
        self, target: Tensor, state: DecodingState, stacks: Stacks | None = None
    ) -> tuple[Tensor, DecodingState]:
        """Read the next target tokens ``(b, t)``.

        Returns:
            Logits ``(b, t, target_vocabulary)`` of the token after each, and the new state.
        """
        stack = (stacks or self.stacks)[1]
        weight = (self.embedding if self.shared else self.target_embedding).weight
        start = state.length if self.sinusoidal else None
        x = embed(target, weight, stack, start, self.training)  # (b, t, d)
        length = state.length + target.shape[1]
        blocked = future(target.shape[1], length, x.device)  # (t, length)
        known = []
        for i, (layer, spec) in enumerate(zip(self.decoder, stack.layers, strict=False)):
            x, one = layer(x, spec, blocked, state.layer(i), state.memories[i])
            known.append(one)
        output = (self.embedding if self.shared else self.output).weight[:, : stack.dim]
        logits = linear(_end(self.decoder_norm, x, stack), output)  # (b, t, vocabulary)
        return logits, DecodingState(length, tuple(known), state.memories)


def _end(norm: nn.Module, x: Tensor, stack: StackSpec) -> Tensor:
    """Apply the norm at the end of a pre-norm stack: ``(b, t, dim)``."""
    if not stack.pre:
        return x
    assert isinstance(norm, nn.LayerNorm)
    return norm_first(norm, x)
