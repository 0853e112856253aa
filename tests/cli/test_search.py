from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from filelock import FileLock

from archrank import isolation
from archrank.cli.main import main
from archrank.evaluators import Table
from tests.cli.conftest import Cli, refused

RUN = "runs/nasbench201-cells-accuracy-random-seed0"


def evaluations(folder: str | Path) -> list[str]:
    """Every stored architecture, in the order of storing."""
    connection = sqlite3.connect(Path(folder) / "study.db")
    query = "SELECT value_json FROM trial_user_attributes WHERE key = 'arch' ORDER BY trial_id"
    rows = [json.loads(text) for (text,) in connection.execute(query)]
    connection.close()
    return rows


@pytest.mark.usefixtures("real_report")
def test_search_repeat_and_extend(search: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    result = search("--budget", 6)
    assert result.status == 0
    assert "15,625 architectures" in result.err
    assert f"run folder {RUN}" in result.err
    assert "6 evaluations in" in result.err
    assert "best" in result.out
    assert "accuracy" in result.out
    first = evaluations(RUN)
    assert len(first) == 6
    assert Path(RUN, "report.html").read_text(encoding="utf-8").startswith("<!")

    with monkeypatch.context() as patch:
        patch.setattr(Table, "evaluate", None)  # nothing may be evaluated
        again = search("--budget", 6)
    assert again.status == 0
    assert "0 evaluations in" in again.err
    assert again.out == result.out
    assert evaluations(RUN) == first

    longer = search("--budget", 9)
    assert "3 evaluations in" in longer.err
    assert evaluations(RUN)[:6] == first
    assert len(set(evaluations(RUN))) == 9


def test_waiting_to_measure_is_told(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ("search", "--metric", "latency_ms", "--strategy", "random", "--budget", 1)
    monkeypatch.setattr(isolation, "in_use", lambda: True)
    told = f"{isolation.WAITING}, before latencies are measured"
    assert told in cli(*asked, "--workers", 1).err


@pytest.mark.parametrize("strategy", ["evolution", "guided"])
def test_other_strategies(search: Cli, strategy: str) -> None:
    ranker = ("--ranker", "gbdt", "--initial", 5, "--batch", 3) if strategy == "guided" else ()
    result = search("--strategy", strategy, "--budget", 8, "--run", "here", *ranker)
    assert result.status == 0
    assert len(evaluations("here")) == 8


def test_several_metrics_and_constraints(search: Cli) -> None:
    result = search(
        *("--metric", "latency_ms", "--constraint", "latency_ms<=3", "--constraint=accuracy>=0.1"),
        *("--budget", 40, "--run", "here"),
    )
    assert result.status == 0
    settings = json.loads(Path("here/search.json").read_text())
    assert settings["metric"] == ["accuracy", "latency_ms"]
    assert settings["constraint"] == ["latency_ms<=3", "accuracy>=0.1"]


def test_seeds_have_folders_of_their_own(search: Cli) -> None:
    search("--budget", 2)
    search("--budget", 2, "--seed", 1)
    assert evaluations(RUN) != evaluations(RUN.replace("seed0", "seed1"))


def test_workers_change_nothing(search: Cli) -> None:
    assert search("--budget", 4, "--workers", 2, "--run", "two").status == 0
    search("--budget", 4, "--run", "one")
    assert sorted(evaluations("two")) == sorted(evaluations("one"))


def test_rounds_ahead_change_proposals_and_nothing_else(search: Cli) -> None:
    ahead = ("--strategy", "evolution", "--batch", 2, "--ahead", 2, "--budget", 12)
    assert search(*ahead, "--workers", 2, "--run", "two").status == 0
    search(*ahead, "--run", "one")
    assert sorted(evaluations("two")) == sorted(evaluations("one"))
    assert "--ahead: 2 -> 0" in search(*ahead[:4], "--budget", 14, "--run", "one").err


def test_workers_that_rounds_are_too_small_for(search: Cli) -> None:
    told = "4 workers, of which rounds of 2 keep 2 busy: --batch 4 --ahead 1 keeps all busy"
    new = ("--strategy", "evolution", "--workers", 4, "--run", "new")
    assert told in search("--budget", 2, *new).err
    assert told not in search("--budget", 3, *new).err
    enough = ("--strategy", "evolution", "--ahead", 1, "--budget", 2, "--workers", 4)
    assert "workers, of which" not in search(*enough, "--run", "enough").err


def test_a_command_in_a_thread(table: Path, tmp_path: Path) -> None:
    """Python takes signals in the main thread alone."""
    arguments = ["search", "--table", table, "--budget", 4, "--strategy", "random", "--workers", 2]
    status: list[object] = []

    def command() -> None:
        with pytest.raises(SystemExit) as ended:
            main([str(a) for a in (*arguments, "--run", tmp_path / "here")])
        status.append(ended.value.code)

    thread = threading.Thread(target=command)
    thread.start()
    thread.join()
    assert status == [0]
    assert len(evaluations(tmp_path / "here")) == 4


def test_a_table_in_the_data_folder(cli: Cli, table: Path) -> None:
    name = ("search", "--table", table.name, "--metric", "accuracy", "--strategy", "random")
    assert cli(*name, "--budget", 2, "--data", table.parent).status == 0
    refused(cli(*name, "--budget", 2, "--run", "other"), "cells.csv", "no such file")


def test_a_storage_elsewhere(search: Cli, cli: Cli) -> None:
    url = "sqlite:///elsewhere.db"
    assert search("--budget", 3, "--run", "here", "--storage", url).status == 0
    assert not Path("here/study.db").exists()
    assert json.loads(cli("best", "here", "--json").out)["evaluations"] == 3


def test_interrupted(search: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluate = Table.evaluate
    calls: list[int] = []

    def stop_at_the_fifth(self: Table, archs: object) -> object:
        calls.append(1)
        if len(calls) == 5:
            os.kill(os.getpid(), signal.SIGTERM)  # as a scheduler does
        return evaluate(self, archs)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Table, "evaluate", stop_at_the_fifth)
        result = search("--budget", 9)
    assert result.status == 130
    assert f"stopped after 4 of 9 evaluations, all kept in {RUN}" in result.err
    assert "repeat the command" in result.err
    first = evaluations(RUN)
    assert len(first) == 4
    assert search("--budget", 9).status == 0
    assert evaluations(RUN)[:4] == first
    search("--budget", 9, "--run", "whole")
    assert evaluations(RUN) == evaluations("whole")
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


# ---- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["--space", "nasbench-20"], ["unknown space 'nasbench-20'", "or 'nasbench201'?"]),
        (["--strategy", "evolutoin"], ["'evolutoin'", "did you mean 'evolution'"]),
        (
            ["--strategy", "guided", "--ranker", "random_forrest"],
            ["unknown ranker 'random_forrest'", "did you mean 'random_forest'", "package.module"],
        ),
        (["--metric", "latency"], ["'latency'", "did you mean 'latency_ms'"]),
        (["--metric", "accuracy:up"], ["'accuracy:up'", "maximize or minimize"]),
        (["--metric", "accuracy"], ["named twice", "accuracy"]),
        (["--metric", "remark"], ["'remark'", "'note'", "not a number"]),
        (["--budget", 0], ["budget 0", "at least 1"]),
        (["--budget", -5], ["budget -5", "at least 1"]),
        (["--budget", 626], ["budget 626", "beyond the 625"]),
        (["--minutes", 0], ["minutes 0", "positive"]),
        (["--workers", 0], ["workers must be at least 1", "got 0"]),
        (["--batch", 0], ["batch_size must be at least 1", "got 0"]),
        (["--ahead", -1], ["ahead must be at least 0", "got -1"]),
        (["--strategy", "guided", "--initial", 0], ["initial must be at least 1", "got 0"]),
        (["--seed", -1], ["seed -1", "0 or more"]),
        (["--constraint", "latency_ms=3"], ["'latency_ms=3'", "metric<=number"]),
        (["--constraint", "latency_ms<=fast"], ["'latency_ms<=fast'", "metric<=number"]),
        (["--constraint", "latencyms<=3"], ["'latencyms'", "did you mean 'latency_ms'"]),
        (["--storage", "postgres"], ["postgres"]),
        (["--cluster", "here"], ["cluster 'here' is no address", "tcp://host:port"]),
        (
            ["--cluster", "tcp://x:1", "--workers", 2],
            ["has its own workers: remove --workers 2", "remove --cluster"],
        ),
        (["--resources", "GPU=1"], ["--resources is for evaluations on a cluster", "local"]),
        (["--retries", 2], ["--retries is for evaluations on a cluster"]),
        (["--cluster", "local", "--resources", "GPU"], ["--resources GPU: expected NAME=NUMBER"]),
        (["--cluster", "local", "--resources", "GPU=0.5"], ["whole GPUs"]),
        (["--cluster", "local", "--resources", "A=1", "A=2"], ["A is given twice"]),
        (["--cluster", "local", "--retries", -1], ["retries must be at least 0"]),
        (["--cluster", "local", "--workers", 0], ["workers must be at least 1"]),
    ],
)
def test_bad_input(search: Cli, arguments: list[object], parts: list[str]) -> None:
    refused(search("--run", "here", *arguments), *parts)
    assert not Path("here/study.db").exists()  # nothing was begun


