from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from archrank.cli.output import confirm
from archrank.evaluators import Table
from archrank.runs.folder import open_run
from archrank.runs.reading import load
from archrank.runs.settings import SearchSettings
from archrank.spaces import NASBench201
from archrank.strategies import Random
from archrank.study import Study
from tests.cli.conftest import Cli, refused


@pytest.fixture(scope="module")
def finished(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = SearchSettings(
        table=str(table), metric=("accuracy", "latency_ms"), strategy="random"
    )
    folder = tmp_path_factory.mktemp("finished")
    with open_run(folder, settings, budget=30) as study:
        study.run(30)
    return folder


@pytest.fixture
def run(cli: Cli, finished: Path) -> Path:
    """A copy of a finished run, in the folder where commands run."""
    return shutil.copytree(finished, Path("runs", "first"))


def test_best(cli: Cli, run: Path) -> None:
    study = load(run)
    shown = cli("best", run)
    assert shown.status == 0
    assert study.best.string in shown.out
    found = json.loads(cli("best", run, "--json").out)
    assert found["arch"] == study.best.string
    assert found["metrics"] == study.best.values
    assert found["evaluations"] == 30
    assert found["failures"] == 0
    assert found["feasible"] is True
    assert [o["metric"] for o in found["objectives"]] == ["accuracy", "latency_ms"]


def test_front(cli: Cli, run: Path) -> None:
    study = load(run)
    found = json.loads(cli("front", "--run", run, "--json").out)
    assert [row["arch"] for row in found] == [r.string for r in study.front]
    pairs = [(r["metrics"]["accuracy"], r["metrics"]["latency_ms"]) for r in found]
    assert pairs == sorted(pairs, reverse=True)
    assert sorted(p[1] for p in pairs) == [p[1] for p in pairs][::-1]
    lines = cli("front", run).out.splitlines()
    assert lines[0].split("  ") == ["accuracy (maximize)", "latency_ms (minimize)", "architecture"]
    assert len(lines) == 1 + len(found)
    assert found[0]["arch"] in lines[1]


@pytest.mark.usefixtures("real_report")
def test_report(cli: Cli, run: Path) -> None:
    assert cli("report", run).status == 0
    page = (run / "report.html").read_text(encoding="utf-8")
    assert load(run).best.string in page
    result = cli("report", run, "--out", "other.html", "--json")
    assert json.loads(result.out) == {"report": "other.html"}
    assert Path("other.html").exists()


def test_a_report_that_cannot_be_written(cli: Cli, run: Path) -> None:
    Path("file").write_text("")
    result = cli("report", run, "--out", "file/report.html")
    refused(result, "cannot write file/report.html", "--out")


def test_the_latest_run_is_meant(cli: Cli, search: Cli, run: Path) -> None:
    search("--budget", 3, "--run", "runs/second")
    for age, name in enumerate(["second", "first"]):
        os.utime(f"runs/{name}/search.json", (1_000_000 + age, 1_000_000 + age))
    result = cli("best", "--json")
    assert json.loads(result.out)["evaluations"] == 30
    assert "run folder runs/first" in result.err
    os.utime("runs/second/search.json", (2_000_000, 2_000_000))
    assert json.loads(cli("best", "--json").out)["evaluations"] == 3


def test_reading_does_not_change_a_run(cli: Cli, run: Path) -> None:
    before = (run / "study.db").read_bytes()
    for command in ("best", "front"):
        cli(command, run)
    assert (run / "study.db").read_bytes() == before


@pytest.mark.parametrize("command", ["best", "front", "report", "export"])
def test_no_run(cli: Cli, command: str) -> None:
    refused(cli(command), "no run under runs/", "--run DIR", "archrank search")
    refused(cli(command, "gone"), "no run in gone", "archrank search --run DIR")


def test_an_unknown_run_beside_others(cli: Cli, run: Path) -> None:
    refused(cli("best", "runs/frist"), "no run in runs/frist", "runs beside it: first")


def test_damaged_runs(cli: Cli, run: Path) -> None:
    (run / "study.db").write_bytes(b"garbage" * 1000)
    refused(cli("best", run), "study.db", "damaged")
    (run / "study.db").unlink()
    refused(cli("best", run), "lost its study.db", "search again")
    (run / "search.json").write_text("{")
    refused(cli("best", run), "search.json cannot be read")


def test_nothing_feasible(cli: Cli, search: Cli) -> None:
    result = search("--constraint", "accuracy>=5", "--budget", 3, "--run", "here")
    told = "none of 3 evaluations keeps accuracy>=5; the nearest, |"
    assert result.status == 2
    assert result.out == ""
    assert f"error: {told}" in result.err
    assert Path("here/report.html").exists()
    for command in (["best"], ["front"], ["best", "--json"], ["front", "--json"], ["export"]):
        refused(cli(command[0], "here", *command[1:]), told, "has accuracy")
    refused(cli("draw", "--run", "here"), told)
    assert cli("report", "here").status == 0


def test_a_run_without_success(cli: Cli, table: Path) -> None:
    settings = SearchSettings(table=str(table), metric=("accuracy",), strategy="random")
    with open_run(Path("begun"), settings, budget=3):
        pass
    for command in ("best", "export"):
        refused(cli(command, "begun"), "none of 0 evaluations succeeded")


# ---- without write permission, table, code, or the folder where the search was typed -------------


def test_a_run_without_its_table(cli: Cli, run: Path, table: Path, tmp_path: Path) -> None:
    copy = shutil.copy(table, tmp_path / "cells.csv")
    settings = json.loads((run / "search.json").read_text())
    (run / "search.json").write_text(json.dumps({**settings, "table": str(copy)}))
    expected = cli("best", run).out
    Path(copy).unlink()
    assert cli("best", run).out == expected
    assert cli("front", run).status == 0
    assert cli("report", run).status == 0


RESTRICTED = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(24, 1)  # of root, too, permissions are asked for: no CAP_DAC_OVERRIDE
os.execv(sys.executable, [sys.executable, "-m", "archrank", *sys.argv[1:]])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="root may write everywhere")
def test_a_run_that_may_only_be_read(cli: Cli, run: Path) -> None:
    def restricted(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", RESTRICTED, *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
            capture_output=True,
            text=True,
            check=False,
        )

    expected = cli("best", run).out
    before = sorted(p.name for p in run.iterdir())
    for path in (*run.iterdir(), run):
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        refused = restricted("report", run)
        assert refused.returncode == 2
        assert "cannot write runs/first/report.html" in refused.stderr
        assert restricted("best", run).stdout == expected
        assert restricted("front", run).returncode == 0
        assert restricted("report", run, "--out", "elsewhere.html").returncode == 0
    finally:
        run.chmod(0o755)
    assert "The cell" in Path("elsewhere.html").read_text(encoding="utf-8")
    assert sorted(p.name for p in run.iterdir()) == before


