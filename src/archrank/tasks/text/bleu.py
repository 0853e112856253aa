"""BLEU of translations, by sacrebleu."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from archrank.checks import quoted
from archrank.errors import DataError, MissingExtraError, SettingsError

HYPHEN = re.compile(r"(\S)-(\S)")


def bleu(
    hypotheses: Sequence[str],
    references: Sequence[str],
    *,
    compound_split: bool = False,
    tokenize: Literal["none", "13a"] = "13a",
) -> float:
    """Return the BLEU of a corpus (Papineni et al., 2002), from 0 to 100; case matters.

    Args:
        hypotheses: Translations, a text each.
        references: One reference for each.
        compound_split: Cut words at hyphens, ``a-b`` into ``a ##AT##-##AT## b``, as the published
            scripts for WMT'14 do, which raises the figure. For tokenised text.
        tokenize: ``"13a"`` cuts detokenised text into tokens as WMT's script does; ``"none"`` takes
            text that is tokenised already as it is, as IWSLT's and WMT'14's published figures.

    Raises:
        DataError: No translations, or not one reference for each.
        SettingsError: There is no such ``tokenize``.
        MissingExtraError: ``sacrebleu`` is not installed.

    Example:
        >>> bleu(["the cat sat on the mat"], ["the cat sat on the mat"]) > 99.99
        True
    """
    try:
        import sacrebleu
    except ImportError:
        raise MissingExtraError("sacrebleu", "text", "the metric BLEU") from None
    if tokenize not in ("none", "13a"):
        raise SettingsError(f"tokenize is {quoted(tokenize)}, expected none or 13a")
    if not hypotheses or len(hypotheses) != len(references):
        raise DataError(
            f"{len(hypotheses):,} translations and {len(references):,} references; BLEU needs as "
            "many of either, and at least one"
        )
    if compound_split:
        hypotheses, references = (
            [split_compounds(text) for text in texts] for texts in (hypotheses, references)
        )
    found = sacrebleu.corpus_bleu(
        list(hypotheses), [list(references)], tokenize=tokenize, force=True
    )
    return float(found.score)


def split_compounds(text: str) -> str:
    """Cut words at hyphens.

    >>> split_compounds("a well-known thing -- up-to-date")
    'a well ##AT##-##AT## known thing -- up ##AT##-##AT## to ##AT##-##AT## date'
    """
    return HYPHEN.sub(r"\1 ##AT##-##AT## \2", text)