def test_options_that_do_not_exist(search: Cli) -> None:
    result = search("--bugdet", 5)
    assert result.status == 2
    assert "--bugdet" in result.err
    assert "Traceback" not in result.err


def test_numbers_that_are_none(search: Cli) -> None:
    result = search("--budget", "many")
    assert result.status == 2
    assert "many" in result.err
    assert "Traceback" not in result.err


def test_an_unknown_task(cli: Cli) -> None:
    refused(cli("search", "--task", "digit", "--budget", 2), "'digit'", "did you mean 'digits'")
    result = cli("search", "--metric", "accuracy", "--budget", 2, "--strategy", "random")
    refused(result, "unknown metric 'accuracy'", "'valid_accuracy'", "'test_accuracy'")


GOOD = "|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|"
OTHER = GOOD.replace("3x3", "1x1")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (f"arch,accuracy\n{GOOD},1\n{OTHER},2\n{GOOD},3\n", ["row 0", "row 2", "keep one"]),
        (f"arch,accuracy\n{GOOD},1\n{OTHER},\n", ["'accuracy'", "row 1", "empty or NaN"]),
        (f"arch,accuracy\n{GOOD},nan\n{OTHER},2\n", ["'accuracy'", "row 0", "empty or NaN"]),
        (f"arch,accuracy\n{GOOD},7\n{OTHER},7\n", ["'accuracy'", "all 2 rows are 7"]),
        (
            f"arch,accuracy\n{GOOD},1\n{GOOD.replace('nor_conv_3x3', 'nor_conv3x3')},2\n",
            ["'nor_conv3x3'", "row 1", "did you mean", "nor_conv_3x3"],
        ),
        (f"arch,accuracy\n{GOOD},93 %\n{OTHER},94 %\n", ["'93 %'", "without the percent sign"]),
        (f"arch,accuracy\n{GOOD},high\n{OTHER},low\n", ["'high'", "not a number"]),
        (f"cell,accuracy\n{GOOD},1\n{OTHER},2\n", ["'arch'", "is missing", "cell, accuracy"]),
        (f"archs,accuracy\n{GOOD},1\n{OTHER},2\n", ["'arch'", "is it 'archs'"]),
        ("arch,accuracy\n", ["no rows"]),
        ("", ["empty"]),
        (f"arch,acc\n{GOOD},1\n{OTHER},2\n", ["unknown column 'accuracy'", "Known: acc"]),
        (f"arch,accuracy\n{GOOD}|,1\n|none~0|,2\n", ["row", "expected |op~0|"]),
    ],
)
def test_bad_tables(cli: Cli, text: str, parts: list[str]) -> None:
    Path("bad.csv").write_text(text)
    result = cli(
        *("search", "--table", "bad.csv", "--metric", "accuracy", "--budget", 1),
        *("--strategy", "random", "--run", "here"),
    )
    refused(result, "bad.csv", *parts)
    assert not Path("here").exists()


