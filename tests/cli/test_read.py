from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from archrank.runs.folder import load, open_run
from archrank.runs.settings import SearchSettings
from archrank.study.objectives import Objective
from archrank.study.storage import TrialStore, sqlite_url
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
    assert lines[0].split() == ["accuracy", "latency_ms", "architecture"]
    assert len(lines) == 1 + len(found)
    assert found[0]["arch"] in lines[1]


@pytest.mark.usefixtures("real_report")
def test_report(cli: Cli, run: Path) -> None:
    assert cli("report", run).status == 0
    page = (run / "report.html").read_text(encoding="utf-8")
    assert load(run).best.string in page
    result = cli("report", run, "--output", "other.html", "--json")
    assert json.loads(result.out) == {"report": "other.html"}
    assert Path("other.html").exists()


def test_a_report_that_cannot_be_written(cli: Cli, run: Path) -> None:
    Path("file").write_text("")
    result = cli("report", run, "--output", "file/report.html")
    refused(result, "cannot write file/report.html", "--output")


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
    assert result.status == 0
    assert "accuracy>=5" in result.err + result.out  # says that it is not met
    assert cli("front", "here").err.strip() == "no evaluated architecture is feasible"
    assert json.loads(cli("front", "here", "--json").out) == []
    assert json.loads(cli("best", "here", "--json").out)["feasible"] is False


def test_a_run_without_success(cli: Cli, run: Path) -> None:
    (run / "study.db").unlink()
    TrialStore(
        sqlite_url(run / "study.db"),
        create=[Objective("accuracy"), Objective("latency_ms", "minimize")],
    )
    for command in ("best", "export"):
        refused(cli(command, run), "none of 0 evaluations succeeded")
