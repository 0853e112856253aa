"""Translation: a target sequence for each source sequence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from archrank.errors import DataError
from archrank.tasks.base import Split
from archrank.tasks.text.base import TokenPrediction
from archrank.tasks.text.vocabulary import BEGIN, END, spoken

if TYPE_CHECKING:
    from torch import Tensor

_SHAPE: tuple[int, ...] = (2, 64)


@dataclass(frozen=True)
class Translation(TokenPrediction):
    """Prediction of the next target token from the source and the target so far.

    Inputs are a pair: source tokens ``(b, s)`` and the target shifted right ``(b, t)``; targets are
    ``(b, t)``, see :func:`pairs`. The network is called with both, and returns
    ``(b, vocabulary, t)``. It must not look ahead in the target, nor at padding of the source.

    Attributes:
        vocabulary: Number of different target tokens.
        padding: Token that fills up short sequences on both sides.
        source_vocabulary: Number of different source tokens; 0: one vocabulary for both sides.
        input_shape: ``(2, length)``: the length of the longest sequence on either side.
    """

    source_vocabulary: int = 0

    begin = BEGIN  # tokens that :func:`pairs` was called with; no fields
    end = END
    name = "translation"
    input_shape = _SHAPE  # no field, unless a subclass makes it one

    @property
    def n_sources(self) -> int:
        """The size of the source vocabulary."""
        return self.source_vocabulary or self.vocabulary

    @property
    def bleu_settings(self) -> dict[str, Any]:
        """Settings of :func:`~archrank.tasks.bleu` that suit the texts; the default ones."""
        return {}

    def text_of(self, tokens: Sequence[int]) -> str:
        """Return the text of target tokens; their numbers, where a task has no vocabulary."""
        return " ".join(map(str, spoken(tokens, begin=self.begin, end=self.end, pad=self.padding)))

    def lengths(self, data: Split) -> Tensor:
        """Return the lengths of sources and targets, ``(b, 2)``."""
        import torch

        source, shifted = data.inputs
        return torch.stack([self._length(source), self._length(shifted, data.y)], dim=1)

    def cut(self, batch: Split, longest: Sequence[int]) -> Split:
        """Return sources and targets of two lengths."""
        source, shifted = batch.inputs
        s, t = longest
        return Split((source[:, :s], shifted[:, :t]), batch.y[:, :t])

    def example(self, batch: int = 1, *, seed: int = 0) -> tuple[Tensor, Tensor]:
        """Return random source and target tokens, ``(batch, length)`` each."""
        import torch

        generator = torch.Generator().manual_seed(seed)
        shape = (batch, self.input_shape[-1])
        return (
            self._tokens(shape, self.n_sources, generator),
            self._tokens(shape, self.vocabulary, generator),
        )


def pairs(
    sources: Sequence[Sequence[int]],
    targets: Sequence[Sequence[int]],
    *,
    begin: int,
    end: int,
    padding: int,
) -> Split:
    """Pad sentence pairs into tensors.

    Args:
        sources: Tokens of each source sentence.
        targets: Tokens of each target sentence, in the same order.
        begin: Token that the shifted target begins with.
        end: Token that follows the last token of the target.
        padding: Token that fills up short sentences.

    Returns:
        ``x``: source ``(b, s)`` and shifted target ``(b, t)``; ``y``: target ``(b, t)``.

    Raises:
        DataError: No sentences, or different numbers of them.
    """
    if not sources or len(sources) != len(targets):
        raise DataError(
            f"{len(sources):,} source and {len(targets):,} target sentences; expected as many of "
            "either, and at least one"
        )
    source = _padded(sources, padding)
    shifted = _padded([[begin, *sentence] for sentence in targets], padding)
    target = _padded([[*sentence, end] for sentence in targets], padding)
    return Split((source, shifted), target)


def _padded(sentences: Sequence[Sequence[int]], padding: int) -> Tensor:
    """Return sentences as ``(b, longest)``, int64."""
    import torch

    length = max(1, *(len(sentence) for sentence in sentences)) if sentences else 1
    rows = [[*sentence, *[padding] * (length - len(sentence))] for sentence in sentences]
    return torch.tensor(rows, dtype=torch.int64)
