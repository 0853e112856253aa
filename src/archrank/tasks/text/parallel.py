"""Translation from parallel text files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from archrank.checks import quoted, whole
from archrank.errors import DataError, SettingsError
from archrank.identity import IRRELEVANT
from archrank.tasks.base import Splits
from archrank.tasks.text.parallel_files import NONE, ParallelFiles, Paths, Tokens, load, told
from archrank.tasks.text.reading import absolute, digest_of_files
from archrank.tasks.text.translation import Translation
from archrank.tasks.text.vocabulary import PAD, SPECIAL, Vocabulary
from archrank.tasks.text.vocabulary_files import KINDS, content_of
from archrank.training.recipe import Recipe

RECIPE = Recipe(
    epochs=10,
    optimizer="adamw",
    lr=5e-4,
    weight_decay=1e-4,
    warmup_epochs=1.0,
    label_smoothing=0.1,
    batch_tokens=4096,
)
"""For files of users; published trainings are in ``supernets/recipes.py``."""


@dataclass(frozen=True)
class TranslationFiles(Translation):
    """Translate the sentences of parallel files; made by :func:`from_parallel`.

    Attributes:
        input_shape: ``(2, length)``: tokens of the longest sentence of either side.
        files: The files, their tokens and digests; paths are no part of the identity.
        compound_split: Cut words at hyphens where BLEU is measured, as published for WMT'14.
        name: Short name, for file names and displays.
    """

    input_shape: tuple[int, ...] = (2, 64)
    files: ParallelFiles = field(default_factory=lambda: ParallelFiles(NONE, NONE, NONE))
    compound_split: bool = field(default=False, metadata=IRRELEVANT)
    name: str = "translation_files"

    def load(self) -> Splits:
        """Return the sentences of all files.

        Raises:
            DataError: A file is not what it was when the task was made.
        """
        return load(self.files)[0]

    @property
    def vocabularies(self) -> tuple[Vocabulary, Vocabulary]:
        """The vocabularies of source and target."""
        return load(self.files)[1]

    @property
    def bleu_settings(self) -> dict[str, Any]:
        """Settings of BLEU: words as they stand, of files that are cut into words already."""
        if self.files.tokens != "words":
            return {}
        return {"tokenize": "none", "compound_split": self.compound_split}

    def text_of(self, tokens: Sequence[int]) -> str:
        """Return the text of target tokens."""
        return self.vocabularies[1].decode(tokens)

    def kept_files(self) -> dict[str, bytes]:
        """Return the vocabulary files, which texts cannot be read or written without."""
        source, target = self.vocabularies
        text = digest_of_files(self.files.train)
        if source is target:
            return {"vocabulary.json": content_of(source, text)}
        return {
            "source_vocabulary.json": content_of(source, text),
            "target_vocabulary.json": content_of(target, text),
        }


def from_parallel(
    train: Sequence[Any],
    valid: Sequence[Any],
    test: Sequence[Any],
    *,
    tokens: Tokens = "subwords",
    size: int | None = None,
    joint: bool = False,
    joiner: str = "",
    longest: int = 250,
    vocabulary: Any = None,
    recipe: Recipe | None = None,
    name: str = "translation_files",
) -> TranslationFiles:
    """Return the translation task of parallel text files.

    Each pair is a file of sources and one of targets, in UTF-8, a sentence a line. The files are
    read and checked now, and their digest is part of the task's identity. Pairs of which one side
    is empty are left out, as are training pairs that are too long.

    Args:
        train: Source and target file to train with.
        valid: Those to validate with.
        test: Those to test with.
        tokens: Subwords, learnt from the training files by byte pair encoding (package
            ``tokenizers``, extra ``text``); words, which stand between spaces, as in files that are
            cut into subwords already; or characters.
        size: Tokens of a vocabulary, special ones included; ``None``: 8,000 subwords, all words or
            characters that occur.
        joint: One vocabulary for both sides, learnt from both.
        joiner: Ending of words that the next one continues, such as ``@@``.
        longest: Most tokens of a training sentence.
        vocabulary: A vocabulary file for both sides, or one for each, in place of learning: one
            that archrank wrote (``vocabulary.json``), or a list of words such as fairseq's.
        recipe: Optimisation; ``None``: one for small files, in batches of 4,096 tokens.
        name: Short name of the task.

    Raises:
        DataError: A file is missing, empty or not UTF-8; source and target differ in their lines; a
            given vocabulary lacks a word or was learnt from another text.
        SettingsError: A setting is out of its range.
        MissingExtraError: ``tokenizers`` is not installed.
    """
    if tokens not in KINDS:
        raise SettingsError(f"tokens is {quoted(tokens)}, expected one of {', '.join(KINDS)}")
    default = 8000 if tokens == "subwords" else 0
    least = len(SPECIAL) + 1
    size = default if size is None else whole(size, "size", at_least=least, error=SettingsError)
    files = ParallelFiles(
        _both(train, "train"),
        _both(valid, "valid"),
        _both(test, "test"),
        tokens=tokens,
        size=size,
        joint=joint,
        joiner=joiner,
        longest=whole(longest, "longest", at_least=1, error=SettingsError),
        vocabularies=_given(vocabulary, joint),
    )
    files = told(files)
    splits, (source, target) = load(files)
    length = max(t.shape[1] for split in splits for t in (*split.inputs, split.y))
    return TranslationFiles(
        recipe=RECIPE if recipe is None else recipe,
        vocabulary=target.size,
        source_vocabulary=0 if source is target else source.size,
        padding=PAD,
        input_shape=(2, length),
        files=files,
        name=name,
    )


def _both(paths: Sequence[Any], which: str) -> Paths:
    if isinstance(paths, str) or len(paths) != 2:
        raise DataError(
            f"{which} is {quoted(paths)}, expected a file of sources and one of targets"
        )
    return absolute(paths[0]), absolute(paths[1])


def _given(vocabulary: Any, joint: bool) -> tuple[str, ...]:
    if vocabulary is None:
        return ()
    paths = vocabulary if isinstance(vocabulary, tuple | list) else (vocabulary,)
    if len(paths) not in (1, 2) or (joint and len(paths) == 2):
        raise SettingsError(
            f"vocabulary is {quoted(vocabulary)}, expected one file for both sides, or, without "
            "joint, one for each"
        )
    return tuple(map(absolute, paths))
