"""Inputs that no command can use: status 2, a message, no traceback, nothing written elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Cli

MANY = "9" * 400
SEARCH = "search --table digits201 --strategy random --metric valid_accuracy"
ASSESS = "assess --table digits201 --labels valid_accuracy --rankers default"
COMMANDS = {
    f"{SEARCH} --budget MANY": "is beyond the 6,466 architectures",
    f"{SEARCH} --budget 1.5": "not a whole number",
    f"{SEARCH} --minutes nan": "a positive number is needed",
    f"{SEARCH} --minutes inf": "a positive number is needed",
    f"{SEARCH} --minutes MANY": "a positive number is needed",
    f"{SEARCH} --seed -MANY": "a seed is 0 or more",
    f"{SEARCH} --constraint macs<=MANY --budget 2": "too large for a number",
    f"{SEARCH} --constraint macs<=nan": "cannot read constraint",
    f"{SEARCH} --batch MANY --budget 2": "more than any memory holds",
    f"{SEARCH} --workers MANY": "workers must be at most 4,096",
    f"{SEARCH} --metric ../../../../x": "unknown column",
    f"{SEARCH} --run /dev/null/x": "cannot write",
    "search --evaluate cost --metric ../../../../x": "unknown metric",
    "search --space ~nouser/x.py:s": "there is no file ~nouser/x.py",
    "search --space /etc/passwd:x": "importing /etc/passwd failed",
    "search --space builtins:dict": "expected an archrank Space",
    "search --space math:pi": "expected an archrank Space",
    "search --space :": "space ':'",
    "search --strategy builtins:dict --budget 2": "expected an archrank Strategy",
    "search --evaluate builtins:dict": "expected an archrank Evaluator",
    "search --evaluate builtins:min": "does not say what it takes",
    "search --table ~nouser/x.csv": "there is no such file",
    "search --table .": "is a folder",
    "draw MANY": "nasbench201: expected",
    "draw random --seed -MANY": "--seed must be 0 or more",
    "tables build ../../x --task digits --seeds MANY": "seeds must be at most",
    "tables build x --task digits --archs MANY": "6,466 architectures",
    "tables verify digits201 --archs MANY": "give 1 to 6466",
    "tables import nats-bench ~nouser/x": "no such file or folder",
    f"{ASSESS} --seeds MANY": "seeds must be at most",
    f"{ASSESS} --train-sizes MANY": "6466 architectures",
    "reproduce surgery-fig4 --tables builtin --seeds MANY": "seeds must be at most",
    "reproduce surgery-fig4 --data ~nouser/x": "no folder ~nouser/x",
    "best ~nouser": "no run in ~nouser",
    "best /dev/null": "no run in /dev/null",
    f"front {'a' * 300}": "File name too long",
}


@pytest.mark.parametrize("command", COMMANDS, ids=range(len(COMMANDS)))
def test_commands(command: str, cli: Cli, tmp_path: Path) -> None:
    result = cli(*command.replace("MANY", MANY).split())
    assert result.status == 2, result
    assert "Traceback" not in result.err
    assert result.err.splitlines()[-1].startswith("error: ")
    assert COMMANDS[command] in result.err
    for path in tmp_path.iterdir():
        assert path.name in ("runs", "builds"), path


@pytest.mark.parametrize("name", ["../../x", "/tmp/x", "a/b"])
def test_names_stay_in_their_folder(name: str, cli: Cli, tmp_path: Path) -> None:
    beside = sorted(tmp_path.parent.iterdir())
    Path("mine.py").write_text(
        f"def measure(config):\n    return 1.0\nmeasure.metrics = [{name!r}]\n"
    )
    evaluate = ("--evaluate", "mine.py:measure", "--metric", f"{name}:maximize")
    result = cli("search", *evaluate, "--strategy", "random", "--budget", 5, "--workers", 1)
    assert result.status == 0, result.err
    (run,) = Path("runs").iterdir()
    assert (run / "search.json").exists()
    assert sorted(tmp_path.parent.iterdir()) == beside
    assert {path.name for path in tmp_path.iterdir()} <= {"mine.py", "runs", "__pycache__"}
