"""``archrank runs``, and runs that Python and the command line share."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest

import archrank as ar
from archrank.errors import SettingsError, StorageError
from archrank.locking import locked
from archrank.strategies import Random
from tests.cli.conftest import Cli

SPACE = ar.spaces.from_choices(
    {"depth": [1, 2, 3], "width": [8, 16]},
    build=lambda config, task: None,  # type: ignore[arg-type,return-value]
    name="nets",
)


def score(config: dict[str, int]) -> float:
    return config["depth"] * config["width"]


def study(folder: str) -> ar.Study:
    return ar.Study(SPACE, ar.evaluators.Function(score), Random(), run=folder)


def test_runs_are_listed(cli: Cli, table: Path) -> None:
    assert "no runs below" in cli("runs").err
    search = ("search", "--table", table, "--metric", "accuracy", "--strategy", "random")
    assert cli(*search, "--budget", 6).status == 0
    study("work/mine").run(4)
    asked = ar.Study(SPACE, objectives="accuracy", run="asked")
    asked.ask(2)
    Path("broken").mkdir()
    Path("broken", "search.json").write_text("{")
    found = {Path(run["folder"]): run for run in json.loads(cli("runs", "--json").out)}
    assert set(map(str, found)) == {
        "runs/nasbench201-cells-accuracy-random-seed0",
        "work/mine",
        "asked",
        "broken",
    }
    mine = found[Path("work/mine")]
    assert (mine["space"], mine["strategy"], mine["evaluations"]) == ("nets", "random", 4)
    assert (mine["state"], mine["objectives"]) == (
        "idle",
        {"score": study("work/mine").best.values["score"]},
    )
    assert found[Path("asked")]["state"] == "2 await an answer"
    assert found[Path("broken")]["state"].startswith("cannot be read: ")
    shown = cli("runs", "work").out
    assert "mine" in shown
    assert "nasbench201" not in shown
    with locked(Path("work/mine")):
        assert "searching" in cli("runs", "work").out
    assert "nowhere does not exist; name the folder" in cli("runs", "nowhere").err


def test_a_study_of_python_is_a_run(cli: Cli) -> None:
    first = study("runs/mine").run(4)
    assert study("runs/mine").run(6).records[:4] != []
    assert json.loads(cli("best", "--json").out)["arch"] == study("runs/mine").best.string
    for command in (
        ("front", "runs/mine"),
        ("report", "runs/mine"),
        ("draw", "--run", "runs/mine"),
    ):
        assert cli(*command).status == 0
    refused = cli("search", "--run", "runs/mine", "--budget", 6)
    assert refused.status == 2
    assert "a study that was made in Python: go on with it there" in refused.err
    with locked(Path("runs/mine")), pytest.raises(StorageError, match="in use by another"):
        first.run(6)
    with pytest.raises(SettingsError, match="leave out storage="):
        ar.Study(SPACE, ar.evaluators.Function(score), run="a", storage=Path("b.db"))


PROGRAM = """
import archrank as ar

space = ar.spaces.from_choices({"depth": [1, 2, 3], "width": [8, 16]}, build=lambda c, task: None)


def score(config):
    return config["depth"] * config["width"]


if __name__ == "__main__":
    evaluator = ar.evaluators.Function(score, ["score"])
    ar.Study(space, evaluator, ar.strategies.Random(), run="shared").run(3)
"""


def test_the_command_line_goes_on_with_a_program_whose_parts_it_is_told(cli: Cli) -> None:
    Path("mine.py").write_text(PROGRAM)
    runpy.run_path("mine.py", run_name="__main__")
    parts = ("--space", "mine.py:space", "--evaluate", "mine.py:score", "--strategy", "random")
    done = cli("search", "--run", "shared", *parts, "--budget", 5, "--workers", 1)
    assert done.status == 0, done.err
    assert "2 evaluations in" in done.err
    assert json.loads(cli("best", "shared", "--json").out)["evaluations"] == 5
    assert json.loads(cli("runs", "shared", "--json").out)[0]["space"] == "mine.py:space"
    other = cli("search", "--run", "shared", *parts, "--seed", 3)
    assert other.status == 2
