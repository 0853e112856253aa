"""Language modelling of Python's own documentation, which lies on every machine."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from archrank.errors import DataError
from archrank.tasks.base import Split, Splits
from archrank.tasks.text.base import builtin_recipe
from archrank.tasks.text.language_model import LanguageModel, windows
from archrank.tasks.text.vocabulary import Characters, digest_of
from archrank.training.recipe import Recipe

if TYPE_CHECKING:
    import torch

BLOCK = 4096  # characters that stay together
EVERY, VALID, TEST = 10, 3, 8  # of ten blocks, the fourth validates and the ninth tests
PLAIN = str.maketrans({"“": '"', "”": '"', "‘": "'", "’": "'", "–": "-", "—": "-", "…": "."})
ALPHABET = Characters("\n" + string.digits + string.ascii_letters + string.punctuation + " ")


@dataclass(frozen=True)
class Topics(LanguageModel):
    """Predict the next character of the Python library's own documentation.

    The text is the module ``pydoc_data.topics`` of the Python that runs, which ``help("topics")``
    shows: about 465,000 characters in 3.11. A fifth of its paragraphs stand in several topics; each
    is kept once, or validation would measure what was seen in training. What is left, about 375,000
    characters, is cut into blocks of 4,096; of ten blocks in a row one validates and one tests.
    Windows lie inside blocks and do not overlap. Quotation marks and dashes are written in ASCII.

    Other versions of Python have other texts, so a digest of it is part of the identity: runs of
    two versions are not mixed.

    Attributes:
        input_shape: ``(length,)``: characters of a window, at most 4,095.
    """

    recipe: Recipe = field(default_factory=partial(builtin_recipe, 8))
    vocabulary: int = field(default=ALPHABET.size, init=False)
    padding: int | None = field(default=None, init=False)  # all windows are full
    input_shape: tuple[int, ...] = (128,)

    name = "topics"

    def load(self) -> Splits:
        """Return windows of four fifths of the text to train with, a tenth each of held-out text.

        Raises:
            DataError: This Python comes without its documentation, or windows are too long.
        """
        return _load(*self.input_shape)

    def identity(self) -> dict[str, Any]:
        """Return the settings, and a digest of the text of this version of Python."""
        return super().identity() | {"text": digest_of(corpus())}

    def text_of(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens."""
        return ALPHABET.decode(tokens)


@lru_cache(maxsize=1)
def corpus() -> str:
    """Return the text: all paragraphs of all topics by name, repeated ones once.

    Raises:
        DataError: This Python comes without its documentation.
    """
    try:
        from pydoc_data.topics import topics
    except ImportError:
        raise DataError(
            "task topics: this Python comes without pydoc_data.topics, its documentation; some "
            "systems have it in a package of their own, such as Debian's libpython3-stdlib"
        ) from None
    kept: dict[str, str] = {}
    for name in sorted(topics):
        for paragraph in re.split(r"\n\s*\n", topics[name].translate(PLAIN)):
            kept.setdefault(" ".join(paragraph.split()), paragraph.strip("\n"))
    return "\n\n".join(paragraph for words, paragraph in kept.items() if words)


@lru_cache(maxsize=4)
def _load(length: int) -> Splits:
    import torch

    tokens = torch.tensor(ALPHABET.encode(corpus()), dtype=torch.int64)
    blocks = tokens[: len(tokens) // BLOCK * BLOCK].reshape(-1, BLOCK)
    if not 1 <= length < BLOCK:
        raise DataError(
            f"task topics: windows of {length} characters do not fit its blocks of {BLOCK}; "
            f"choose an input_shape of ({BLOCK - 1},) or less"
        )
    place = torch.arange(len(blocks)) % EVERY
    held_out = (place == VALID, place == TEST)
    return Splits(
        *(_cut(blocks[rows], length) for rows in (~(held_out[0] | held_out[1]), *held_out))
    )


def _cut(blocks: torch.Tensor, length: int) -> Split:
    """Return the windows of each block ``(n, BLOCK)``, as :func:`windows` cuts them."""
    import torch

    parts = [windows(block, length) for block in blocks]
    return Split(
        torch.cat([part.inputs[0] for part in parts]), torch.cat([part.y for part in parts])
    )
