"""Subwords: byte pair encoding, learnt with the package ``tokenizers``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from archrank.errors import DataError, MissingExtraError, SettingsError
from archrank.tasks.text.vocabulary import SPECIAL, UNKNOWN, Vocabulary, spoken


class Subwords(Vocabulary):
    """Subwords by byte pair encoding (Sennrich et al., 2016), with spaces as part of the tokens.

    Args:
        content: A tokenizer as ``tokenizers`` writes it, in JSON.

    Raises:
        MissingExtraError: ``tokenizers`` is not installed.
        DataError: ``content`` is no such tokenizer.
    """

    kind = "subwords"

    def __init__(self, content: str) -> None:
        try:
            self._tokenizer = _tokenizers().Tokenizer.from_str(content)
        except MissingExtraError:
            raise
        except Exception as error:  # the package raises nothing narrower
            raise DataError(f"this is no tokenizer of the package tokenizers: {error}") from None
        found = [self._tokenizer.id_to_token(i) for i in range(len(SPECIAL))]
        if found != list(SPECIAL):
            raise DataError(
                f"a subword vocabulary begins with {', '.join(SPECIAL)}; this one with "
                f"{', '.join(map(str, found))}"
            )

    @classmethod
    def learn(cls, lines: Iterable[str], size: int) -> Subwords:
        """Learn the subwords of a text.

        Args:
            lines: The text.
            size: Number of tokens, special ones included; fewer if the text has no more.

        Raises:
            MissingExtraError: ``tokenizers`` is not installed.
            SettingsError: The text has more different characters than there may be tokens.
        """
        package = _tokenizers()
        tokenizer = package.Tokenizer(package.models.BPE(unk_token=SPECIAL[UNKNOWN]))
        tokenizer.pre_tokenizer = package.pre_tokenizers.Metaspace()
        tokenizer.decoder = package.decoders.Metaspace()
        trainer = package.trainers.BpeTrainer(
            vocab_size=size, special_tokens=list(SPECIAL), show_progress=False
        )
        tokenizer.train_from_iterator(lines, trainer)
        found = int(tokenizer.get_vocab_size())
        if found > size:
            raise SettingsError(
                f"a subword vocabulary of {size} tokens does not hold the {found - len(SPECIAL)} "
                "different characters of the text; give it more"
            )
        return cls(tokenizer.to_str())

    @property
    def size(self) -> int:
        """Number of different tokens, special ones included."""
        return int(self._tokenizer.get_vocab_size())

    def encode(self, text: str) -> list[int]:
        """Return the tokens of a text; special tokens that it spells out are unknown."""
        found = self._tokenizer.encode(text, add_special_tokens=False).ids
        return [max(token, UNKNOWN) for token in found]

    def decode(self, tokens: Iterable[int]) -> str:
        """Return the text of tokens up to the first end, unknown ones as ``<unk>``."""
        text: str = self._tokenizer.decode(spoken(tokens), skip_special_tokens=False)
        return text

    def describe(self) -> dict[str, Any]:
        """Return the kind and all that ``tokenizers`` writes."""
        return {"kind": self.kind, "tokenizer": json.loads(self._tokenizer.to_str())}


@lru_cache(maxsize=1)
def _tokenizers() -> Any:
    """Return the package.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        import tokenizers
    except ImportError:
        raise MissingExtraError("tokenizers", "text", "a subword vocabulary") from None
    return tokenizers
