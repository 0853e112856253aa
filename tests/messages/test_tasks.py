"""Messages for mistakes with tasks of text: files, vocabularies, batches, translations."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from archrank.runs.task_files import keep_task_files
from archrank.tasks import (
    Dates,
    Digits,
    Recipe,
    Topics,
    bleu,
    from_dataset,
    from_parallel,
    from_tensors,
    from_text,
    iwslt14,
    wikitext103,
)
from archrank.tasks.text import phrases
from archrank.tasks.text.decoding import check_bleu, translations
from archrank.training.data import Draws
from tests.messages.golden import Cases, compare, message_of
from tests.tasks.text.files import parallel, text
from tests.tasks.tiny import Reversal

HERE = Path()


def changed(place: tuple[int, int], content: bytes, **settings: Any) -> Callable[[], object]:
    """Make a task of parallel files of which one has another content."""

    def mistake() -> object:
        paths = parallel(HERE)
        Path(paths[place[0]][place[1]]).write_bytes(content)
        return from_parallel(*paths, **{"tokens": "words", **settings})

    return mistake


def of_text(**settings: Any) -> Callable[[], object]:
    return lambda: from_text(*text(HERE), **{"length": 8, **settings})


def listed(content: str, **settings: Any) -> Callable[[], object]:
    """Make a task with a given list of words."""

    def mistake() -> object:
        Path("dict.txt").write_text(content, encoding="utf-8")
        return from_parallel(*parallel(HERE), tokens="words", vocabulary="dict.txt", **settings)

    return mistake


def of_another_text(damage: bytes = b"") -> object:
    """Make a task with the vocabulary of another one."""
    content = from_parallel(*parallel(HERE), tokens="words", joint=True).kept_files()
    Path("vocabulary.json").write_bytes(
        content["vocabulary.json"].replace(b'"one"', damage or b'"one"')
    )
    sizes = (40, 12, 12) if damage else (39, 12, 12)
    return from_parallel(*parallel(HERE, sizes), tokens="words", vocabulary="vocabulary.json")


def of_another_run() -> None:
    for sizes in ((40, 12, 12), (20, 12, 12)):
        keep_task_files(Path("run"), from_parallel(*parallel(HERE, sizes), tokens="words"))


def changed_later() -> object:
    task = from_parallel(*parallel(HERE), tokens="characters")
    parallel(HERE, (30, 12, 12))
    from archrank.tasks.text.parallel_files import load

    load.cache_clear()
    return task.load()


def drawn(task: Any, tokens: int) -> Draws:
    return Draws(task, task.load().train, Recipe(batch_tokens=tokens), torch.Generator())


ROWS = [{"translation": {"de": "eins", "en": "one"}}]
NUMBERS = torch.linspace(-1, 1, 90).reshape(30, 3)
CLASSES = torch.arange(30) % 3
DATA = {"train": ROWS, "validation": ROWS, "test": ROWS}

CASES: Cases = {
    "sources and targets of different numbers": changed((1, 1), b"one\ntwo\n"),
    "file without text": changed((0, 0), b"\n\n"),
    "file in another encoding": changed((0, 1), "one\ndéjà\n".encode("latin1")),
    "file that is missing": lambda: from_parallel(("no.de", "no.en"), *parallel(HERE)[1:]),
    "one file in place of two": lambda: from_parallel("train.de", *parallel(HERE)[1:]),  # type: ignore[arg-type]
    "unknown kind of tokens": changed((0, 0), b"a\n", tokens="bytes"),
    "vocabulary of one token": changed((0, 0), b"a\n", size=1),
    "fewer subwords than characters": lambda: from_parallel(
        *parallel(HERE), tokens="subwords", size=10
    ),
    "training sentences that are all too long": lambda: from_parallel(
        *parallel(HERE), tokens="characters", longest=1
    ),
    "list of words that lacks one": listed("eins\nzwei\n"),
    "list of words that is no list": listed("eins zwei drei\n"),
    "list of words with one twice": listed("eins\nzwei\neins\n"),
    "two vocabularies for one": lambda: from_parallel(
        *parallel(HERE), joint=True, vocabulary=("a", "b")
    ),
    "vocabulary of another text": of_another_text,
    "vocabulary that was changed": lambda: of_another_text(b'"won"'),
    "run with the vocabulary of another text": of_another_run,
    "files that changed after the task was made": changed_later,
    "data set without a split": lambda: from_dataset({"train": ROWS}, "de", "en"),
    "data set without a language": lambda: from_dataset(DATA, "de", "fr"),
    "text of no words": lambda: from_text(*text(HERE, valid="\n"), length=8),
    "windows of no tokens": of_text(length=0),
    "published corpus that is not there": lambda: iwslt14("nowhere"),
    "published text that is not there": lambda: wikitext103("nowhere"),
    "windows longer than a block": lambda: Topics(input_shape=(5000,)).load(),
    "no dates": lambda: Dates(pairs=0),
    "batches by tokens of images": lambda: drawn(Digits(copies=1), 100),
    "batches of fewer tokens than a sentence": lambda: drawn(Reversal(), 3),
    "no tokens in a batch": lambda: Recipe(batch_tokens=0),
    "translations without references": lambda: bleu(["a"], []),
    "unknown tokens of BLEU": lambda: bleu(["a"], ["a"], tokenize="zh"),  # type: ignore[arg-type]
    "BLEU of a text without translations": lambda: check_bleu(nn.Linear(1, 1), Topics()),
    "neither data nor parts": lambda: from_tensors(),
    "a part that is missing": lambda: from_tensors(train=(NUMBERS, CLASSES)),
    "data beside parts": lambda: from_tensors(NUMBERS, CLASSES, train=(NUMBERS, CLASSES)),
    "shares that are too much": lambda: from_tensors(NUMBERS, CLASSES, split=(0.8, 0.2, 0.2)),
    "shares of too few examples": lambda: from_tensors(NUMBERS[:3], CLASSES[:3]),
    "fewer targets than inputs": lambda: from_tensors(NUMBERS, CLASSES[:9]),
    "images of bytes": lambda: from_tensors((NUMBERS * 9).byte(), CLASSES),
    "one number per example": lambda: from_tensors(NUMBERS[:, 0], CLASSES),
    "texts for inputs": lambda: from_tensors([["a"], ["b"]], [0, 1]),
    "a number that is none": lambda: from_tensors(NUMBERS.log(), CLASSES),
    "numbers for classes": lambda: from_tensors(NUMBERS, NUMBERS[:, 0], kind="classification"),
    "classes by zeros and ones": lambda: from_tensors(
        NUMBERS, NUMBERS[:, :2], kind="classification"
    ),
    "more classes than examples": lambda: from_tensors(NUMBERS, CLASSES * 1000),
    "one class": lambda: from_tensors(NUMBERS, CLASSES * 0),
    "a class out of range": lambda: from_tensors(NUMBERS, CLASSES, classes=2),
    "a class that is not listed": lambda: from_tensors(NUMBERS, [*"abc" * 10], classes=["a", "b"]),
    "another kind": lambda: from_tensors(NUMBERS, CLASSES, kind="ranking"),  # type: ignore[arg-type]
    "classes of a regression": lambda: from_tensors(NUMBERS, NUMBERS[:, 0], classes=3),
    "a recipe that is none": lambda: from_tensors(
        NUMBERS,
        CLASSES,
        recipe={"epochs": 3},  # type: ignore[arg-type]
    ),
    "translations by another network": lambda: translations(nn.Linear(1, 1), Reversal()),
}


def without(package: str, call: Callable[[], object]) -> Callable[[], object]:
    """Make a call where a package is not installed."""

    def mistake() -> object:
        from archrank.tasks.text import subwords

        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(sys.modules, package, None)
            for function in (phrases._babel, subwords._tokenizers):
                function.cache_clear()
            try:
                return call()
            finally:
                for function in (phrases._babel, subwords._tokenizers):
                    function.cache_clear()

    return mistake


MISSING: Cases = {
    "no Babel": without("babel", lambda: Dates(seed=99).load()),
    "no tokenizers": without(
        "tokenizers", lambda: from_parallel(*parallel(HERE), tokens="subwords", size=51)
    ),
    "no sacrebleu": without("sacrebleu", lambda: bleu(["a"], ["a"])),
}


def test_messages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, update_golden: bool) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ARCHRANK_CACHE", str(tmp_path / "cache"))
    messages = {}
    for mistake, make in {**CASES, **MISSING}.items():
        messages[mistake] = message_of(make).replace(f"{tmp_path}/", "")
    compare("tasks", messages, update=update_golden)
