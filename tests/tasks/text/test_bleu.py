from __future__ import annotations

import math
import re
import sys
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archrank.errors import DataError, MissingExtraError, SettingsError
from archrank.tasks.text.bleu import bleu, split_compounds

WORDS = st.lists(st.sampled_from(list("abcdef")), min_size=5, max_size=9)


def by_hand(hypotheses: list[str], references: list[str]) -> float:
    """BLEU of one reference each, from the paper's formula; 0 if an n-gram order has no hit."""
    logs = []
    for n in range(1, 5):
        hits = total = 0
        for hypothesis, reference in zip(hypotheses, references, strict=True):
            grams = [
                Counter(zip(*(text.split()[i:] for i in range(n)), strict=False))
                for text in (hypothesis, reference)
            ]
            hits += sum((grams[0] & grams[1]).values())
            total += sum(grams[0].values())
        if not hits:
            return math.nan
        logs.append(math.log(hits / total))
    c, r = (sum(len(text.split()) for text in texts) for texts in (hypotheses, references))
    return 100 * math.exp(sum(logs) / 4 + min(0.0, 1 - r / c))


def test_a_known_sentence() -> None:
    # 6 of 7 words, 4 of 6 pairs, 3 of 5 triples, 2 of 4 of four
    hypothesis, reference = "the cat sat on the mat today", "the cat sat on the red mat"
    wanted = 100 * (6 / 7 * 4 / 6 * 3 / 5 * 2 / 4) ** 0.25
    assert bleu([hypothesis], [reference], tokenize="none") == pytest.approx(wanted)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=4))
def test_the_formula(pairs: list[tuple[list[str], list[str]]]) -> None:
    hypotheses = [" ".join(a + b[:2]) for a, b in pairs]
    references = [" ".join(a[:5] + b) for a, b in pairs]
    wanted = by_hand(hypotheses, references)
    assert bleu(hypotheses, references, tokenize="none") == pytest.approx(wanted)


def test_tokens_of_13a() -> None:
    """Punctuation is cut off, so a comma is a token of its own."""
    found = bleu(["yes, it is the same one."], ["yes, it is the same two."])
    wanted = by_hand(["yes , it is the same one ."], ["yes , it is the same two ."])
    assert found == pytest.approx(wanted)
    assert bleu(["It is the same one ."], ["it is the same one ."]) < 99  # case matters


def test_compounds() -> None:
    """As the published scripts, whose substitution Perl and Python read alike."""
    text = "ein-zwei drei - vier a-b-c -x y-"
    assert split_compounds(text) == ("ein ##AT##-##AT## zwei drei - vier a ##AT##-##AT## b-c -x y-")
    hypotheses, references = ["the well-known man is here"], ["the well-known man was here"]
    assert bleu(hypotheses, references, compound_split=True, tokenize="none") == pytest.approx(
        by_hand(
            *(
                [re.sub("well-known", "well ##AT##-##AT## known", text) for text in texts]
                for texts in (hypotheses, references)
            )
        )
    )


def test_mistakes(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="1 translations and 2 references"):
        bleu(["a"], ["a", "b"])
    with pytest.raises(DataError, match="0 translations"):
        bleu([], [])
    with pytest.raises(SettingsError, match="tokenize is 'zh', expected none or 13a"):
        bleu(["a"], ["a"], tokenize="zh")  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'archrank\[text\]'"):
        bleu(["a"], ["a"])
