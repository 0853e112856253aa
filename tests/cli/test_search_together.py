"""``archrank search`` by several processes on one study in PostgreSQL."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from archrank.runs.reading import load
from archrank.study.address import ENVIRONMENT
from archrank.study.results import Results

SEARCH = ("search", "--table", "digits201", "--strategy", "random", "--budget", "40")


def start(folder: Path, *words: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "archrank.cli.main", *words],
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
    words = (*SEARCH, "--run", "runs/one", "--storage", shown)
    started = [start(here, *words), start(here, *words), start(there, *words)]
    texts = ["".join(each.communicate(timeout=300)) for each in started]
    assert [each.returncode for each in started] == [0, 0, 0], texts
    made = []
    for text in texts:
        found = re.search(
            r"(\d+) evaluations? in [^,\n]*(?:, (\d+) of them by this process)?", text
        )
        assert found is not None, text
        made.append(int(found[2] or found[1]))
        assert "run folder runs/one" in text
    assert sum(made) == 40
    one, other = load(here / "runs/one"), load(there / "runs/one")
    alone = start(tmp_path, *SEARCH, "--run", "alone")
    said = "".join(alone.communicate(timeout=300))
    assert alone.returncode == 0, said
    assert evaluated(one) == evaluated(other) == evaluated(load(tmp_path / "alone"))
    assert (here / "runs/one/report.html").exists()


# ---- short trainings, full ones and repetitions --------------------------------------------------

MINE = """
import os
import time

import archrank as ar

space = ar.spaces.from_choices({"depth": list(range(9)), "width": list(range(9))},
                               build=lambda c, t: None, name="plain")

def measure(config, epochs, seed):
    with open(os.environ["NOTES"], "a") as file:
        file.write(f"{os.getppid()} {config} {epochs} {seed}\\n")
    time.sleep(float(os.environ["SECONDS"]))
    return -abs(config["depth"] - 6) - config["depth"] / epochs + seed % 7 / 10
"""
FIDELITY = (
    *("search", "--space", "mine.py:space", "--evaluate", "mine.py:measure", "--metric", "score"),
    *("--epochs", "8", "--fidelity", "2", "--ranker", "linear", "--budget", "7", "--confirm", "3"),
    *("--workers", "1"),
)
EVALUATIONS = 8 + 2 + 3  # short, in full, repetitions


class Divided(NamedTuple):
    """What is kept of a search in two stages, with repetitions."""

    short: list[tuple[object, ...]]
    full: list[tuple[object, ...]]
    repeated: dict[object, object]
    recommended: str


def divided(folder: Path) -> Divided:
    results = load(folder)
    return Divided(
        evaluated(load(folder / "short")),
        evaluated(results),
        {(each.key, each.number): each.values for each in results.repetitions},
        results.recommended.string,
    )


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Divided:
    """The same search by one process, in a file."""
    folder = tmp_path_factory.mktemp("alone")
    (folder / "mine.py").write_text(MINE)
    done = start(folder, *FIDELITY, NOTES=str(folder / "notes"), SECONDS="0")
    said = "".join(done.communicate(timeout=300))
    assert done.returncode == 0, said
    assert len((folder / "notes").read_text().splitlines()) == EVALUATIONS
    found = divided(*folder.glob("runs/*"))
    assert (len(found.short), len(found.full), len(found.repeated)) == (8, 2, 3)
    return found


@pytest.mark.parametrize("killed", [None, 2, 9, 12], ids=["none", "short", "full", "repeating"])
def test_short_trainings_and_repetitions_are_divided(
    database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    alone: Divided,
    killed: int | None,
) -> None:
    """One of two processes is killed when so many evaluations have begun."""
    monkeypatch.setenv(ENVIRONMENT, database)
    (tmp_path / "mine.py").write_text(MINE)
    notes = tmp_path / "notes"
    notes.touch()
    words = (*FIDELITY, "--run", "one", "--storage", re.sub(":[^:@]*@", "@", database))
    # the one that is killed is held up in its first evaluation then
    seconds = ["0.2", "0.2"] if killed is None else ["0.05", "0.05"]
    started = [start(tmp_path, *words, NOTES=str(notes), SECONDS=each) for each in seconds]
    if killed is not None:
        until = time.monotonic() + 120
        while len(notes.read_text().splitlines()) < killed:
            assert time.monotonic() < until
            time.sleep(0.005)
        started[0].kill()
    texts = ["".join(each.communicate(timeout=300)) for each in started]
    left = started if killed is None else started[1:]
    assert [each.returncode for each in left] == [0] * len(left), texts
    assert divided(tmp_path / "one") == alone
    begun = notes.read_text().splitlines()
    made = Counter(line.partition(" ")[2] for line in begun)
    assert len(made) == EVALUATIONS
    assert sum(made.values()) <= EVALUATIONS + (killed is not None)  # what the killed one held
    if killed is None:
        assert len({line.split()[0] for line in begun}) == 2
