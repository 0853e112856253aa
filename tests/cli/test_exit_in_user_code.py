"""``sys.exit()`` in users' files: an error that names the file, never an end with status 0."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Cli, refused

MINE = """
import sys
import archrank as ar
from torch import nn

exits = []

def stop(*arguments):
    sys.exit(0)

def build(config, task):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, task.n_outputs))

choices = {"depth": [1, 2, 3, 4, 5, 6]}
good = ar.spaces.from_choices(choices, build=build, name="good")
bad = ar.spaces.from_choices(choices, build=stop, name="bad")
task = ar.tasks.Digits(recipe=ar.tasks.Recipe(epochs=1), copies=1)

def trainer(network, task, seed, device):
    sys.exit(0)

training = ar.evaluators.Training(task, trainer=trainer, metrics=["m:maximize"])

class Quitter(ar.strategies.Strategy):
    def propose(self, history, n, *, rng):
        sys.exit(0)

    def describe(self):
        return {"strategy": "quitter"}

class Task(ar.tasks.Digits):
    def load(self):
        sys.exit(0)

class Ranker(ar.rankers.MLP):
    def _fit(self, archs, scores):
        sys.exit(0)
"""
QUICK = ("--budget", 6, "--workers", 1, "--strategy", "random")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", [*sys.path])
    (tmp_path / "quits.py").write_text("import sys\nsys.exit(0)\n")
    (tmp_path / "mine.py").write_text(MINE)


@pytest.mark.parametrize("option", ["--space", "--task", "--evaluate", "--strategy", "--ranker"])
@pytest.mark.parametrize("name", ["sys:exit", "quits.py:space", "quits:space", "mine.py:stop"])
def test_named_things(option: str, name: str, cli: Cli) -> None:
    result = cli("search", option, name, *(QUICK if option != "--strategy" else ("--budget", 6)))
    if option == "--ranker":  # random search takes none
        result = cli("search", option, name, "--budget", 6)
    if option == "--evaluate" and name == "mine.py:stop":
        assert result.status == 2, result  # a function of nothing that is certain to be called
        return
    refused(result, name)
    assert "sys.exit(" in result.err, result.err


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (
            ("--space", "mine.py:bad", "--task", "mine.py:task"),
            ("bad: build", "mine.py, line 9, called"),
        ),
        (("--space", "mine.py:good", "--evaluate", "mine.py:stop"), ("sys.exit(0)",)),
        (("--space", "mine.py:good", "--evaluate", "mine.py:training"), ("sys.exit(0)",)),
        (("--space", "mine.py:good", "--task", "mine.py:Task"), ("mine.py, line", "sys.exit(0)")),
    ],
)
def test_functions_that_are_called(
    arguments: tuple[str, ...], parts: tuple[str, ...], cli: Cli
) -> None:
    result = cli("search", *arguments, *QUICK)
    assert result.status == 2, result
    for part in parts:
        assert part in result.err, result.err


def test_a_strategy(cli: Cli) -> None:
    chosen = ("--space", "mine.py:good", "--task", "mine.py:task", "--strategy", "mine.py:Quitter")
    result = cli("search", *chosen, "--budget", 6, "--workers", 1)
    assert result.status == 2, result
    assert "mine.py, line" in result.err
    assert "called sys.exit(0), which would end the command" in result.err
