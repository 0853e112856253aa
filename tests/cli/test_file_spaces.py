"""``--space path/to/file.py:name``: users' files on the command line."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Cli, refused

MINE = """
import archrank as ar
from torch import nn
from helper_of_mine import head
from archrank.tasks import Digits, Recipe

task = Digits(recipe=Recipe(epochs=1), copies=1)

def build(config, task):
    if config["depth"] == 3:
        raise ValueError("too deep")
    widths = [config[f"width{i}"] for i in range(1, config["depth"] + 1)]
    layers = [nn.Flatten()]
    for before, width in zip([64, *widths], widths):
        layers += [nn.Linear(before, width), nn.ReLU()]
    return nn.Sequential(*layers, head(widths[-1], task.n_classes))

space = ar.spaces.from_choices(
    {"depth": [1, 2, 3], "width1": [4, 8], "width2": [4, 8]},
    build=lambda config, task: build(config, task),
    active_if={"width2": ("depth", [2, 3])},
    name="nets",
)
cells = ar.spaces.CustomCells(
    {"none": None, "skip_connect": None, "conv": lambda c: nn.Conv2d(c, c, 3, padding=1)}, nodes=3
)

def local():
    return ar.spaces.from_choices({"a": [1, 2]}, build=lambda config, task: None)
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    folder = tmp_path / "my spaces"
    folder.mkdir()
    (folder / "helper_of_mine.py").write_text("from torch.nn import Linear as head\n")
    (folder / "mine.py").write_text(MINE)
    return folder / "mine.py"


def records(folder: Path) -> list[tuple[str, str | None]]:
    """Architecture and failure reason of every stored evaluation."""
    connection = sqlite3.connect(folder / "study.db")
    query = "SELECT trial_id, key, value_json FROM trial_user_attributes ORDER BY trial_id"
    found: dict[int, dict[str, object]] = {}
    for trial, key, value in connection.execute(query):
        found.setdefault(trial, {})[key] = json.loads(value)
    connection.close()
    return [(str(r["arch"]), str(r["reason"]) if r.get("reason") else None) for r in found.values()]


def test_a_search_with_two_workers(mine: Path, tmp_path: Path) -> None:
    where = mine.relative_to(tmp_path)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "archrank", "search", "--space", f"{where}:space"),
            *("--task", f"{where}:task", "--strategy", "random", "--budget", "6"),
            *("--workers", "2", "--run", "here", "--constraint", "params<=1e6"),
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "Warning" not in done.stderr
    assert "valid_accuracy" in done.stdout
    found = records(tmp_path / "here")
    assert len({arch for arch, _ in found}) == 6
    assert all(("depth=3" in arch) == (reason is not None) for arch, reason in found)


def test_a_search_of_cells(cli: Cli, mine: Path) -> None:
    result = cli(
        *("search", "--space", f"{mine}:cells", "--task", f"{mine}:task", "--budget", 2),
        *("--strategy", "random", "--workers", 1, "--run", "here"),
    )
    assert result.status == 0, result.err
    assert [reason for _, reason in records(Path("here"))] == [None, None]


def test_lambdas_nobody_can_find(cli: Cli, mine: Path) -> None:
    result = cli(
        *("search", "--space", f"{mine}:local", "--task", f"{mine}:task", "--budget", 2),
        *("--strategy", "random", "--workers", 2, "--run", "here"),
    )
    assert result.status == 2
    assert "cannot be sent to worker processes" in result.err.splitlines()[-1]
    assert "search with one worker" in result.err.splitlines()[-1]
    assert "Traceback" not in result.err


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("min.py:space", ["no file min.py"]),
        ("my spaces/min.py:space", ["no file my spaces/min.py, did you mean my spaces/mine.py?"]),
        ("my spaces/mine.py:spaces", ["name in my spaces/mine.py: 'spaces'", "or 'space'?"]),
        ("my spaces/mine.py", ["my spaces/mine.py:NAME"]),
        ("my spaces/mine.py:task", ["is a Digits, expected an archrank Space"]),
    ],
)
@pytest.mark.usefixtures("mine")
def test_bad_input(cli: Cli, name: str, parts: list[str]) -> None:
    refused(cli("search", "--space", name, "--budget", 2, "--run", "here"), *parts)
    assert not Path("here").exists()


def test_other_nouns(cli: Cli, mine: Path) -> None:
    refused(cli("search", "--task", f"{mine}:tsk", "--budget", 2), "'tsk'", "did you mean 'task'")
    for option, kind in (("--strategy", "Strategy"), ("--ranker", "Ranker")):
        result = cli("search", option, f"{mine}:task", "--budget", 2)
        refused(result, f"is a Digits, expected an archrank {kind}")