@pytest.mark.usefixtures("real_report")
def test_a_space_of_the_users(cli: Cli) -> None:
    Path("mine_for_reading.py").write_text(
        "import archrank as ar\n"
        "def build(config, task): return None\n"
        "space = ar.spaces.CustomSpace({'depth': [1, 2, 3, 4], 'width': [8, 16]}, build)\n"
    )
    rows = "".join(f'"depth={d},width={w}",{d * w}\n' for d in (1, 2, 3, 4) for w in (8, 16))
    Path("t.csv").write_text(f"arch,acc\n{rows}")
    here = ("--space", "mine_for_reading.py:space", "--table", "t.csv", "--run", "here")
    assert cli("search", *here, "--budget", 8, "--strategy", "random").status == 0
    Path("elsewhere").mkdir()
    Path("here").rename("elsewhere/moved")
    os.chdir("elsewhere")
    found = json.loads(cli("best", "moved", "--json").out)
    assert found["choices"] == {"depth": 4, "width": 16}
    assert cli("report", "moved", "--json").status == 0
    page = Path("moved/report.html").read_text(encoding="utf-8")
    assert "Not drawn: it needs your own code, mine_for_reading.py:space; use --own-code." in page
    assert "The ranker is judged from 20" in page
    assert '<th scope="row">depth</th><td>4</td>' in page
    os.chdir("..")
    assert cli("report", "elsewhere/moved", "--own-code").status == 0
    page = Path("elsewhere/moved/report.html").read_text(encoding="utf-8")
    assert "Not drawn" not in page
    assert "random search, expected" in page


