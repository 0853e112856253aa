"""Work that is timed: a forward pass, or the parts of a translation.

A translation is timed as HAT's released code does: the encoder once on a sentence; the decoder step
by step on the outputs of the encoder, repeated for each translation of the beam, with a cache. Keys
and values of these outputs count as the decoder's work. Choosing among translations is not timed.

RankNAS says that the latency of a language model is that of "decoding a single sentence". Its
figures (12.5 s on a Xeon, .53 s on a GTX 1080 Ti, about 250 million parameters) fit one pass over a
context of thousands of tokens, and no GPU writes that many one by one in half a second: so it is
one pass over the whole sentence, unless the protocol says ``generate``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from archrank.hardware.protocol import LatencyProtocol
from archrank.networks.inputs import Inputs, run, to_device
from archrank.networks.language_models import Causal
from archrank.networks.transformer import Encoded, EncoderDecoder

if TYPE_CHECKING:
    from archrank.tasks.base import Task


class Part(NamedTuple):
    """Work that is timed by itself.

    Attributes:
        name: Such as ``encoder``; empty, if it is all that a network does.
        run: Does the work once.
    """

    name: str
    run: Callable[[], object]


def workload(
    network: nn.Module, task: Task, protocol: LatencyProtocol, device: str | torch.device = "cpu"
) -> list[Part]:
    """Return the work of a network for a task, with made-up inputs.

    Args:
        network: Already on ``device``, of the protocol's type.
        task: Says what inputs look like.
        protocol: Batch, lengths and beam.
        device: Where it runs.
    """
    inputs = to_device(task.example(protocol.batch_size), device)
    if isinstance(network, EncoderDecoder):
        source, target = inputs if isinstance(inputs, tuple) else inputs.unbind(1)
        length = protocol.length_of(task)
        return _translation(network, _cut(source, length), _cut(target, length), protocol.beam)
    if isinstance(network, Causal):
        (tokens,) = inputs if isinstance(inputs, tuple) else (inputs,)
        tokens = _cut(tokens, protocol.length_of(task))
        if protocol.generate:
            return [Part("", lambda: _read_steps(network, tokens, network.begin()))]
        return [Part("", lambda: network(tokens))]
    return [whole_pass(network, cast(inputs, protocol.dtype))]


def whole_pass(network: nn.Module, inputs: Inputs) -> Part:
    """Return one forward pass as work."""
    return Part("", lambda: run(network, inputs))


def cast(inputs: Inputs, dtype: str) -> Inputs:
    """Return inputs whose floating-point numbers have a type of torch, by its name."""

    def one(x: Tensor) -> Tensor:
        return x.to(getattr(torch, dtype)) if x.is_floating_point() else x

    return tuple(map(one, inputs)) if isinstance(inputs, tuple) else one(inputs)


def _translation(network: EncoderDecoder, source: Tensor, target: Tensor, beam: int) -> list[Part]:
    """Return encoder and decoder, given ``source`` (b, s) and ``target`` (b, t)."""
    found: list[Encoded] = []
    tokens = target.repeat_interleave(beam, dim=0)  # (b beam, t)

    def encode() -> None:
        found[:] = [network.encode(source)]

    def decode() -> None:
        if not found:
            encode()
        if len(found) == 1:
            found.append(_repeated(found[0], beam))
        _read_steps(network, tokens, network.remember(found[1]))

    return [Part("encoder", encode), Part("decoder", decode)]


def _repeated(encoded: Encoded, beam: int) -> Encoded:
    """Repeat each sentence for the translations of its beam."""
    padding = encoded.padding
    return Encoded(
        [states.repeat_interleave(beam, dim=0) for states in encoded.states],
        None if padding is None else padding.repeat_interleave(beam, dim=0),
    )


def _read_steps(network: EncoderDecoder | Causal, tokens: Tensor, state: Any) -> None:
    """Read ``tokens`` (b, t) one by one after ``state``."""
    for step in range(tokens.shape[1]):
        _, state = network.read(tokens[:, step : step + 1], state)


def _cut(tokens: Tensor, length: int) -> Tensor:
    """Return ``(b, length)`` tokens, repeated from the front where there are fewer."""
    times = -(-length // tokens.shape[1])
    return tokens.repeat(1, times)[:, :length]
