"""Vocabularies: texts as token numbers, and back."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from typing import Any

PAD, BEGIN, END, UNKNOWN = range(4)
SPECIAL = ("<pad>", "<s>", "</s>", "<unk>")
"""The first tokens of every vocabulary: padding, begin and end of a sentence, all that is rare."""


class Vocabulary(ABC):
    """Tokens by number; the first four are :data:`SPECIAL`.

    Attributes:
        kind: Name of the kind of tokens, as vocabulary files tell it.
    """

    kind = ""

    @property
    @abstractmethod
    def size(self) -> int:
        """Number of different tokens, special ones included."""

    @abstractmethod
    def encode(self, text: str) -> list[int]:
        """Return the tokens of a text, :data:`UNKNOWN` for what the vocabulary lacks."""

    @abstractmethod
    def decode(self, tokens: Iterable[int]) -> str:
        """Return the text of tokens; all that follows the first :data:`END` is left out."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Return all that the vocabulary consists of, as JSON values."""

    @cached_property
    def digest(self) -> str:
        """Digest of the content."""
        return digest_of(json.dumps(self.describe(), sort_keys=True))

    def lacks(self, text: str) -> list[str]:
        """Return what of a text the vocabulary lacks, in order."""
        return []


class Listed(Vocabulary):
    """Vocabulary that is a list of tokens, which no text changes.

    Args:
        tokens: Tokens without the special ones, in the order of their numbers.
    """

    def __init__(self, tokens: Iterable[str]) -> None:
        self.tokens = (*SPECIAL, *tokens)
        self._numbers = {token: number for number, token in enumerate(self.tokens[4:], 4)}

    @property
    def size(self) -> int:
        """Number of different tokens, special ones included."""
        return len(self.tokens)

    @abstractmethod
    def split(self, text: str) -> Iterable[str]:
        """Cut a text into tokens."""

    @abstractmethod
    def join(self, tokens: Iterable[str]) -> str:
        """Put a text together from tokens."""

    def encode(self, text: str) -> list[int]:
        """Return the tokens of a text, :data:`UNKNOWN` for those that are not listed."""
        numbers = self._numbers
        return [numbers.get(token, UNKNOWN) for token in self.split(text)]

    def decode(self, tokens: Iterable[int]) -> str:
        """Return the text of tokens up to the first :data:`END`, without padding and begin."""
        return self.join(self.tokens[token] for token in spoken(tokens))

    def lacks(self, text: str) -> list[str]:
        """Return the tokens of a text that are not listed, in order."""
        known = self._numbers
        return [token for token in self.split(text) if token not in known and token != "<unk>"]

    def describe(self) -> dict[str, Any]:
        """Return the kind and the list."""
        return {"kind": self.kind, "tokens": list(self.tokens[len(SPECIAL) :])}


class Characters(Listed):
    """Characters as tokens.

    Example:
        >>> vocabulary = Characters("abc")
        >>> vocabulary.encode("cab!"), vocabulary.decode([6, 4, 5, END, PAD])
        ([6, 4, 5, 3], 'cab')
    """

    kind = "characters"

    def split(self, text: str) -> Iterable[str]:
        """Return the characters of a text."""
        return text

    def join(self, tokens: Iterable[str]) -> str:
        """Put characters together."""
        return "".join(tokens)


class Words(Listed):
    """Words as tokens: whatever stands between spaces.

    Args:
        tokens: Words without the special tokens, in the order of their numbers.
        joiner: Ending of tokens that the next one continues, such as ``@@`` of texts that were cut
            into subwords before; such tokens are joined when they are decoded.

    Example:
        >>> vocabulary = Words(["a", "ho@@", "use"], joiner="@@")
        >>> vocabulary.encode("a  red ho@@ use"), vocabulary.decode([4, 5, 6, END])
        ([4, 3, 5, 6], 'a house')
    """

    kind = "words"

    def __init__(self, tokens: Iterable[str], joiner: str = "") -> None:
        super().__init__(tokens)
        self.joiner = joiner

    def split(self, text: str) -> Iterable[str]:
        """Return the words of a text."""
        return text.split()

    def join(self, tokens: Iterable[str]) -> str:
        """Put words together with single spaces, or none where one continues another."""
        text = " ".join(tokens)
        return text.replace(f"{self.joiner} ", "") if self.joiner else text

    def describe(self) -> dict[str, Any]:
        """Return the kind, the list and the joiner, if there is one."""
        return super().describe() | ({"joiner": self.joiner} if self.joiner else {})

    @classmethod
    def learn(
        cls, lines: Iterable[str], *, least: int = 1, most: int | None = None, joiner: str = ""
    ) -> Words:
        """Return the words of a text, the most frequent first, equals in alphabetical order.

        Args:
            lines: The text.
            least: Times that a word must occur.
            most: Words at most, special tokens included; ``None``: all.
            joiner: See the class.
        """
        counts = Counter(word for line in lines for word in line.split())
        for special in SPECIAL:
            counts.pop(special, None)
        kept = sorted(word for word, n in counts.items() if n >= least)
        kept.sort(key=lambda word: -counts[word])
        return cls(kept[: None if most is None else max(0, most - len(SPECIAL))], joiner)


def spoken(
    tokens: Iterable[int], *, begin: int = BEGIN, end: int = END, pad: int | None = PAD
) -> list[int]:
    """Return the tokens up to the first end, without padding and begin."""
    found = []
    for token in map(int, tokens):
        if token == end:
            break
        if token not in (pad, begin):
            found.append(token)
    return found


def digest_of(*texts: str | bytes) -> str:
    """Return a digest of texts, which differ wherever one of them does."""
    whole = hashlib.sha256()
    for text in texts:
        data = text.encode() if isinstance(text, str) else text
        whole.update(f"{len(data)}:".encode() + data)
    return whole.hexdigest()[:16]
