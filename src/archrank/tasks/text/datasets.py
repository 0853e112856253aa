"""Translation from a data set in memory, with a column of translations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from archrank.errors import DataError
from archrank.files import shorten, write_text
from archrank.tasks.cache import cache_folder
from archrank.tasks.text.parallel import TranslationFiles, from_parallel
from archrank.tasks.text.vocabulary import digest_of


def from_dataset(
    dataset: Mapping[str, Any],
    source: str,
    target: str,
    *,
    column: str = "translation",
    splits: tuple[str, str, str] = ("train", "validation", "test"),
    **settings: Any,
) -> TranslationFiles:
    """Return the translation task of a data set in memory, such as one of the package ``datasets``.

    Nothing is downloaded. The sentences are written to the cache folder, as parallel files.

    Args:
        dataset: Splits by name; each yields rows ``{column: {language: sentence}}``.
        source: Language to translate from, a key of the column.
        target: Language to translate to.
        column: Name of the column.
        splits: Names of the splits to train, validate and test with.
        **settings: Of :func:`from_parallel`, such as ``size=4000``.

    Raises:
        DataError: A split, column or language is missing; and as :func:`from_parallel`.
    """
    texts = []
    for split in splits:
        if split not in dataset:
            raise DataError(
                f"the data set has no split {split!r}, but {', '.join(map(str, dataset))}; name "
                "those to train, validate and test with: splits=(...)"
            )
        texts += _columns(dataset[split], split, column, (source, target))
    folder = cache_folder() / f"parallel-{digest_of(*texts)}"
    paths = []
    for i, text in enumerate(texts):
        path = folder / f"{('train', 'valid', 'test')[i // 2]}.{('source', 'target')[i % 2]}"
        paths.append(str(write_text(path, text, parents=True)))
    return from_parallel(paths[:2], paths[2:4], paths[4:], **settings)


def _columns(rows: Iterable[Any], split: str, column: str, languages: tuple[str, str]) -> list[str]:
    """Return the sentences of both languages, a line each."""
    sides: tuple[list[str], list[str]] = ([], [])
    for number, row in enumerate(rows):
        for side, language in zip(sides, languages, strict=True):
            try:
                sentence = row[column][language]
            except (LookupError, TypeError):
                raise DataError(
                    f"row {number} of split {split!r} has no {column}[{language!r}]: "
                    f"{shorten(row)}; name the column and its two languages"
                ) from None
            side.append(" ".join(str(sentence).split()))
    return ["\n".join([*side, ""]) for side in sides]
