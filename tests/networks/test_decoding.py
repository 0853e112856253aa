"""Decoding against networks that are run whole, plain loops, and every sequence that there is."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor

from archrank.errors import EvaluationError, SettingsError
from archrank.networks.decoding import BeamSearch, Hypothesis, continue_text, translate
from archrank.networks.language_models import GPT, LanguageModel
from archrank.networks.transformer import EncoderDecoder
from archrank.networks.transformer_layers import LayerSpec, StackSpec
from tests.spaces.sequences import few
from tests.supernets.transformers import SPACES, made, task_of

PAD, END, BEGIN = 0, 1, 2


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    torch.set_num_threads(1)


def sharp(network: Any) -> Any:
    """Random networks prefer nothing: make their answers differ."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(2.0)
    return network.double().eval()


def translator(vocabulary: int = 5, pre: bool = False, relative: int = 0) -> EncoderDecoder:
    torch.manual_seed(3)
    layer = LayerSpec(8, 12, 2, relative=relative, qkv_dim=8, pre=pre)
    decoder = [
        LayerSpec(8, 12, 2, cross_heads=2, sources=k, relative=relative, qkv_dim=8, pre=pre)
        for k in (1, 2)
    ]
    network = EncoderDecoder(
        StackSpec((layer,) * 2),
        StackSpec(tuple(decoder)),
        9,
        vocabulary,
        sinusoidal=not relative,
        pad=PAD,
    )
    return sharp(network)  # type: ignore[no-any-return]


def language(vocabulary: int = 4) -> LanguageModel:
    torch.manual_seed(1)
    layers = tuple(LayerSpec(w, 12, 2, qkv_dim=8, pre=True) for w in (8, 12, 8))
    return sharp(LanguageModel(StackSpec(layers), vocabulary))  # type: ignore[no-any-return]


def gpt() -> GPT:
    torch.manual_seed(2)
    layer = LayerSpec(8, 12, 2, qkv_dim=8, pre=True, rotary=2)
    return sharp(GPT(StackSpec((layer,) * 2, scale=1.0), 4))  # type: ignore[no-any-return]


SOURCE = torch.tensor([[3, 4, 5, 6, 7], [8, 3, PAD, PAD, PAD], [5, 5, 6, PAD, PAD]])
PROMPT = torch.tensor([[2, 3], [3, 3], [1, 2]])


@pytest.mark.parametrize("name", [*SPACES, "rotary"])
@pytest.mark.parametrize("pieces", [[1] * 6, [2, 1, 3], [5, 1]])
def test_reading_piece_by_piece_is_reading_the_whole(name: str, pieces: list[int]) -> None:
    """Of networks of every space: relative positions, both norms, memories of one to three."""
    network: Any
    if name == "rotary":
        network, x = gpt(), (torch.randint(4, (3, 6)),)
    else:
        space = SPACES[name]
        network = made(space).double().eval().extract(few(space, 2, seed=4)[1])
        x = task_of(space).example(3)
        x = tuple(part[:, :6] for part in (x if isinstance(x, tuple) else (x,)))
        if len(x) == 2:
            x[0][1, 3:] = network.pad
    *source, tokens = x
    with torch.no_grad():
        whole = network(*x)
        state, found = network.begin(*source), []
        for piece in tokens.split(pieces, dim=1):
            logits, state = network.read(piece, state)
            found.append(logits)
        assert state.length == 6
        torch.testing.assert_close(
            torch.cat(found, dim=1).transpose(1, 2), whole, rtol=1e-9, atol=1e-9
        )


def test_examples_of_a_state_trade_places() -> None:
    network, rows = translator(), torch.tensor([2, 0, 0])
    target = torch.randint(5, (3, 4))
    with torch.no_grad():
        _, state = network.read(target[:, :3], network.begin(SOURCE))
        found, _ = network.read(target[rows, 3:], state.take(rows))
        expected = network(SOURCE[rows], target[rows])[..., -1]
    torch.testing.assert_close(found[:, 0], expected)


def logs(network: Any, source: Tensor | None, tokens: list[int]) -> Tensor:
    """Log probabilities of the token after ``tokens``, by running the whole network."""
    x = (torch.tensor([tokens]),) if source is None else (source[None], torch.tensor([tokens]))
    with torch.no_grad():
        outputs: Tensor = network(*x)[0, :, -1].log_softmax(0)
    return outputs


def log_probability(network: Any, source: Tensor | None, first: list[int], rest: Any) -> float:
    """Log probability of ``rest`` after ``first``."""
    x = torch.tensor([[*first, *rest]])
    inputs = (x[:, :-1],) if source is None else (source[None], x[:, :-1])
    with torch.no_grad():
        steps = network(*inputs)[0].log_softmax(0)[:, len(first) - 1 :]  # (vocabulary, rest)
    return float(steps.gather(0, torch.tensor([rest])).sum())


def greedily(network: Any, source: Tensor | None, first: list[int], limit: int) -> list[int]:
    """One token after the other, by a plain loop."""
    written: list[int] = []
    while len(written) < limit:
        steps = logs(network, source, first + written)
        steps[PAD] = -torch.inf
        token = int(steps.argmax())
        if token == END:
            break
        written.append(token)
    return written


@pytest.mark.parametrize("pre", [False, True])
def test_a_beam_of_one_is_greedy(pre: bool) -> None:
    network = translator(pre=pre, relative=2 if pre else 0)
    search = BeamSearch(END, beam=1, never=PAD, ratio=1.5, extra=2)
    found = translate(network, SOURCE, BEGIN, search)
    for (best,), source, length in zip(found, SOURCE, (5, 2, 3), strict=True):
        limit = int(1.5 * length + 2)
        assert best.tokens == greedily(network, source, [BEGIN], limit)
        size = len(best.tokens) + 1
        expected = log_probability(network, source, [BEGIN], [*best.tokens, END]) / size
        assert best.score == pytest.approx(expected)


