from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from archrank.errors import DataError, SettingsError
from archrank.tasks import Recipe
from archrank.tasks.text import parallel_files as module
from archrank.tasks.text.datasets import from_dataset
from archrank.tasks.text.parallel import from_parallel
from archrank.tasks.text.published import iwslt14, wmt14
from archrank.tasks.text.vocabulary import UNKNOWN
from archrank.testing import check_task
from archrank.training.loop import initialise, train
from tests.tasks.text.files import parallel, sentences
from tests.tasks.tiny import Translator


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("ARCHRANK_CACHE", str(folder))
    for function in (module.load, module._vocabularies, module._read):
        function.cache_clear()
    return folder


def texts(task: Any, split: str) -> tuple[list[str], list[str]]:
    """Return what a task's tokens stand for."""
    data = getattr(task.load(), split)
    source, target = task.vocabularies
    return (
        [source.decode(row.tolist()) for row in data.x[0]],
        [target.decode(row.tolist()) for row in data.y],
    )


@pytest.mark.parametrize("tokens", ["subwords", "words", "characters"])
@pytest.mark.parametrize("joint", [False, True])
def test_sentences_are_read_back(tmp_path: Path, tokens: Any, joint: bool) -> None:
    paths = parallel(tmp_path)
    task = from_parallel(
        *paths, tokens=tokens, joint=joint, size=None if tokens != "subwords" else 50
    )
    check_task(task)
    assert texts(task, "train") == sentences(40)
    assert texts(task, "test") == sentences(12, 52)
    sizes = [v.size for v in task.vocabularies]
    assert (task.n_sources, task.n_outputs) == tuple(sizes)
    assert (task.vocabularies[0] is task.vocabularies[1]) is joint
    assert task.input_shape[1] == max(
        t.shape[1] for split in task.load() for t in (*split.inputs, split.y)
    )
    wanted = ["vocabulary.json"] if joint else ["source_vocabulary.json", "target_vocabulary.json"]
    assert sorted(task.kept_files()) == wanted