# ---- runs that somebody has sent, and studies made in Python -------------------------------------

MINE = """
from pathlib import Path
import archrank as ar

Path("ran").touch()
space = ar.spaces.CustomSpace({"depth": [1, 2, 3], "width": [8, 16]}, build=lambda c, t: None)

def score(config):
    return config["depth"] * config["width"]
"""


def begin_own(cli: Cli, folder: str = "run") -> None:
    Path("mine_to_read.py").write_text(MINE)
    done = cli(
        *("search", "--space", "mine_to_read.py:space", "--evaluate", "mine_to_read.py:score"),
        *("--metric", "score:maximize", "--strategy", "random", "--budget", 4, "--workers", 1),
        *("--run", folder),
    )
    assert done.status == 0, done.err
    Path("ran").unlink()


def test_reading_needs_no_code_of_ones_own(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    begin_own(cli)
    Path("other").mkdir()
    monkeypatch.chdir("other")
    assert "width=16" in cli("best", "../run").out
    assert "width=16" in cli("front", "../run").out
    assert cli("report", "../run", "--out", "r.html").status == 0
    drawn = cli("draw", "--run", "../run", "--out", "best.svg")
    assert drawn.status == 0, drawn.err
    assert "<svg" in Path("best.svg").read_text()
    refused(cli("export", "../run", "--task", "digits"), "mine_to_read.py:space", "repeat")
    assert not list(Path("..").rglob("ran"))


def test_code_inside_a_run_folder_is_run_on_request_only(cli: Cli) -> None:
    begin_own(cli)
    sent = Path("run/mine_to_read.py")
    sent.write_text(MINE)
    text = Path("run/search.json").read_text()
    Path("run/search.json").write_text(text.replace('"mine_to', '"run/mine_to'))
    refused(
        cli("export", "run", "--task", "digits"),
        *(str(sent.resolve()), "inside the run folder", "--own-code"),
    )
    assert cli("draw", "--run", "run", "--out", "a.svg").status == 0  # its choices, without code
    assert not Path("ran").exists()
    drawn = cli("draw", "--run", "run", "--out", "b.svg", "--own-code")
    assert f"runs {sent.resolve()}, as the run's settings name" in drawn.err
    assert Path("ran").exists()


def test_a_database_elsewhere_is_told(cli: Cli, search: Cli) -> None:
    assert search("--budget", 3, "--run", "run", "--storage", "sqlite:///s.db").status == 0
    result = cli("best", "run", "--json")
    assert result.err == f"evaluations are read from {Path('s.db').resolve()}\n"
    assert "arch" in json.loads(result.out)


def test_studies_of_python(cli: Cli, table: Path) -> None:
    space = NASBench201()
    for name in ("one", "two"):
        Study(
            space, Table(table, "accuracy"), Random(4), storage=Path("s.db"), name=name, seed=2
        ).run(5)
    refused(cli("best", "s.db"), "2 runs: one, two", "--study")
    found = cli("best", "s.db", "--study", "two", "--json")
    assert "arch" in json.loads(found.out)
    assert len(cli("front", "s.db", "--study", "one").out.splitlines()) == 2
    assert "s.html" in cli("report", "s.db", "--study", "one").err
    assert "<svg" in cli("draw", "--run", "s.db", "--study", "one", "--out", "-").out
    refused(cli("export", "s.db", "--study", "one"), "made in Python", "--task digits")


def test_answers_on_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for typed, answer in (("y\n", True), ("Yes\n", True), ("\n", False), ("", False)):
        monkeypatch.setattr(sys, "stdin", Terminal(typed))
        monkeypatch.setattr(sys, "stderr", Terminal())
        assert confirm("it has changed") == answer
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert not confirm("nobody is there")
