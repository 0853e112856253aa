from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from archrank.hardware import LatencyProtocol, workload
from archrank.networks.language_models import Causal
from archrank.networks.transformer import EncoderDecoder
from archrank.networks.transformer_layers import DecodingState
from archrank.spaces import HAT, SPACES
from archrank.tasks import LanguageModel, Translation
from archrank.tasks.base import Splits


class Pairs(Translation):
    input_shape = (2, 9)

    def load(self) -> Splits:
        raise AssertionError("latency needs no data")


class Text(LanguageModel):
    input_shape = (9,)

    def load(self) -> Splits:
        raise AssertionError("latency needs no data")


class Reads:
    """Remembers the shapes of what is read, and the logits after it."""

    def __init__(self, network: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shapes: list[tuple[int, ...]] = []
        self.logits: list[Tensor] = []
        read = type(network).read  # type: ignore[attr-defined]

        def spy(self_: Any, tokens: Tensor, state: DecodingState, stacks: Any = None) -> Any:
            found = read(self_, tokens, state, stacks)
            self.shapes.append(tuple(tokens.shape))
            self.logits.append(found[0])
            return found

        monkeypatch.setattr(type(network), "read", spy)


def translator() -> EncoderDecoder:
    space = HAT("small")
    torch.manual_seed(0)
    network = space.networks(Pairs(vocabulary=12)).build(
        space.sample(1, rng=np.random.default_rng(0))[0]
    )
    assert isinstance(network, EncoderDecoder)
    return network.eval()


def test_the_encoder_runs_once_and_the_decoder_step_by_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = translator()
    task, protocol = Pairs(vocabulary=12), LatencyProtocol(length=4, beam=3, batch_size=2)
    seen: list[tuple[int, ...]] = []
    encode = EncoderDecoder.encode
    monkeypatch.setattr(
        EncoderDecoder,
        "encode",
        lambda s, x, k=None: seen.append(tuple(x.shape)) or encode(s, x, k),
    )
    reads = Reads(network, monkeypatch)
    encoder, decoder = workload(network, task, protocol)
    assert [encoder.name, decoder.name] == ["encoder", "decoder"]
    with torch.inference_mode():
        encoder.run()
        assert seen == [(2, 4)]
        decoder.run()
        decoder.run()
    assert seen == [(2, 4)]  # the decoder works on what is encoded
    assert reads.shapes == [(6, 1)] * 8
    source, target = (side[:, :4] for side in task.example(2))
    with torch.inference_mode():
        whole = network(source, target)  # (b, vocabulary, t)
    steps = torch.cat(reads.logits[:4], dim=1).transpose(1, 2)
    torch.testing.assert_close(steps, whole.repeat_interleave(3, dim=0))


@pytest.mark.parametrize(
    ("name", "length", "expected"), [("iwslt14", None, 23), ("wmt14", None, 30), ("x", None, 9)]
)
def test_usual_lengths(name: str, length: int | None, expected: int) -> None:
    task = Pairs(vocabulary=12)
    object.__setattr__(task, "name", name)
    assert LatencyProtocol(length=length).length_of(task) == expected
    assert LatencyProtocol(length=5).length_of(task) == 5


def test_longer_sentences_than_the_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    network = translator()
    reads = Reads(network, monkeypatch)
    _, decoder = workload(network, Pairs(vocabulary=12), LatencyProtocol(length=20, beam=1))
    with torch.inference_mode():
        decoder.run()
    assert reads.shapes == [(1, 1)] * 20


@pytest.mark.parametrize(("generate", "shapes"), [(False, [(1, 9)]), (True, [(1, 1)] * 9)])
def test_language_models_read_a_whole_sentence_unless_they_write_it(
    generate: bool, shapes: list[tuple[int, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    space = SPACES.get("ranknas_lm_small")()
    task = Text(vocabulary=12)
    network = space.networks(task).build(space.sample(1, rng=np.random.default_rng(0))[0])
    assert isinstance(network, Causal)
    reads = Reads(network, monkeypatch)
    (part,) = workload(network, task, LatencyProtocol(generate=generate))
    with torch.inference_mode():
        part.run()
    assert reads.shapes == shapes


def test_other_networks_run_once_in_the_type_that_is_asked_for() -> None:
    seen: list[Tensor] = []

    class Spy(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            seen.append(x)
            return x

    from archrank.tasks import Digits

    (part,) = workload(Spy(), Digits(), LatencyProtocol(batch_size=3, dtype="bfloat16"))
    part.run()
    assert part.name == ""
    assert (seen[0].shape, seen[0].dtype) == (torch.Size([3, 1, 8, 8]), torch.bfloat16)
