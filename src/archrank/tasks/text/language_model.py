"""Language modelling: the next token of a text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archrank.errors import DataError
from archrank.tasks.base import Split
from archrank.tasks.text.base import TokenPrediction

if TYPE_CHECKING:
    from torch import Tensor

_SHAPE: tuple[int, ...] = (64,)


@dataclass(frozen=True)
class LanguageModel(TokenPrediction):
    """Prediction of the next token at every position of a window.

    Inputs are tokens ``(b, length)``, int64, and targets the same text one token later, see
    :func:`windows`. Networks must not look ahead.

    Attributes:
        vocabulary: Number of different tokens.
        padding: Token that fills up the last window; ``None``: there is none.
        input_shape: ``(length,)``.
    """

    name = "language_model"
    input_shape = _SHAPE  # no field, unless a subclass makes it one

    def lengths(self, data: Split) -> Tensor:
        """Return the lengths of windows, ``(b, 1)``."""
        return self._length(*data.inputs, data.y)[:, None]

    def cut(self, batch: Split, longest: Sequence[int]) -> Split:
        """Return windows of a length."""
        return batch.map(lambda tokens: tokens[:, : longest[0]])

    def example(self, batch: int = 1, *, seed: int = 0) -> Tensor:
        """Return random tokens ``(batch, length)``."""
        import torch

        generator = torch.Generator().manual_seed(seed)
        return self._tokens((batch, *self.input_shape), self.vocabulary, generator)


def windows(tokens: Tensor, length: int, padding: int | None = None) -> Split:
    """Cut a text into windows that follow each other; each token but the first is a target once.

    Args:
        tokens: The text, ``(l,)`` int64.
        length: Tokens per window.
        padding: Fills up the last window; ``None`` leaves its tokens out.

    Returns:
        ``x`` and ``y``, both ``(b, length)``, ``y`` one token ahead of ``x``.

    Raises:
        DataError: Too few tokens for one window.
    """
    import torch

    targets = len(tokens) - 1
    whole = targets // length if padding is None else -(-targets // length)
    if targets < 1 or whole < 1:
        raise DataError(f"{len(tokens)} tokens do not fill one window of {length} and its targets")
    lacking = max(0, whole * length - targets)
    if lacking and padding is not None:
        tokens = torch.cat([tokens, tokens.new_full((lacking,), padding)])
    end = whole * length
    return Split(tokens[:end].reshape(whole, length), tokens[1 : end + 1].reshape(whole, length))


def sliding(tokens: Tensor, context: int, step: int, padding: int) -> Split:
    """Cut a text into windows that overlap; each token but the first is counted once.

    A window shows ``context`` tokens, or as many as there are, and counts the ``step`` that follow.

    Args:
        tokens: The text, ``(l,)`` int64.
        context: Tokens before every one that is counted.
        step: Tokens that a window counts.
        padding: Fills up windows, and stands for targets that are not counted.

    Returns:
        ``x`` and ``y``, both ``(b, context + step)``, ``y`` one token ahead of ``x``.

    Raises:
        DataError: The text has no two tokens.
    """
    import torch

    targets = len(tokens) - 1
    if targets < 1:
        raise DataError(f"{len(tokens)} tokens have none that could be predicted")
    starts = torch.arange(0, targets, step)
    first = (starts - context).clamp(min=0)  # of the tokens that are shown
    places = first[:, None] + torch.arange(min(context, targets) + step)  # (b, t)
    shown = places < (starts + step).clamp(max=targets)[:, None]
    counted = shown & (places >= starts[:, None])
    places = places.clamp(max=targets - 1)
    return Split(
        tokens[places].masked_fill(~shown, padding),
        tokens[places + 1].masked_fill(~counted, padding),
    )