def test_a_missing_table(cli: Cli, table: Path) -> None:
    near = table.with_name("cell.csv")
    result = cli("search", "--table", near, "--metric", "accuracy")
    refused(result, str(near), "no such file", "did you mean cells.csv")


def test_a_run_folder_in_use(search: Cli) -> None:
    Path("here").mkdir()
    with FileLock("here/lock"):
        refused(search("--budget", 2, "--run", "here"), "here", "in use by another", "--run DIR")


def test_a_run_folder_that_cannot_be_written(search: Cli) -> None:
    Path("file").write_text("")
    for folder in ("file", "file/run"):
        refused(search("--budget", 2, "--run", folder), folder, "cannot write", "--run DIR")


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (["--metric", "latency_ms"], ["--metric: accuracy -> accuracy, latency_ms"]),
        (["--seed", 4], ["--seed: 0 -> 4"]),
        (["--strategy", "evolution"], ["--strategy: random -> evolution"]),
        (["--constraint", "latency_ms<=3"], ["--constraint: none -> latency_ms<=3"]),
    ],
)
def test_another_search_in_the_folder(search: Cli, change: list[object], parts: list[str]) -> None:
    search("--budget", 2, "--run", "here")
    before = evaluations("here")
    refused(search("--budget", 4, "--run", "here", *change), "holds another search", *parts)
    assert evaluations("here") == before


