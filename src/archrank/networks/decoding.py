"""Decoding: sequences that a network of tokens writes, greedily or by beam search.

Networks read a sequence piece by piece (``begin`` and ``read`` of
:class:`~archrank.networks.transformer.EncoderDecoder` and
:class:`~archrank.networks.language_models.Causal`) and remember keys and values, so a step costs
one token. Scores, lengths and the end of a search are those of fairseq (Ott et al., 2019).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor

from archrank.checks import number, whole
from archrank.errors import EvaluationError, SettingsError
from archrank.networks.language_models import Causal
from archrank.networks.transformer import EncoderDecoder
from archrank.networks.transformer_layers import DecodingState
from archrank.torch_state import mode

Network: TypeAlias = EncoderDecoder | Causal


class Hypothesis(NamedTuple):
    """A sequence that was written.

    Attributes:
        tokens: Without begin and end.
        score: Log probability, the end included, over ``length ** length_penalty``.
    """

    tokens: list[int]
    score: float


@dataclass(frozen=True)
class BeamSearch:
    """Settings of a search for the best continuations.

    Each step keeps the ``beam`` unfinished sequences that are most probable. A sequence that ends
    among them is finished; a search ends with ``beam`` finished ones, or at the greatest length,
    where all must end. With a beam of 1 it is greedy: the most probable token at every step.

    Attributes:
        end: Token that ends a sequence; ``None``: there is none, all have the greatest length.
        beam: Width. The published translations of HAT have 5 on IWSLT, 4 on WMT.
        length_penalty: Exponent of the length, end included, by which log probabilities are
            divided; above 1 favours long sequences. HAT takes 0.6 on WMT.
        never: Token that is never written, such as padding.
        ratio: Greatest length per token of the source, without its padding.
        extra: Greatest length beside that; the end is not counted.

    Raises:
        SettingsError: A number is out of its range.
    """

    end: int | None
    beam: int = 5
    length_penalty: float = 1.0
    never: int | None = None
    ratio: float = 0.0
    extra: int = 200

    def __post_init__(self) -> None:
        whole(self.beam, "beam search: beam", at_least=1, error=SettingsError)
        whole(self.extra, "beam search: extra", at_least=0, error=SettingsError)
        number(self.length_penalty, "beam search: length_penalty", error=SettingsError)
        if number(self.ratio, "beam search: ratio", error=SettingsError) < 0:
            raise SettingsError(f"beam search: ratio is {self.ratio:g}, expected at least 0")

    def limit(self, source: int) -> int:
        """Return the greatest length for a source of so many tokens."""
        return int(self.ratio * source + self.extra)


def translate(
    network: EncoderDecoder, source: Tensor, begin: int, search: BeamSearch
) -> list[list[Hypothesis]]:
    """Translate sentences.

    Args:
        network: In any mode, which stays.
        source: Tokens ``(b, s)``, padded.
        begin: Token before the first one of a translation.
        search: Settings.

    Returns:
        For every sentence its finished translations, up to ``search.beam``, the best first.

    Raises:
        EvaluationError: The network's outputs are not numbers.
    """
    real = source.shape[1] - (source == network.pad).sum(dim=1) if network.pad is not None else None
    lengths = [source.shape[1]] * len(source) if real is None else real.tolist()
    first = source.new_full((len(source), 1), begin)
    with torch.inference_mode(), mode(network, training=False):
        state = network.begin(source)
        return _search(network, first, state, list(map(search.limit, lengths)), search)


def continue_text(network: Causal, prompt: Tensor, search: BeamSearch) -> list[list[Hypothesis]]:
    """Continue texts by up to ``search.extra`` tokens.

    Args:
        network: In any mode, which stays.
        prompt: Tokens ``(b, t)``, at least one, of equal length.
        search: Settings.

    Returns:
        For every prompt its continuations, up to ``search.beam``, the best first.

    Raises:
        EvaluationError: The network's outputs are not numbers.
    """
    with torch.inference_mode(), mode(network, training=False):
        return _search(network, prompt, network.begin(), [search.extra] * len(prompt), search)


class _Beams:
    """Unfinished sequences of a search.

    Attributes:
        examples: Numbers of the examples that are searched, ``(n,)``.
        scores: Log probabilities, ``(n, w)``; the first step has one sequence, later ones ``beam``.
        written: Tokens, ``(n, w, length)``.
    """

    def __init__(self, b: int, device: torch.device) -> None:
        self.examples = list(range(b))
        self.scores = torch.zeros(b, 1, dtype=torch.float64, device=device)
        self.written = torch.zeros(b, 1, 0, dtype=torch.int64, device=device)

    def keep(self, rows: list[int], scores: Tensor, before: Tensor, tokens: Tensor) -> Tensor:
        """Go on with sequences that are one token longer.

        Args:
            rows: Places of the examples that are not done.
            scores: Of the longer sequences of all examples, ``(n, k)``.
            before: Place of the sequence that each continues, ``(n, k)``.
            tokens: The tokens, ``(n, k)``.

        Returns:
            The rows ``(rows k,)`` of the past that they continue.
        """
        width = self.scores.shape[1]
        kept = torch.tensor(rows, device=scores.device, dtype=torch.int64)
        self.examples = [self.examples[row] for row in rows]
        self.scores, before = scores[kept], before[kept]
        self.written = torch.cat(
            [self.written[kept[:, None], before], tokens[kept][..., None]], dim=2
        )
        return (kept[:, None] * width + before).flatten()


def _search(
    network: Network, first: Tensor, state: DecodingState, limits: list[int], search: BeamSearch
) -> list[list[Hypothesis]]:
    """Search continuations of ``first: (b, t)``.

    Args:
        network: In evaluation mode.
        first: Tokens before the continuations.
        state: Before these tokens.
        limits: Greatest length of each.
        search: Settings.
    """
    beams, finished = _Beams(len(first), first.device), [list[Hypothesis]() for _ in limits]
    tokens, length = first, 0
    while beams.examples:
        logits, state = network.read(tokens, state)
        ending = [limits[example] == length for example in beams.examples]
        if search.end is None and any(ending):
            _finish_all(beams, finished, ending, search)
            live = [row for row, ends in enumerate(ending) if not ends]
            if not live:
                break
        scores, before, chosen = _candidates(beams, logits[:, -1], ending, search)
        _finish(beams, finished, (scores, before, chosen), search)
        live = [
            row
            for row, example in enumerate(beams.examples)
            if not ending[row] and len(finished[example]) < search.beam
        ]
        known = beams.scores.numel()  # sequences that the state remembers
        rows = beams.keep(live, *_unfinished(scores, before, chosen, search))
        same = len(live) == len(ending) and len(rows) == known
        if search.beam > 1 or not same:
            state = state.take(rows, memories=not same)
        tokens, length = beams.written[:, :, -1].reshape(-1, 1), length + 1
    return [sorted(found, key=lambda h: -h.score)[: search.beam] for found in finished]


def _candidates(
    beams: _Beams, logits: Tensor, ending: list[bool], search: BeamSearch
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the best longer sequences of every example, the best first.

    Args:
        beams: The sequences.
        logits: Of the next token, ``(n w, vocabulary)``.
        ending: Whether each example has its greatest length.
        search: Settings.

    Returns:
        Log probabilities, places of the sequences that are continued, and tokens: ``(n, c)`` each.
    """
    n, width = beams.scores.shape
    steps = logits.double().log_softmax(-1).view(n, width, -1)  # (n, w, vocabulary)
    if steps.isnan().any():
        raise EvaluationError(
            "the network's outputs are not numbers, so nothing can be decoded; its training has "
            "probably diverged"
        )
    if search.never is not None:
        steps[..., search.never] = -inf
    if search.end is not None and any(ending):
        must = torch.tensor(ending, device=steps.device)[:, None, None]
        others = torch.arange(steps.shape[2], device=steps.device) != search.end
        steps = steps.masked_fill(must & others, -inf)
    total = (beams.scores[..., None] + steps).flatten(1)
    found = total.topk(min(2 * search.beam, total.shape[1]))
    vocabulary = steps.shape[2]
    return found.values, found.indices // vocabulary, found.indices % vocabulary


