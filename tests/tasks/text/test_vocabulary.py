from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archrank.errors import DataError, MissingExtraError, SettingsError
from archrank.tasks.text import subwords
from archrank.tasks.text.subwords import Subwords
from archrank.tasks.text.vocabulary import (
    BEGIN,
    END,
    PAD,
    UNKNOWN,
    Characters,
    Vocabulary,
    Words,
    digest_of,
)
from archrank.tasks.text.vocabulary_files import content_of, kept, made_of, read_vocabulary

LINES = ["the lower the newer", "lower and newer and wider", "a new low", "Übergröße: 12 %"] * 3
VOCABULARIES = (
    Characters("abcdefghijklmnopqrstuvwxyz "),
    Words.learn(LINES),
    Subwords.learn(LINES, 60),
)


@pytest.mark.parametrize("vocabulary", VOCABULARIES, ids=lambda v: v.kind)
def test_texts_are_read_back(vocabulary: Vocabulary) -> None:
    text = "the lower and newer"
    tokens = vocabulary.encode(text)
    assert min(tokens) > UNKNOWN
    assert max(tokens) < vocabulary.size
    assert vocabulary.decode([BEGIN, *tokens, END, PAD, tokens[0]]) == text
    assert UNKNOWN in vocabulary.encode("the ☃ lower")
    assert not {PAD, BEGIN, END} & set(vocabulary.encode("<pad> the <s> lower </s>"))
    copy = made_of(json.loads(json.dumps(vocabulary.describe())))
    assert copy.digest == vocabulary.digest
    assert copy.encode(text) == tokens


@given(st.lists(st.sampled_from(["ab", "b", "c@@", "é"]), max_size=9))
def test_words_are_counted(words: list[str]) -> None:
    found = Words.learn([" ".join(words[:4]), " ".join(words[4:])], least=2)
    wanted = sorted({w for w in words if words.count(w) > 1}, key=lambda w: (-words.count(w), w))
    assert list(found.tokens[4:]) == wanted
    assert list(Words.learn(words, most=6).tokens[4:]) == list(Words.learn(words).tokens[4:6])


def test_what_is_lacking_is_named() -> None:
    assert Words(["a", "b"]).lacks("a c b <unk> d") == ["c", "d"]
    assert Words(["a@@", "b"], "@@").decode([4, 5, 5, 4, 5]) == "ab b ab"


def test_subwords_do_not_depend_on_the_process() -> None:
    code = (
        "from archrank.tasks.text.subwords import Subwords\n"
        f"print(Subwords.learn({LINES!r}, 60).digest)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert found == VOCABULARIES[2].digest


def test_subwords_of_too_few_tokens() -> None:
    with pytest.raises(SettingsError, match=r"does not hold the 2\d different characters"):
        Subwords.learn(LINES, 10)


def test_the_cache_keeps_what_was_learnt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHRANK_CACHE", str(tmp_path))
    calls: list[int] = []

    def learn() -> Vocabulary:
        calls.append(1)
        return VOCABULARIES[2]

    found = [kept({"a": 1}, learn) for _ in range(2)]
    assert len(calls) == 1
    assert {v.digest for v in found} == {VOCABULARIES[2].digest}


@pytest.mark.parametrize("vocabulary", VOCABULARIES, ids=lambda v: v.kind)
def test_files(vocabulary: Vocabulary, tmp_path: Path) -> None:
    path = tmp_path / "vocabulary.json"
    path.write_bytes(content_of(vocabulary, digest_of("text")))
    found = read_vocabulary(str(path), digest_of("text"))
    assert (type(found), found.digest) == (type(vocabulary), vocabulary.digest)
    with pytest.raises(DataError, match="learnt from another text"):
        read_vocabulary(str(path), digest_of("other"))
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(content | {"digest": "0"}))
    with pytest.raises(DataError, match="is damaged"):
        read_vocabulary(str(path))
    for wrong in ({}, {"vocabulary": {"kind": "words", "tokens": [1]}}, {"vocabulary": 3}):
        path.write_text(json.dumps(wrong))
        with pytest.raises(DataError, match="is no vocabulary file"):
            read_vocabulary(str(path))


def test_lists_of_words(tmp_path: Path) -> None:
    path = tmp_path / "dict.txt"
    path.write_text("the 12\nlow@@ 3\n<unk> 2\nest 1\n")
    found = read_vocabulary(str(path), joiner="@@")
    assert found.decode(found.encode("the low@@ est")) == "the lowest"
    path.write_text("a b c\n")
    with pytest.raises(DataError, match="line 1: expected a word, or a word and its count"):
        read_vocabulary(str(path))
    path.write_text("a\nb\na\n")
    with pytest.raises(DataError, match="'a' stands there twice"):
        read_vocabulary(str(path))


def test_without_tokenizers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    subwords._tokenizers.cache_clear()
    with pytest.raises(MissingExtraError, match=r"pip install 'archrank\[text\]'"):
        Subwords.learn(LINES, 60)
    subwords._tokenizers.cache_clear()
