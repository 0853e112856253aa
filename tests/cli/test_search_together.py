"""``archrank search`` by several processes on one study in PostgreSQL."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from archrank.runs.reading import load
from archrank.study.address import ENVIRONMENT
from archrank.study.results import Results

SEARCH = ("search", "--table", "digits201", "--strategy", "random", "--budget", "40")


def start(folder: Path, *words: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "archrank.cli.main", *SEARCH, *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def evaluated(results: Results) -> list[tuple[object, ...]]:
    return [(r.key, r.string, sorted(r.values.items())) for r in results.records]


def test_the_same_command_twice_in_one_folder_and_once_elsewhere(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on one host, and on another one."""
    monkeypatch.setenv(ENVIRONMENT, database)
    shown = re.sub(":[^:@]*@", "@", database)
    here, there = tmp_path / "here", tmp_path / "there, host é"
    here.mkdir(), there.mkdir()
    words = ("--run", "runs/one", "--storage", shown)
    started = [start(here, *words), start(here, *words), start(there, *words)]
    texts = ["".join(each.communicate(timeout=300)) for each in started]
    assert [each.returncode for each in started] == [0, 0, 0], texts
    made = []
    for text in texts:
        found = re.search(r"(\d+) evaluations in [^,\n]*(?:, (\d+) of them by this process)?", text)
        assert found is not None, text
        made.append(int(found[2] or found[1]))
        assert "run folder runs/one" in text
    assert sum(made) == 40
    one, other = load(here / "runs/one"), load(there / "runs/one")
    alone = start(tmp_path, "--run", "alone")
    said = "".join(alone.communicate(timeout=300))
    assert alone.returncode == 0, said
    assert evaluated(one) == evaluated(other) == evaluated(load(tmp_path / "alone"))
    assert (here / "runs/one/report.html").exists()