def test_identity_is_that_of_the_contents(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, second = (
        from_parallel(*parallel(tmp_path / name), tokens="words") for name in ("a", "b")
    )
    assert first.identity() == second.identity()
    assert str(tmp_path) not in str(first.identity())
    other = from_parallel(*parallel(tmp_path / "b", (40, 12, 11)), tokens="words")
    assert other.identity() != first.identity()
    copy = pickle.loads(pickle.dumps(first))
    assert copy == first
    assert len(pickle.dumps(first)) < 3000
    assert torch.equal(replace(copy, recipe=Recipe()).load().test.y, first.load().test.y)


def test_given_vocabularies(tmp_path: Path) -> None:
    paths = parallel(tmp_path)
    learnt = from_parallel(*paths, size=50)
    files = []
    for name, content in learnt.kept_files().items():
        (tmp_path / name).write_bytes(content)
        files.append(str(tmp_path / name))
    again = from_parallel(*paths, size=50, vocabulary=files)
    assert again.identity() == learnt.identity()
    assert torch.equal(again.load().valid.y, learnt.load().valid.y)
    (tmp_path / "other").mkdir()
    others = parallel(tmp_path / "other", (39, 12, 12))
    with pytest.raises(DataError, match=r"source_vocabulary.json was learnt from another text"):
        from_parallel(*others, size=50, vocabulary=files)
    words = tmp_path / "dict.txt"
    words.write_text("eins 3\nzwei 2\ndrei 1\nvier\none\ntwo\nthree\nfour\nfive\n")
    with pytest.raises(DataError, match=r"train.de, line \d+: 'f\\xfcnf' is not in the vocabulary"):
        from_parallel(*paths, tokens="words", vocabulary=words)
    words.write_text(words.read_text() + "fünf\n", encoding="utf-8")
    task = from_parallel(*paths, tokens="words", vocabulary=words)
    assert task.n_outputs == 14
    assert texts(task, "valid") == sentences(12, 40)


def test_a_data_set_in_memory(cache: Path) -> None:
    sides = sentences(30)
    rows = [{"translation": {"de": a, "en": b}} for a, b in zip(*sides, strict=True)]
    data = {"train": rows[:20], "validation": rows[20:25], "test": rows[25:]}
    task = from_dataset(data, "de", "en", tokens="words")
    assert texts(task, "train") == (sides[0][:20], sides[1][:20])
    assert task.identity() == from_dataset(data, "de", "en", tokens="words").identity()
    with pytest.raises(DataError, match="no split 'validation', but train"):
        from_dataset({"train": rows}, "de", "en")
    with pytest.raises(DataError, match=r"row 0 of split 'train' has no translation\['fr'\]"):
        from_dataset(data, "de", "fr")
    with pytest.raises(DataError, match=r"row 0 of split 'train' has no text\['de'\]"):
        from_dataset(data, "de", "en", column="text")


def test_long_and_empty_sentences_are_left_out(tmp_path: Path) -> None:
    paths = parallel(tmp_path)
    Path(paths[0][0]).write_text("eins\n\nzwei drei vier\ndrei\n", encoding="utf-8")
    Path(paths[0][1]).write_text("one\ntwo\nfour three two\n\n", encoding="utf-8")
    task = from_parallel(*paths, tokens="words", longest=2)
    assert texts(task, "train") == (["eins"], ["one"])
    assert len(task.load().valid.y) == 12  # none is left out for its length
    assert bool((task.load().valid.y == UNKNOWN).any())  # words that training lacks


def test_marks_and_line_ends_of_windows(tmp_path: Path) -> None:
    paths = parallel(tmp_path)
    before = from_parallel(*paths, tokens="words").load()
    for path in paths[0]:
        text = Path(path).read_text(encoding="utf-8")
        Path(path).write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    task = from_parallel(*paths, tokens="words")
    assert torch.equal(task.load().train.y, before.train.y)
    assert texts(task, "train") == sentences(40)


def test_mistakes(tmp_path: Path) -> None:
    paths = parallel(tmp_path)
    good = Path(paths[1][1]).read_text(encoding="utf-8")
    task = from_parallel(*paths, tokens="words")
    for content, message in {
        b"one\ntwo\n": r"valid.de has 12 lines, .*valid.en has 2 lines",
        b"\n \n": r"valid.en has no text \(lines: 2\)",
        b"": r"valid.en has no text \(lines: 0\)",
        b"one\nd\xe9j\xe0\n": "valid.en, line 2: byte 2 is 0xe9, which is no UTF-8",
        "one\n".encode("utf-16"): "line 1: byte 1 is 0xff, which is no UTF-8; .* -f utf-16",
    }.items():
        Path(paths[1][1]).write_bytes(content)
        with pytest.raises(DataError, match=message):
            from_parallel(*paths, tokens="words")
    module.load.cache_clear()
    with pytest.raises(DataError, match="the files have changed since the task was made"):
        task.load()
    Path(paths[1][1]).unlink()
    with pytest.raises(DataError, match=r"valid.en cannot be read: No such file"):
        from_parallel(*paths, tokens="words")
    Path(paths[1][1]).write_text(good, encoding="utf-8")
    with pytest.raises(DataError, match="train is 'a', expected a file of sources and one"):
        from_parallel("a", *paths[1:])
    with pytest.raises(DataError, match="None is no path of a file"):
        from_parallel((None, "b"), *paths[1:])
    with pytest.raises(SettingsError, match="tokens is 'bytes', expected one of subwords, words"):
        from_parallel(*paths, tokens="bytes")  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="size must be at least 5, got 2"):
        from_parallel(*paths, size=2)
    with pytest.raises(SettingsError, match="expected one file for both sides"):
        from_parallel(*paths, joint=True, vocabulary=("a", "b"))


def test_published_layouts(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"task iwslt14: train.de, .* not found; looked in"):
        iwslt14(str(tmp_path))
    folder = tmp_path / "iwslt14.tokenized.de-en"
    folder.mkdir()
    paths = parallel(folder)
    Path(paths[0][1]).write_text("o@@ ne two\n" * 40, encoding="utf-8")
    task = iwslt14(str(tmp_path))
    assert task.name == "iwslt14"
    assert texts(task, "train")[1][0] == "one two"
    assert iwslt14(str(folder)).identity() == task.identity()
    with pytest.raises(DataError, match=r"train.tok.clean.bpe.32000.en"):
        wmt14(str(tmp_path))


def test_a_network_learns_it(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    recipe = Recipe(epochs=12, batch_tokens=60, optimizer="adamw", lr=0.02, weight_decay=0.0)
    task = from_parallel(*parallel(tmp_path), tokens="words", recipe=recipe)
    network = initialise(lambda: Translator(task.n_sources, task.n_outputs), 0)
    found = train(network, task, seed=0).metrics
    assert found["valid_accuracy"] > 0.4