def _finish(
    beams: _Beams,
    finished: list[list[Hypothesis]],
    candidates: tuple[Tensor, Tensor, Tensor],
    search: BeamSearch,
) -> None:
    """Note the candidates among the first ``beam`` that end."""
    if search.end is None:
        return
    scores, before, chosen = (part[:, : search.beam] for part in candidates)
    ends = (chosen == search.end) & (scores > -inf)
    length = beams.written.shape[2] + 1
    for row, place in ends.nonzero().tolist():
        tokens = beams.written[row, before[row, place]].tolist()
        score = float(scores[row, place]) / length**search.length_penalty
        finished[beams.examples[row]].append(Hypothesis(tokens, score))


def _finish_all(
    beams: _Beams, finished: list[list[Hypothesis]], ending: list[bool], search: BeamSearch
) -> None:
    """Note all sequences of the examples that have their greatest length, without an end."""
    length = max(1, beams.written.shape[2])
    for row, example in enumerate(beams.examples):
        if ending[row]:
            for score, tokens in zip(beams.scores[row], beams.written[row].tolist(), strict=True):
                found = float(score) / length**search.length_penalty
                finished[example] += [Hypothesis(tokens, found)] if score > -inf else []


def _unfinished(
    scores: Tensor, before: Tensor, chosen: Tensor, search: BeamSearch
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the first ``beam`` candidates that do not end: ``(n, k)`` each."""
    count = scores.shape[1]
    place = torch.arange(count, device=scores.device).expand_as(scores)
    if search.end is not None:
        ends = chosen == search.end
        scores, place = scores.masked_fill(ends, -inf), place + count * ends
    kept = place.topk(min(search.beam, count), largest=False, sorted=True).indices
    return scores.gather(1, kept), before.gather(1, kept), chosen.gather(1, kept)
