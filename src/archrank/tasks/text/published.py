"""Published corpora of translation and language modelling, from the files of their preparations.

Nothing is downloaded. fairseq's preparations write parallel files that are cut into subwords
(``@@`` ends those that the next one continues), whose words are the vocabulary.
"""

from __future__ import annotations

import os
from dataclasses import replace

from archrank.errors import DataError
from archrank.files import user_path
from archrank.tasks.text.parallel import TranslationFiles, from_parallel
from archrank.tasks.text.text_files import LanguageModelFiles, from_text

IWSLT, WMT = "iwslt14.tokenized.de-en", "wmt16_en_de_bpe32k"
WMT_PARTS = ("train.tok.clean", "newstest2013.tok", "newstest2014.tok")
WIKITEXT = "wikitext-103"


def iwslt14(root: str = "data") -> TranslationFiles:
    """Translate IWSLT'14 German to English, as fairseq's preparation leaves the files.

    Args:
        root: Folder with ``train.de``, ``train.en`` and so on for ``valid`` and ``test``, or the
            folder that holds ``iwslt14.tokenized.de-en``.

    Raises:
        DataError: A file is missing or damaged.
    """
    names = [f"{part}.{side}" for part in ("train", "valid", "test") for side in ("de", "en")]
    paths = _found("iwslt14", root, IWSLT, names)
    pairs = (paths[:2], paths[2:4], paths[4:])
    return from_parallel(*pairs, tokens="words", joiner="@@", name="iwslt14")


def wmt14(root: str = "data") -> TranslationFiles:
    """Translate WMT'14 English to German, from the files of Vaswani et al.'s preparation.

    One vocabulary serves both sides; newstest2013 validates and newstest2014 tests.

    Args:
        root: Folder with ``train.tok.clean.bpe.32000.en`` and so on, or the folder that holds
            ``wmt16_en_de_bpe32k``.

    Raises:
        DataError: A file is missing or damaged.
    """
    names = [f"{part}.bpe.32000.{side}" for part in WMT_PARTS for side in ("en", "de")]
    paths = _found("wmt14", root, WMT, names)
    pairs = (paths[:2], paths[2:4], paths[4:])
    task = from_parallel(*pairs, tokens="words", joint=True, joiner="@@", name="wmt14")
    return replace(task, compound_split=True)


def wikitext103(root: str = "data") -> LanguageModelFiles:
    """Model WikiText-103 by words, with RankNAS's windows.

    Training windows have 1,843 tokens; held-out ones count 512 tokens after a context of 2,560
    (RankNAS, section 4.1 and 4.2).

    Args:
        root: Folder with ``wiki.train.tokens``, ``wiki.valid.tokens`` and ``wiki.test.tokens``, or
            the folder that holds ``wikitext-103``.

    Raises:
        DataError: A file is missing or damaged.
    """
    names = [f"wiki.{part}.tokens" for part in ("train", "valid", "test")]
    paths = _found("wikitext103", root, WIKITEXT, names)
    return from_text(*paths, length=1843, context=2560, step=512, name="wikitext103")


def _found(task: str, root: str, folder: str, names: list[str]) -> list[str]:
    """Return the paths of files in ``root`` or in its folder of that name.

    Raises:
        DataError: Some are missing; names them and where they were looked for.
    """
    places = [user_path(root), user_path(root) / folder]
    lacking = [[n for n in names if not os.path.isfile(place / n)] for place in places]
    for place, missing in zip(places, lacking, strict=True):
        if not missing:
            return [str(place / name) for name in names]
    missing = min(lacking, key=len)
    raise DataError(
        f"task {task}: {', '.join(missing)} not found; looked in {', '.join(map(str, places))}; "
        "archrank downloads nothing: put the files there, or name their folder with --data"
    )
