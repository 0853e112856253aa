"""Supernet of the Transformer spaces: every architecture is a part of the largest network.

As HAT's SuperTransformer (Wang et al., ACL 2020, section 3.1): an architecture runs the first
layers, each with the first rows and columns of every weight, embeddings and norms included. The
number of heads divides the channels of an attention that all options share. A smaller clipping
distance of relative positions has the rows in the centre of the larger table. Networks run parts by
the code that runs them whole (:mod:`archrank.networks.transformer_layers`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from archrank.errors import SettingsError
from archrank.networks.language_models import GPT, LanguageModel, projection
from archrank.networks.transformer import EncoderDecoder, Stacks
from archrank.networks.transformer_layers import Dropout, StackSpec
from archrank.supernets.base import Supernet
from archrank.supernets.slicing import copy_first
from archrank.types import Archs

if TYPE_CHECKING:
    from archrank.spaces.base import Space

Row = NDArray[np.uint8]
Network: TypeAlias = EncoderDecoder | LanguageModel | GPT


class TransformerSupernet(Supernet):
    """Supernet of a space of Transformers.

    As published, the probability of residual and activation dropout is multiplied by the width of
    the architecture's layer over the widest, that of attention dropout is not. An extracted network
    keeps the probabilities of its architecture, which act in training mode alone.

    Args:
        space: of the architectures.
        network: the largest network, of which all others are parts.
        stacks: tells the settings of a row.
        build: makes the stand-alone network of settings.
        residual_dropout: probability of dropout of embeddings and of what branches add, in the
            widest layers; HAT takes 0.3.
        activation_dropout: of hidden units of feed-forward networks, in the widest layers.
        attention_dropout: of weights of positions.
        full_scale: multiply embeddings by the root of the largest width, in place of the root of
            the architecture's, an option of HAT's code.

    Raises:
        SettingsError: a probability is below 0, or 1 or more.
    """

    def __init__(
        self,
        space: Space,
        network: Network,
        *,
        stacks: Callable[[Row], Stacks],
        build: Callable[[Stacks], Network],
        residual_dropout: float = 0.0,
        activation_dropout: float = 0.0,
        attention_dropout: float = 0.0,
        full_scale: bool = False,
    ) -> None:
        super().__init__()
        self.options = {
            "residual_dropout": residual_dropout,
            "activation_dropout": activation_dropout,
            "attention_dropout": attention_dropout,
            "full_scale": full_scale,
        }
        for name in ("residual_dropout", "activation_dropout", "attention_dropout"):
            if not 0 <= self.options[name] < 1:
                raise SettingsError(
                    f"{name} is {self.options[name]!r}, expected a number from 0 to below 1"
                )
        self.space, self.network = space, network
        self._dropout = Dropout(residual_dropout, activation_dropout, attention_dropout)
        self._full_scale, self._read, self._build = full_scale, stacks, build

    def forward(self, *inputs: Any) -> Tensor:
        """Run ``arch: (d,)``, the last argument, with the shared weights.

        The arguments before are those of the networks: tokens ``(b, t)``; or source ``(b, s)`` and
        shifted target ``(b, t)``, or both as ``(b, 2, t)``.

        Returns:
            Logits ``(b, vocabulary, t)``.
        """
        *tokens, arch = inputs
        logits: Tensor = self.network(*tokens, stacks=self.stacks(arch))
        return logits

    def forward_each(self, inputs: Sequence[Tensor], archs: Archs) -> Iterator[tuple[int, Tensor]]:
        """Run ``archs: (n, d)`` on one batch: yields place and outputs, in another order.

        Translation networks with equal encoders have the source encoded once.
        """
        network = self.network
        if not isinstance(network, EncoderDecoder):
            yield from super().forward_each(inputs, archs)
            return
        source, target = inputs if len(inputs) == 2 else inputs[0].unbind(1)
        settings = [self.stacks(arch) for arch in archs]
        places = sorted(range(len(archs)), key=lambda place: repr(settings[place][0]))
        for _, alike in groupby(places, key=lambda place: settings[place][0]):
            encoded = None
            for place in alike:
                stacks = settings[place]
                encoded = network.encode(source, stacks) if encoded is None else encoded
                logits, _ = network.read(target, network.remember(encoded, stacks), stacks)
                yield place, logits.transpose(1, 2)

    def extract(self, arch: Row) -> nn.Module:
        """Return the network that the space builds for ``arch: (d,)``, with copies of the weights.

        Its outputs equal those of :meth:`forward` for the same input and mode, with dropout for the
        same state of torch's generator.
        """
        network = self.placed(self._build(self.stacks(arch)))
        copy_first(self.network, network)
        return network

    def stacks(self, arch: Row) -> Stacks:
        """Return the settings of ``arch: (d,)``, with its dropout and the scale of embeddings."""
        pairs = zip(self._read(arch), self.network.stacks, strict=True)
        return tuple(self._trained(stack, largest) for stack, largest in pairs)

    def _trained(self, stack: StackSpec, largest: StackSpec) -> StackSpec:
        """Return a stack with dropout and scale.

        Args:
            stack: of an architecture.
            largest: whose parts it has.
        """
        if self._full_scale:
            stack = replace(stack, scale=largest.factor)
        if not any(self._dropout):
            return stack
        residual, activation, attention = self._dropout
        layers = []
        for layer in stack.layers:
            share = layer.dim / largest.dim
            dropout = Dropout(residual * share, activation * share, attention)
            layers.append(replace(layer, dropout=dropout))
        return replace(stack, layers=tuple(layers))


def join_all(network: LanguageModel) -> None:
    """Give a language model every projection that architectures with unequal layers have."""
    dim = network.stacks[0].dim
    for i in range(1, len(network.bridges)):
        network.bridges[i] = projection(dim, dim)
    network.last_bridge = projection(dim, dim)
