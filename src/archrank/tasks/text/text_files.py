"""Language modelling of text files, in the layout of WikiText-103 or any other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from archrank.checks import quoted, whole
from archrank.errors import DataError, SettingsError
from archrank.identity import IRRELEVANT
from archrank.tasks.base import Splits
from archrank.tasks.cache import Arrays, cached
from archrank.tasks.text.language_model import LanguageModel, sliding, windows
from archrank.tasks.text.reading import absolute, digest_of_files, lines_of
from archrank.tasks.text.subwords import Subwords
from archrank.tasks.text.vocabulary import END, PAD, SPECIAL, Characters, Vocabulary, Words
from archrank.tasks.text.vocabulary_files import (
    KINDS,
    check_known,
    content_of,
    is_archranks,
    kept,
    read_vocabulary,
)
from archrank.training.recipe import Recipe

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class TextFiles:
    """Text files and their tokens; what :func:`from_text` found.

    Attributes:
        paths: Files to train, validate and test with.
        tokens: Kind of tokens.
        size: Tokens of the vocabulary, at most; 0: all words.
        least: Times that a word of the vocabulary occurs in training.
        vocabulary: File of a given vocabulary; empty: it is learnt.
        text: Digest of the files, so that changed ones are noticed.
        known: Digest of the vocabulary.
    """

    paths: tuple[str, ...] = field(metadata=IRRELEVANT)
    tokens: Literal["subwords", "words", "characters"] = "words"
    size: int = 0
    least: int = 1
    vocabulary: str = field(default="", metadata=IRRELEVANT)
    text: str = ""
    known: str = ""


@dataclass(frozen=True)
class LanguageModelFiles(LanguageModel):
    """Predict the next token of text files; made by :func:`from_text`.

    Attributes:
        input_shape: ``(length,)`` of the windows to train with.
        context: Tokens that held-out tokens have before them, at least, as far as there are any.
        step: Tokens that each held-out window adds to the count.
        files: The files, their tokens and digests; paths are no part of the identity.
        name: Short name, for file names and displays.
    """

    input_shape: tuple[int, ...] = (512,)
    context: int = 0
    step: int = 0
    files: TextFiles = field(default_factory=lambda: TextFiles(()))
    name: str = "language_model_files"

    def load(self) -> Splits:
        """Return windows of the training text, and held-out windows that overlap by the context.

        Raises:
            DataError: A file is not what it was when the task was made, or too short.
        """
        return _load(self.files, self.input_shape[0], self.context, self.step)

    @property
    def tokens(self) -> Vocabulary:
        """The vocabulary."""
        return _found(self.files)

    def kept_files(self) -> dict[str, bytes]:
        """Return the vocabulary file, which texts cannot be read or written without."""
        return {"vocabulary.json": content_of(self.tokens, digest_of_files(self.files.paths[:1]))}


RECIPE = Recipe(
    epochs=10, batch_size=16, optimizer="adamw", lr=5e-4, warmup_epochs=0.5, grad_clip=1.0
)
"""For files of users; published trainings are in ``supernets/recipes.py``."""


def from_text(
    train: Any,
    valid: Any,
    test: Any,
    *,
    length: int = 512,
    context: int = 0,
    step: int | None = None,
    tokens: Literal["subwords", "words", "characters"] = "words",
    size: int | None = None,
    least: int = 1,
    vocabulary: Any = None,
    recipe: Recipe | None = None,
    name: str = "language_model_files",
) -> LanguageModelFiles:
    """Return the language modelling task of three text files in UTF-8.

    Every line ends with the token ``</s>``, empty lines too, as in fairseq. Training windows follow
    each other; held-out windows overlap, so that each token is counted once with ``context`` tokens
    or more before it, as far as the text has them (Baevski and Auli, 2019: 2,560).

    Args:
        train: File to train with.
        valid: File to validate with.
        test: File to test with.
        length: Tokens of a training window.
        context: Tokens before every held-out token.
        step: Held-out tokens that a window counts; ``None``: ``length``.
        tokens: Words, which stand between spaces; subwords (package ``tokenizers``, extra
            ``text``); or characters.
        size: Tokens of the vocabulary, special ones included; ``None``: 8,000 subwords, all words
            or characters.
        least: Times that a word must occur in training; rarer ones are ``<unk>``.
        vocabulary: A vocabulary file in place of learning: one that archrank wrote, or a list of
            words such as fairseq's.
        recipe: Optimisation; ``None``: one for small files.
        name: Short name of the task.

    Raises:
        DataError: A file is missing, empty, too short or not UTF-8; a given vocabulary lacks a word
            or was learnt from another text.
        SettingsError: A setting is out of its range.
        MissingExtraError: ``tokenizers`` is not installed.
    """
    if tokens not in KINDS:
        raise SettingsError(f"tokens is {quoted(tokens)}, expected one of {', '.join(KINDS)}")
    bounds = {"length": (length, 1), "context": (context, 0), "least": (least, 1)}
    bounds |= {} if step is None else {"step": (step, 1)}
    bounds |= {} if size is None else {"size": (size, len(SPECIAL) + 1)}
    for setting, (value, bound) in bounds.items():
        whole(value, setting, at_least=bound, error=SettingsError)
    files = TextFiles(
        tuple(map(absolute, (train, valid, test))),
        tokens=tokens,
        size=size or (8000 if tokens == "subwords" else 0),
        least=least,
        vocabulary="" if vocabulary is None else absolute(vocabulary),
    )
    files = replace(files, text=digest_of_files(files.paths))
    learnt = _found(files)
    files = replace(files, known=learnt.digest)
    step = length if step is None else step
    _load(files, length, context, step)
    return LanguageModelFiles(
        recipe=RECIPE if recipe is None else recipe,
        vocabulary=learnt.size,
        padding=PAD,
        input_shape=(length,),
        context=context,
        step=step,
        files=files,
        name=name,
    )


def _found(files: TextFiles) -> Vocabulary:
    """Return the vocabulary as its file, given or to learn from, now is."""
    given = digest_of_files([files.vocabulary] if files.vocabulary else [])
    return _vocabulary(replace(files, known=""), given)


@lru_cache(maxsize=4)
def _vocabulary(files: TextFiles, given: str) -> Vocabulary:
    """Return the vocabulary, given or learnt from the training text."""
    train = files.paths[0]
    text = digest_of_files([train])
    if files.vocabulary:
        return read_vocabulary(files.vocabulary, text)

    def learn() -> Vocabulary:
        lines, most = lines_of(train), files.size or None
        if files.tokens == "subwords":
            return Subwords.learn(lines, files.size)
        if files.tokens == "words":
            return Words.learn(lines, least=files.least, most=most)
        spaced = (" ".join(line) for line in lines)
        letters = Words.learn(spaced, least=files.least, most=most and most - 1).tokens[4:]
        return Characters([" ", *letters])

    key = {"text": text, "tokens": files.tokens, "size": files.size, "least": files.least}
    return kept(key, learn)


@lru_cache(maxsize=2)
def _load(files: TextFiles, length: int, context: int, step: int) -> Splits:
    if digest_of_files(files.paths) != files.text:
        raise DataError(
            f"{', '.join(files.paths)}: the files have changed since the task was made; make it "
            "again"
        )
    vocabulary = _found(files)
    if vocabulary.digest != files.known:
        raise DataError(
            f"{files.paths[0]}: its vocabulary is not the one that the task was made with; make "
            "the task again"
        )
    train, valid, test = (_tokens(files, path, vocabulary) for path in files.paths)
    held_out = (sliding(text, context, step, PAD) for text in (valid, test))
    return Splits(windows(train, length, PAD), *held_out)


def _tokens(files: TextFiles, path: str, vocabulary: Vocabulary) -> Tensor:
    """Return all tokens of a file ``(l,)``, from the cache if they are there."""
    import torch

    key = {"text": digest_of_files([path]), "vocabulary": vocabulary.digest, "lines": 1}
    found = cached("text", key, lambda: _encode(files, path, vocabulary))
    return torch.from_numpy(found["tokens"].astype(np.int64))


def _encode(files: TextFiles, path: str, vocabulary: Vocabulary) -> Arrays:
    def tokens() -> Iterator[int]:
        for line in lines_of(path):
            yield from vocabulary.encode(line)
            yield END

    if files.vocabulary and not is_archranks(files.vocabulary):
        check_known(vocabulary, path, lines_of(path), files.vocabulary)
    found = np.fromiter(tokens(), dtype=np.int32)
    if not (found != END).any():
        raise DataError(f"{path} has no text (lines: {len(found):,})")
    return {"tokens": found}
