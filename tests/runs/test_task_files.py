"""Vocabularies lie beside what was trained with them, and those of other texts are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import nn

import archrank as ar
from archrank.errors import DataError, ResumeError, SettingsError
from archrank.export import export_network
from archrank.runs.named import make_space
from archrank.runs.task_files import keep_task_files
from archrank.supernets import start_training, train_supernet
from archrank.tasks import Digits, Recipe, from_parallel
from archrank.tasks.text.vocabulary_files import read_vocabulary
from tests.tasks.text.files import parallel
from tests.tasks.tiny import Translator

RECIPE = Recipe(epochs=1, batch_tokens=100, optimizer="adamw", lr=0.02)


def made(folder: Path, sizes: tuple[int, int, int] = (40, 12, 12)) -> Any:
    folder.mkdir()
    return from_parallel(*parallel(folder, sizes), tokens="words", recipe=RECIPE)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHRANK_CACHE", str(tmp_path / "cache"))


def test_a_run_keeps_the_vocabulary_of_one_text(tmp_path: Path) -> None:
    run = tmp_path / "run"
    task, other = made(tmp_path / "a"), made(tmp_path / "b", (20, 12, 12))
    keep_task_files(run, task)
    keep_task_files(run, task)
    assert sorted(path.name for path in run.iterdir()) == [
        "source_vocabulary.json",
        "target_vocabulary.json",
    ]
    found = read_vocabulary(str(run / "target_vocabulary.json"))
    assert found.digest == task.vocabularies[1].digest
    with pytest.raises(ResumeError, match="is of other data than that of task"):
        keep_task_files(run, other)
    keep_task_files(tmp_path / "images", Digits())
    assert not (tmp_path / "images").exists()


def build(config: dict[str, Any], task: Any) -> nn.Module:
    return Translator(task.n_sources, task.n_outputs)


def test_an_export_has_it_too(tmp_path: Path) -> None:
    task = made(tmp_path / "a")
    space = ar.spaces.from_choices({"a": [1, 2]}, build, name="translators")
    training = ar.evaluators.Training(task).bind(space)
    export_network(training, np.array([0], dtype=np.uint8), tmp_path / "out")
    path = tmp_path / "out" / "source_vocabulary.json"
    assert json.loads(path.read_text(encoding="utf-8"))["learnt_from"]
    with pytest.raises(SettingsError, match="a Translator cannot translate"):
        export_network(training, np.array([0], dtype=np.uint8), tmp_path / "none", bleu=True)
    assert not (tmp_path / "none").exists()  # nothing was trained
    other = parallel(tmp_path / "a", (30, 12, 12))
    with pytest.raises(DataError, match="was learnt from another text"):
        from_parallel(*other, tokens="words", vocabulary=path)


def test_a_checkpoint_of_another_text_is_refused(tmp_path: Path) -> None:
    """Both texts have the same sentences; only their order differs."""
    task = made(tmp_path / "a")
    paths = parallel(tmp_path / "a")
    for path in paths[0]:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
        Path(path).write_text("\n".join([*reversed(lines), ""]), encoding="utf-8")
    other = from_parallel(*paths, tokens="words", recipe=RECIPE)
    space = make_space("hat_small")
    first, second = (
        start_training(space.networks(each), epochs=1, batch_tokens=400) for each in (task, other)
    )
    train_supernet(first, tmp_path / "net")
    with pytest.raises(ResumeError, match=r"is of another training .*task\.files\.text"):
        train_supernet(second, tmp_path / "net")