def test_texts_are_continued_greedily() -> None:
    network = language()
    found = continue_text(network, PROMPT, BeamSearch(None, beam=1, never=PAD, extra=7))
    for (best,), prompt in zip(found, PROMPT.tolist(), strict=True):
        written: list[int] = []
        for _ in range(7):
            steps = logs(network, None, prompt + written)
            steps[PAD] = -torch.inf
            written.append(int(steps.argmax()))
        assert best.tokens == written


@pytest.mark.parametrize("penalty", [0.0, 0.6, 1.0, 2.0])
@pytest.mark.parametrize("kind", ["translation", "text", "gpt"])
def test_a_beam_as_wide_as_everything_finds_the_best_of_all(kind: str, penalty: float) -> None:
    """Four tokens, of which one is padding and one the end: 31 sequences of up to 4 tokens."""
    network: Any = {"translation": translator, "text": language, "gpt": lambda _: gpt()}[kind](4)
    search = BeamSearch(END, beam=40, length_penalty=penalty, never=PAD, extra=4)
    if kind == "translation":
        found = translate(network, SOURCE, BEGIN, search)
        cases = [(source, [BEGIN]) for source in SOURCE]
    else:
        found = continue_text(network, PROMPT, search)
        cases = [(None, prompt) for prompt in PROMPT.tolist()]  # type: ignore[misc]
    for hypotheses, (source, first) in zip(found, cases, strict=True):
        everything = []
        for length in range(5):
            for rest in product((2, 3), repeat=length):
                total = log_probability(network, source, first, [*rest, END])
                everything.append(Hypothesis(list(rest), total / (length + 1) ** penalty))
        everything.sort(key=lambda h: -h.score)
        assert [h.tokens for h in hypotheses] == [h.tokens for h in everything]
        assert [h.score for h in hypotheses] == pytest.approx([h.score for h in everything])


def beams_of(network: Any, source: Tensor, search: BeamSearch, limit: int) -> list[Hypothesis]:
    """Beam search of one sentence with lists, running the whole network each time."""
    live: list[tuple[float, list[int]]] = [(0.0, [])]
    done: list[Hypothesis] = []
    for step in range(limit + 1):
        grown = []
        for score, tokens in live:
            steps = logs(network, source, [BEGIN, *tokens]).tolist()
            for token, log in enumerate(steps):
                if token != PAD and (token == END or step < limit):
                    grown.append((score + log, [*tokens, token]))
        grown.sort(key=lambda pair: -pair[0])
        done += [
            Hypothesis(tokens[:-1], score / len(tokens) ** search.length_penalty)
            for score, tokens in grown[: search.beam]
            if tokens[-1] == END
        ]
        live = [pair for pair in grown if pair[1][-1] != END][: search.beam]
        if len(done) >= search.beam:
            break
    return sorted(done, key=lambda h: -h.score)[: search.beam]


@pytest.mark.parametrize("beam", [2, 3, 5])
@pytest.mark.parametrize("pre", [False, True])
def test_beams_are_those_of_a_plain_loop(beam: int, pre: bool) -> None:
    network = translator(vocabulary=7, pre=pre, relative=3 if pre else 0)
    search = BeamSearch(END, beam=beam, length_penalty=0.6, never=PAD, ratio=1.0, extra=3)
    found = translate(network, SOURCE, BEGIN, search)
    for hypotheses, source, length in zip(found, SOURCE, (5, 2, 3), strict=True):
        expected = beams_of(network, source, search, length + 3)
        assert [h.tokens for h in hypotheses] == [h.tokens for h in expected]
        assert [h.score for h in hypotheses] == pytest.approx([h.score for h in expected])


def test_sentences_do_not_depend_on_their_batch() -> None:
    network = translator(vocabulary=7)
    search = BeamSearch(END, beam=3, never=PAD, ratio=2.0, extra=1)
    together = translate(network, SOURCE, BEGIN, search)
    for row, length in enumerate((5, 2, 3)):
        (alone,) = translate(network, SOURCE[row : row + 1, :length], BEGIN, search)
        assert [h.tokens for h in alone] == [h.tokens for h in together[row]]


def test_a_wider_beam_is_no_worse() -> None:
    network = language(6)
    scores = [
        continue_text(network, PROMPT, BeamSearch(None, beam=beam, extra=5))[0][0].score
        for beam in (1, 6**5)
    ]
    assert scores[0] <= scores[1]


def test_modes_and_gradients_stay_as_they_are() -> None:
    network = translator().train()
    translate(network, SOURCE, BEGIN, BeamSearch(END, extra=2))
    assert all(module.training for module in network.modules())
    assert network(SOURCE, SOURCE.clamp(max=4)).requires_grad


def test_a_network_that_diverged_is_told() -> None:
    network = language()
    with torch.no_grad():
        network.embedding.weight.fill_(torch.nan)
    with pytest.raises(EvaluationError, match="outputs are not numbers, so nothing can be decoded"):
        continue_text(network, PROMPT, BeamSearch(END))


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ({"beam": 0}, "beam search: beam must be at least 1, got 0"),
        ({"extra": -1}, "extra must be at least 0"),
        ({"ratio": -0.5}, r"ratio is -0\.5, expected at least 0"),
        ({"length_penalty": float("nan")}, "length_penalty is nan, expected a finite number"),
    ],
)
def test_settings_that_cannot_be(setting: dict[str, Any], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        BeamSearch(END, **setting)
