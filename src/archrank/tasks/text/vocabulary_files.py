"""Vocabularies as files: learnt once, kept in the cache, handed on with trained networks."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from archrank.errors import DataError, StorageError
from archrank.files import read_json, shorten, user_path
from archrank.tasks.cache import cached
from archrank.tasks.text.reading import lines_of
from archrank.tasks.text.subwords import Subwords
from archrank.tasks.text.vocabulary import SPECIAL, Characters, Vocabulary, Words

KINDS = ("subwords", "words", "characters")


def kept(key: dict[str, Any], learn: Callable[[], Vocabulary]) -> Vocabulary:
    """Return the vocabulary that ``learn`` makes, from the cache folder if it is there.

    Args:
        key: All that it depends on, JSON values.
        learn: Learns it.
    """

    def make() -> dict[str, Any]:
        text = json.dumps(learn().describe())
        return {"json": np.frombuffer(text.encode(), dtype=np.uint8)}

    return made_of(json.loads(cached("vocabulary", key, make)["json"].tobytes()))


def made_of(content: dict[str, Any]) -> Vocabulary:
    """Return the vocabulary that :meth:`Vocabulary.describe` told.

    Raises:
        DataError: It is none.
    """
    kind = content.get("kind")
    if kind == Subwords.kind:
        return Subwords(json.dumps(content.get("tokenizer")))
    tokens = content.get("tokens")
    if (
        kind not in KINDS
        or not isinstance(tokens, list)
        or not all(isinstance(token, str) for token in tokens)
    ):
        raise DataError("it holds no tokens")
    if kind == Characters.kind:
        return Characters(tokens)
    return Words(tokens, str(content.get("joiner", "")))


def content_of(vocabulary: Vocabulary, text: str) -> bytes:
    """Return the content of a vocabulary file.

    Args:
        vocabulary: What it holds.
        text: Digest of the text that it was learnt from.
    """
    told = {"digest": vocabulary.digest, "learnt_from": text, "vocabulary": vocabulary.describe()}
    return (json.dumps(told, ensure_ascii=False) + "\n").encode()


def read_vocabulary(path: str, text: str = "", *, joiner: str = "") -> Vocabulary:
    """Read a vocabulary file: one of archrank's, or a list of words, one a line.

    A list may have a count after each word, as fairseq's ``dict.txt``.

    Args:
        path: The file.
        text: Digest of the training text that it is used for; empty: whatever it was learnt from.
        joiner: Of the words of a list, see :class:`Words`.

    Raises:
        DataError: It cannot be read, is damaged, or was learnt from another text.
    """
    if not is_archranks(path):
        return Words(_listed(path), joiner)
    try:
        found = read_json(user_path(path), "a vocabulary")
        vocabulary = made_of(dict(found["vocabulary"]))
    except (StorageError, DataError, LookupError, TypeError, ValueError) as error:
        raise DataError(f"{path} is no vocabulary file: {shorten(error)}") from None
    if found.get("digest") != vocabulary.digest:
        raise DataError(f"{path} is damaged: its tokens are not those that its digest tells")
    if text and found.get("learnt_from") != text:
        raise DataError(
            f"{path} was learnt from another text (digest {found.get('learnt_from')}, the training "
            f"files have {text}); leave the vocabulary out to learn one"
        )
    return vocabulary


def is_archranks(path: str) -> bool:
    """Tell whether a vocabulary file is one of archrank's, which are JSON, or a list."""
    return Path(path).suffix == ".json"


def check_known(vocabulary: Vocabulary, path: str, lines: Iterable[str], source: str) -> None:
    """Check that a given list has all words of a file.

    Args:
        vocabulary: The list.
        path: Name of the file.
        lines: Its content.
        source: Name of the file of the list.

    Raises:
        DataError: It lacks one; names file, line and word.
    """
    for number, line in enumerate(lines, 1):
        if missing := vocabulary.lacks(line):
            raise DataError(
                f"{path}, line {number}: {shorten(missing[0])} is not in the vocabulary {source}; "
                'add it, write "<unk>" for it, or leave the vocabulary out to learn one'
            )


def _listed(path: str) -> list[str]:
    rows = [line.split() for line in lines_of(path)]
    for number, row in enumerate(rows, 1):
        if len(row) not in (1, 2) or (len(row) == 2 and not row[1].isdigit()):
            raise DataError(f"{path}, line {number}: expected a word, or a word and its count")
    words = [row[0] for row in rows if row[0] not in SPECIAL]
    if twice := [word for word, n in Counter(words).items() if n > 1]:
        raise DataError(f"{path}: {shorten(twice[0])} stands there twice")
    return words
