"""Searches whose evaluations crash: one architecture fails, and the command goes on."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path

import pytest

from tests.cli.conftest import Cli

MINE = """
import os, signal
from pathlib import Path
import archrank as ar

def build(config, task):
    raise AssertionError("nothing is built")

space = ar.spaces.from_choices({"depth": [1, 2, 3, 4], "width": [1, 2]}, build=build, name="mine")

def measure(config):
    if config["depth"] == 2:
        os.kill(os.getpid(), signal.SIGSEGV)
    return {"score": config["depth"] * config["width"]}

measure.metrics = ["score:maximize"]

class Where:
    metrics = ["score:maximize"]

    def __init__(self):
        self.cannot_be_sent = lambda: None

    def __call__(self, config):
        Path("pid").write_text(str(os.getpid()))
        return {"score": config["depth"]}

here = Where()
"""


def failures(folder: str) -> dict[str, str | None]:
    """Return every stored architecture, and why it failed."""
    connection = sqlite3.connect(Path(folder) / "study.db")
    query = "SELECT trial_id, key, value_json FROM trial_user_attributes"
    rows = connection.execute(query).fetchall()
    connection.close()
    arch = {trial: json.loads(text) for trial, key, text in rows if key == "arch"}
    failure = {trial: json.loads(text) for trial, key, text in rows if key == "failure"}
    return {arch[trial]: failure[trial] for trial in arch}


def search(cli: Cli, evaluator: str, workers: int) -> str:
    Path("mine.py").write_text(MINE)
    named = ("--space", "mine.py:space", "--evaluate", f"mine.py:{evaluator}", "--metric", "score")
    chosen = ("--strategy", "random", "--budget", 8, "--workers", workers, "--run", f"by{workers}")
    result = cli("search", *named, *chosen)
    assert result.status == 0, result
    return result.err


@pytest.mark.parametrize("workers", [1, 2])
def test_a_crash_is_a_failed_architecture(workers: int, cli: Cli) -> None:
    told = search(cli, "measure", workers)
    assert told.count("failed: the worker process crashed (SIGSEGV, Segmentation fault)") == 2
    found = failures(f"by{workers}")
    assert len(found) == 8
    assert sum(reason is not None for reason in found.values()) == 2
    assert all(("depth=2" in arch) == (reason is not None) for arch, reason in found.items())


def test_what_cannot_be_sent_is_evaluated_here_by_one_worker(cli: Cli) -> None:
    search(cli, "here", 1)
    assert int(Path("pid").read_text()) == os.getpid()
    named = ("--space", "mine.py:space", "--evaluate", "mine.py:here", "--metric", "score")
    result = cli("search", *named, "--strategy", "random", "--budget", 8, "--workers", 2)
    assert result.status == 2
    assert "cannot be sent to worker processes" in result.err