def test_another_space_in_the_folder(cli: Cli) -> None:
    Path("two_spaces_for_cli.py").write_text(
        "import archrank as ar\n"
        "def build(config, task): return None\n"
        "one = ar.spaces.CustomSpace({'depth': [1, 2, 3]}, build)\n"
        "two = ar.spaces.CustomSpace({'depth': [1, 2, 3]}, build)\n"
        "three = ar.spaces.CustomSpace({'depth': [3, 2, 1]}, build)\n"
    )
    Path("t.csv").write_text("arch,acc\ndepth=1,1\ndepth=2,2\ndepth=3,3\n")
    known = ("search", "--table", "t.csv", "--budget", 2, "--run", "here", "--strategy", "random")
    assert cli(*known, "--space", "two_spaces_for_cli:one").status == 0
    result = cli(*known, "--space", "two_spaces_for_cli:two")
    refused(result, "--space: two_spaces_for_cli:one -> two_spaces_for_cli:two")
    text = Path("two_spaces_for_cli.py").read_text()  # the same name, another space
    Path("two_spaces_for_cli.py").write_text(text.replace("one = ", "old = ") + "one = three\n")
    del sys.modules["two_spaces_for_cli"]
    result = cli(*known, "--space", "two_spaces_for_cli:one")
    refused(result, "here", "space: custom(depth=1|2|3) -> custom(depth=3|2|1)")


def test_a_changed_table(cli: Cli) -> None:
    known = ("search", "--table", "t.csv", "--budget", 1, "--run", "here", "--strategy", "random")
    for score in (1, 7):
        Path("t.csv").write_text(f"arch,acc\n{GOOD},{score}\n{OTHER},{score + 1.5}\n")
        result = cli(*known)
    refused(result, "here", "table column acc has changed", "--accept-changes")
    result = cli(*known, "--accept-changes")
    assert result.status == 0
    assert "since this run was begun, table column acc has changed" in result.err
    assert "table column" not in cli(*known).err  # it was told once


