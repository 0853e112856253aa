from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from archrank.errors import DataError, SettingsError
from archrank.tasks.text import text_files as module
from archrank.tasks.text.language_model import sliding
from archrank.tasks.text.published import wikitext103
from archrank.tasks.text.text_files import from_text
from archrank.tasks.text.vocabulary import END, PAD, UNKNOWN
from archrank.testing import check_task
from tests.tasks.text.files import text


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHRANK_CACHE", str(tmp_path / "cache"))
    module._load.cache_clear()
    module._vocabulary.cache_clear()


@given(n=st.integers(2, 60), context=st.integers(0, 20), step=st.integers(1, 15))
def test_each_token_is_counted_once_with_its_context(n: int, context: int, step: int) -> None:
    tokens = torch.arange(1, n + 1)
    x, y = sliding(tokens, context, step, padding=0)
    counted = []
    for shown, targets in zip(x, y, strict=True):
        for place in targets.nonzero().flatten().tolist():
            target = int(targets[place])
            before = shown[: place + 1]
            assert before.tolist() == list(range(target - len(before), target))
            assert len(before) > min(context, target - 2)  # with the token right before it
            counted.append(target)
    assert counted == list(range(2, n + 1))


def test_two_tokens_are_the_least() -> None:
    with pytest.raises(DataError, match="1 tokens have none that could be predicted"):
        sliding(torch.arange(1), 4, 2, padding=0)


@pytest.mark.parametrize("tokens", ["words", "subwords", "characters"])
def test_the_contract(tmp_path: Path, tokens: Any) -> None:
    size = 60 if tokens == "subwords" else None
    check_task(from_text(*text(tmp_path), length=16, context=8, tokens=tokens, size=size))


def test_lines_of_wikitext(tmp_path: Path) -> None:
    task = from_text(*text(tmp_path), length=8, context=20, step=4)
    train = task.load().train
    words = [task.tokens.tokens[i] for i in train.x.flatten()[:18]]  # type: ignore[attr-defined]
    line = ["the", "<unk>", "number", "0", "is", "larger", "than", "-1", "."]
    assert words == ["</s>", "=", "Number", "0", "=", "</s>", "</s>", *line, "</s>", "</s>"]
    counts = {name: int(task.count(split.y)) for name, split in task.load()._asdict().items()}
    lines = [Path(p).read_text(encoding="utf-8").count("\n") for p in task.files.paths]
    spaced = [len(Path(p).read_text(encoding="utf-8").split()) for p in task.files.paths]
    wanted = [a + b - 1 for a, b in zip(lines, spaced, strict=True)]
    assert list(counts.values()) == wanted  # each token but the first once
    assert bool((train.x == UNKNOWN).any())
    assert bool((task.load().valid.y == PAD).any())
    assert list(task.kept_files()) == ["vocabulary.json"]


def test_rare_words_and_given_lists(tmp_path: Path) -> None:
    paths = text(tmp_path)
    few = from_text(*paths, length=8, least=20)
    assert {"the", "number", "is", "."} < set(few.tokens.describe()["tokens"])
    assert few.n_outputs < from_text(*paths, length=8).n_outputs
    given_list = tmp_path / "dict.txt"
    given_list.write_text("= 60\nNumber 30\nthe 30\nnumber 30\n")
    with pytest.raises(DataError, match=r"wiki.train.tokens, line 2: '0' is not in the vocabulary"):
        from_text(*paths, length=8, vocabulary=given_list)


def test_mistakes(tmp_path: Path) -> None:
    paths = text(tmp_path, valid="\n\n")
    with pytest.raises(DataError, match=r"wiki.valid.tokens has no text \(lines: 2\)"):
        from_text(*paths, length=8)
    with pytest.raises(SettingsError, match="length must be at least 1, got 0"):
        from_text(*paths, length=0)
    with pytest.raises(SettingsError, match="tokens is 'bits'"):
        from_text(*paths, tokens="bits")  # type: ignore[arg-type]
    task = from_text(*text(tmp_path), length=8)
    text(tmp_path, test="other words\n")
    module._load.cache_clear()
    with pytest.raises(DataError, match="have changed since the task was made"):
        task.load()


def test_published_windows(tmp_path: Path) -> None:
    folder = tmp_path / "wikitext-103"
    folder.mkdir()
    text(folder)
    task = wikitext103(str(tmp_path))
    assert (task.name, task.input_shape, task.context, task.step) == (
        "wikitext103",
        (1843,),
        2560,
        512,
    )
    assert int((task.load().train.y == END).sum()) == 119
    with pytest.raises(DataError, match=r"task wikitext103: wiki.train.tokens, .* not found"):
        wikitext103(str(tmp_path / "elsewhere"))
