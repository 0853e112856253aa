"""Parallel files as tensors: read, checked, cut into tokens of given or learnt vocabularies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal

from archrank.errors import DataError
from archrank.identity import IRRELEVANT
from archrank.tasks.base import Split, Splits
from archrank.tasks.text.reading import digest_of_files, parallel_lines
from archrank.tasks.text.subwords import Subwords
from archrank.tasks.text.translation import pairs
from archrank.tasks.text.vocabulary import (
    BEGIN,
    END,
    PAD,
    Characters,
    Vocabulary,
    Words,
    digest_of,
)
from archrank.tasks.text.vocabulary_files import check_known, is_archranks, kept, read_vocabulary

Tokens = Literal["subwords", "words", "characters"]
Paths = tuple[str, str]
"""Files of the source and of the target."""


NONE = ("", "")


@dataclass(frozen=True)
class ParallelFiles:
    """Parallel files and their tokens; what ``from_parallel`` found.

    Attributes:
        train: Files of the sentences to train with.
        valid: Files of those to validate with.
        test: Files of those to test with.
        tokens: Kind of tokens.
        size: Tokens of a vocabulary, at most; 0: all words.
        joint: One vocabulary for both sides.
        joiner: Ending of words that the next one continues.
        longest: Training sentences with more tokens are left out, with their translation.
        vocabularies: Files of given vocabularies, one or two; none: learnt.
        text: Digest of the files, so that changed ones are noticed.
        known: Digest of the vocabularies.
    """

    train: Paths = field(metadata=IRRELEVANT)
    valid: Paths = field(metadata=IRRELEVANT)
    test: Paths = field(metadata=IRRELEVANT)
    tokens: Tokens = "subwords"
    size: int = 8000
    joint: bool = False
    joiner: str = ""
    longest: int = 250
    vocabularies: tuple[str, ...] = field(default=(), metadata=IRRELEVANT)
    text: str = ""
    known: str = ""


def told(files: ParallelFiles) -> ParallelFiles:
    """Return the files with their digests."""
    found = replace(files, text=digest_of_files([*files.train, *files.valid, *files.test]))
    return replace(found, known=digest_of(*(v.digest for v in vocabularies_of(found))))


def vocabularies_of(files: ParallelFiles) -> tuple[Vocabulary, Vocabulary]:
    """Return the vocabularies as their files, given or to learn from, now are."""
    return _vocabularies(replace(files, known=""), digest_of_files(files.vocabularies))


@lru_cache(maxsize=4)
def _vocabularies(files: ParallelFiles, given: str) -> tuple[Vocabulary, Vocabulary]:
    """Return the vocabularies of source and target, given or learnt; one twice if it is joint."""
    if files.vocabularies:
        text = digest_of_files(files.train)
        found = [read_vocabulary(path, text, joiner=files.joiner) for path in files.vocabularies]
        return found[0], found[-1]
    if files.joint:
        both = _learnt(files, files.train)
        return both, both
    return _learnt(files, files.train[:1]), _learnt(files, files.train[1:])


def _learnt(files: ParallelFiles, paths: Sequence[str]) -> Vocabulary:
    """Learn the vocabulary of some training files, or take it from the cache."""

    def learn() -> Vocabulary:
        lines = [line for path in paths for line in _read(files.train)[files.train.index(path)]]
        if files.tokens == "subwords":
            return Subwords.learn(lines, files.size)
        if files.tokens == "words":
            return Words.learn(lines, most=files.size or None, joiner=files.joiner)
        spaced = (" ".join(line) for line in lines)
        most = files.size - 1 if files.size else None  # beside the space itself
        return Characters([" ", *Words.learn(spaced, most=most).tokens[4:]])

    key = {"text": digest_of_files(paths), "tokens": files.tokens, "size": files.size}
    return kept(key | {"joiner": files.joiner}, learn)


@lru_cache(maxsize=3)
def _read(paths: Paths) -> list[list[str]]:
    return parallel_lines(paths)


@lru_cache(maxsize=2)
def load(files: ParallelFiles) -> tuple[Splits, tuple[Vocabulary, Vocabulary]]:
    """Return all sentences and the vocabularies."""
    _read.cache_clear()
    every = [*files.train, *files.valid, *files.test]
    if digest_of_files(every) != files.text:
        raise DataError(
            f"{', '.join(every)}: the files have changed since the task was made; make it again"
        )
    vocabularies = vocabularies_of(files)
    if digest_of(*(v.digest for v in vocabularies)) != files.known:
        raise DataError(
            f"{files.train[0]}: its vocabulary is not the one that the task was made with; make "
            "the task again"
        )
    parts = (files.train, files.valid, files.test)
    splits = Splits(*(_split(files, part, vocabularies) for part in parts))
    _read.cache_clear()
    return splits, vocabularies


def _split(
    files: ParallelFiles, paths: Paths, vocabularies: tuple[Vocabulary, Vocabulary]
) -> Split:
    sides = []
    lists = [path for path in files.vocabularies if not is_archranks(path)]
    for side, (path, vocabulary) in enumerate(zip(paths, vocabularies, strict=True)):
        lines = _read(paths)[side]
        if lists:
            check_known(vocabulary, path, lines, lists[min(side, len(lists) - 1)])
        sides.append([vocabulary.encode(line) for line in lines])
    most = files.longest if paths == files.train else None
    chosen = [
        (source, target)
        for source, target in zip(*sides, strict=True)
        if source and target and (most is None or max(len(source), len(target)) <= most)
    ]
    if not chosen:
        raise DataError(
            f"{paths[0]}, {paths[1]}: no pair has text on both sides"
            + ("" if most is None else f" and at most {most} tokens; make longest larger")
        )
    sources, targets = zip(*chosen, strict=True)
    return pairs(sources, targets, begin=BEGIN, end=END, padding=PAD)