def test_nothing_succeeds(cli: Cli) -> None:
    Path("broken_task_for_cli.py").write_text(
        "import archrank as ar\n"
        "def build(config, task):\n"
        "    raise RuntimeError('no such layer')\n"
        "space = ar.spaces.CustomSpace({'depth': list(range(9))}, build)\n"
    )
    known = ("search", "--space", "broken_task_for_cli:space", "--workers", 1, "--run", "here")
    for budget in (2, 8):  # too few to be given up early, and enough
        result = cli(*known, "--strategy", "random", "--budget", budget)
        assert result.status == 2
        assert result.out == ""
        assert "evaluations" in result.err.splitlines()[-1]
        assert result.err.splitlines()[-1].startswith("error: ")
        assert "no such layer" in result.err.splitlines()[-1]


# ---- a user's module -----------------------------------------------------------------------------

RANKER = """
import numpy as np
from archrank.rankers.base import Ranker

class Sum(Ranker):
    def __init__(self, space, seed=0):
        self.space = space
        self.seed = seed

    def _fit(self, archs, scores):
        with open("fitted", "a") as file:
            file.write("x")

    def _predict(self, archs, return_std):
        return archs.sum(axis=1).astype(float), None
"""


def test_a_users_ranker(search: Cli) -> None:
    Path("ranker_for_cli.py").write_text(RANKER)
    result = search(
        *("--strategy", "guided", "--ranker", "ranker_for_cli:Sum", "--initial", 4),
        *("--budget", 8, "--run", "here"),
    )
    assert result.status == 0
    assert Path("fitted").read_text() == "xx"  # two rounds of two after the first four
    assert len(evaluations("here")) == 8


@pytest.mark.parametrize(
    ("text", "name", "parts"),
    [
        ("1 / 0\n", "Sum", ["importing broken_0", "ZeroDivisionError"]),
        ("def oops(:\n", "Sum", ["importing broken_1", "SyntaxError"]),
        ("from archrank.rankers import GBTD\n", "Sum", ["importing broken_2", "ImportError"]),
        ("Summe = 3\n", "Sum", ["module broken_3", "'Sum'", "did you mean 'Summe'"]),
        ("Sum = 3\n", "Sum", ["'broken_4:Sum' is 3, expected an archrank Ranker"]),
        ("class Sum:\n    pass\n", "Sum", ["'broken_5:Sum' is a Sum, expected an archrank Ranker"]),
        ("def Sum(space):\n    raise OSError('gone')\n", "Sum", ["'broken_6:Sum'", "gone"]),
        ("def Sum(space, depth):\n    pass\n", "Sum", ["'broken_7:Sum'", "depth"]),
    ],
)
def test_a_users_broken_module(
    search: Cli, request: pytest.FixtureRequest, text: str, name: str, parts: list[str]
) -> None:
    number = next(p.split("_")[1][0] for p in " ".join(parts).split() if "broken_" in p)
    Path(f"broken_{number}.py").write_text(text)
    sys.modules.pop(f"broken_{number}", None)
    result = search("--strategy", "guided", "--ranker", f"broken_{number}:{name}", "--budget", 3)
    refused(result, *parts)


def test_a_module_that_does_not_exist(search: Cli) -> None:
    result = search("--strategy", "guided", "--ranker", "no_such_module:Sum", "--budget", 3)
    refused(result, "'no_such_module:Sum'", "no module 'no_such_module'")


# ---- the whole program ---------------------------------------------------------------------------

TASK = """
from archrank.tasks import Digits, Recipe

task = Digits(recipe=Recipe(epochs=1), copies=1)
"""


def test_real_training_in_a_process_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "cheap.py").write_text(TASK)
    command = [sys.executable, "-m", "archrank"]
    options = ["--task", "cheap:task", "--strategy", "random", "--workers", "1", "--run", "here"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run(
        [*command, "search", "--budget", "3", *options],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "valid_accuracy" in done.stdout
    assert "Traceback" not in done.stderr
    assert "Warning" not in done.stderr
    assert len(evaluations(tmp_path / "here")) == 3
    assert (tmp_path / "here" / "report.html").stat().st_size > 1000
