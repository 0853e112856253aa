from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from archrank.assess.assessment import Assessment
from tests.cli.conftest import Cli, refused

OUT = "runs/assess-cells-accuracy"
MODULE = """
import numpy as np
from archrank.rankers import Ranker

class Linear(Ranker):
    def __init__(self, space, seed=0):
        self.space = space
        self.seed = seed

    def _fit(self, archs, scores):
        x = np.c_[self.space.features(archs), np.ones(len(archs))].astype(float)
        self.w_ = np.linalg.lstsq(x, scores, rcond=None)[0]

    def _predict(self, archs, return_std):
        return np.c_[self.space.features(archs), np.ones(len(archs))].astype(float) @ self.w_, None

class Broken(Linear):
    def _fit(self, archs, scores):
        raise RuntimeError("no such luck")

class Held(Linear):
    # its third fit never ends, where HOLD is set

    fits = 0

    def _fit(self, archs, scores):
        import os
        import time
        Held.fits += 1
        if Held.fits > 2 and "HOLD" in os.environ:
            time.sleep(3600)
        super()._fit(archs, scores)
"""


@pytest.fixture(autouse=True)
def no_page(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are tested elsewhere."""
    if "real_report" not in request.fixturenames:
        monkeypatch.setattr(Assessment, "report", lambda self, path: path)


@pytest.fixture
def assess(cli: Cli, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """``archrank assess`` on the table, with a module of rankers beside."""
    (tmp_path / "mine.py").write_text(MODULE)
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    monkeypatch.syspath_prepend(tmp_path)

    def call(*arguments: object) -> object:
        return cli("assess", "--table", table, "--labels", "accuracy", *arguments)

    return call  # type: ignore[return-value]


@pytest.mark.usefixtures("real_report")
def test_assess_and_repeat(assess: Cli) -> None:
    arguments = ("--rankers", "default", "mine:Linear", "--train-sizes", 20, 40, "--seeds", 2)
    result = assess(*arguments)
    assert result.status == 0, result.err
    lines = result.out.splitlines()
    heading = "ranker labels tau Spearman P@5 % BR@1 % N@10 NDCG@10 regret@10 pairs % seconds"
    assert " ".join(lines[0].split()) == heading
    assert [line.split()[:2] for line in lines[1:]] == [
        ["default", "20"],
        ["mine:Linear", "20"],
        ["default", "40"],
        ["mine:Linear", "40"],
    ]
    assert all(line.count("±") == 9 for line in lines[1:])
    assert f"raw     {OUT}/raw.parquet" in result.err
    assert len(pd.read_parquet(f"{OUT}/raw.parquet")) == 8
    assert "<svg" in Path(OUT, "report.html").read_text(encoding="utf-8")

    again = assess(*arguments)
    assert again.out == result.out
    assert "continuing after 8 of 8 fits" in again.err
    other = assess(*arguments, "--stages", 2)
    refused(other, "holds another assessment", "stages: 1 -> 2", "--run DIR")


def test_criteria_to_print(assess: Cli) -> None:
    arguments = ("--rankers", "mine:Linear", "--train-sizes", 20, "--seeds", 2)
    result = assess(*arguments, "--criteria", "N@10", "p@5%")
    assert result.status == 0, result.err
    heading, row = (line.split() for line in result.out.splitlines())
    assert heading == ["ranker", "labels", "N@10", "P@5", "%", "seconds"]
    assert float(row[2]) >= 1
    assert len(assess(*arguments).out.splitlines()[0].split()) > len(heading)
    refused(assess(*arguments, "--criteria", "N@5"), "unknown criterion 'N@5'", "'N@10'")


def test_options_are_lists_or_repeated(assess: Cli) -> None:
    spaced = assess(
        *("--rankers", "mine:Linear", "random_forest", "--train-sizes", 20, 30, "--seeds", 1),
        *("--json", "--run", "a"),
    )
    repeated = assess(
        *("--rankers", "mine:Linear", "--seeds", 1, "--rankers", "random_forest", "--json"),
        *("--train-sizes", 20, "--train-sizes=30", "--run", "b"),
    )
    a, b = json.loads(spaced.out), json.loads(repeated.out)
    assert a["rankers"] == b["rankers"] == ["mine:Linear", "random_forest"]
    assert a["protocol"] == b["protocol"]
    assert a["protocol"]["train_sizes"] == [20, 30]
    assert [r["tau"] for r in a["results"]] == [r["tau"] for r in b["results"]]


def test_json(assess: Cli) -> None:
    result = assess(
        *("--truth", "latency_ms", "--rankers", "mine:Linear", "mine:Broken", "--train-sizes", 20),
        *("--seeds", 2, "--judge", "accuracy", "--fine-tune", 5, "--fine-tune-labels", "accuracy"),
        *("--stages", 2, "--top", 7, "--weak", "macs", "--run", "here", "--json"),
    )
    assert result.status == 0, result.err
    values = json.loads(result.out)
    assert set(values) == {
        *("protocol", "architectures", "rankers", "unaided", "results", "failures"),
        *("raw", "report", "directions", "coverage_notes"),
    }
    assert values["architectures"] == 625
    assert values["unaided"] == ["mine:Linear", "mine:Broken"]
    assert values["failures"] == {"RuntimeError: no such luck": 10}
    first = values["results"][0]
    assert (first["ranker"], first["labels"], first["stage"]) == ("mine:Linear", 20, 0)
    assert {r["transfer"] for r in values["results"]} == {"none", "zero-shot", "fine-tune"}
    assert {r["labels"] for r in values["results"] if r["stage"] == 1} == {20, 27}
    broken = [r for r in values["results"] if r["ranker"] == "mine:Broken"]
    assert all(r["tau"] is None and r["failed"] == r["fits"] == 2 for r in broken)


def test_coverage(assess: Cli) -> None:
    result = assess(
        *("--rankers", "mine:Linear", "--train-sizes", 8, 40, "--seeds", 2, "--coverage"),
    )
    assert result.status == 0, result.err
    table, coverage = result.out.split("\n\n")
    assert len(table.splitlines()) == 3
    heading, line = coverage.splitlines()
    assert heading.split("  ")[0] == "ranker"
    assert "in 50 %  " in heading
    assert "width of 95 %" in heading
    assert line.split()[:2] == ["mine:Linear", "40"]
    assert line.count("±") == 5
    assert "with 8 labels: not calibrated, Calibrated needs at least 10 labels" in result.err
    assert "labels lie within the intervals of rankers.Calibrated(ranker)" in result.err
    assert "covered_95" in pd.read_parquet(f"{OUT}/raw.parquet")
    refused(assess("--rankers", "mine:Linear", "--seeds", 2), "coverage: True -> False")


def test_another_space_teaches(assess: Cli, tmp_path: Path) -> None:
    from archrank.spaces import TransNAS101Micro

    space = TransNAS101Micro()
    archs = space.enumerate()[::40]
    rows = zip(space.format(archs), (archs == 3).sum(axis=1), strict=True)
    other = tmp_path / "other.csv"
    other.write_text("arch,accuracy\n" + "".join(f"{name},{n}\n" for name, n in rows))
    result = assess(
        *("--rankers", "mine:Linear", "--train-sizes", 20, "--seeds", 2),
        *("--transfer", f"{other}:accuracy", "--transfer-space", "transnas101_micro"),
    )
    assert result.status == 0, result.err
    lines = result.out.splitlines()
    assert [line.split()[0] for line in lines[1:3]] == ["mine:Linear", "mine:Linear+transfer"]
    assert lines[3].startswith("without labels  tau")
    assert [line.split()[0] for line in lines[4:]] == ["transfer", "params", "macs"]
    assert f"transfer from {other}:accuracy" in result.err
    refused(assess("--transfer", "accuracy"), "transfer 'accuracy': write FILE:COLUMN")


def test_failures_are_told(assess: Cli) -> None:
    result = assess("--rankers", "mine:Broken", "--train-sizes", 20, "--seeds", 2)
    assert result.status == 0
    assert "mine:Broken with 20 labels, data seed 0, model seed 0 failed: RuntimeError: no such " \
        "luck" in result.err  # fmt: skip
    assert "2 rows failed: RuntimeError: no such luck" in result.err
    assert "2 of 2" in result.out


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("--rankers", "defualt"), ("unknown ranker 'defualt'", "did you mean 'default'")),
        (("--truth", "acuracy"), ("unknown column 'acuracy'", "did you mean 'accuracy'")),
        (("--judge", "remark"), ("column 'remark'", "which is not a number")),
        (("--train-sizes", 1000), ("train size 1000 is more than the 625 architectures",)),
        (("--train-sizes", 0), ("train size must be at least 1 label, got 0",)),
        (("--train-sizes", 1), ("train size 1 is too few", "default needs at least")),
        (("--workers", 0), ("workers must be at least 1, got 0",)),
        (("--space", "nasbench2001"), ("unknown space", "or 'nasbench201'?")),
        (("--weak", "gone.csv:x"), ("gone.csv",)),
        (("--fine-tune", 5), ("fine_tune 5 needs a column",)),
    ],
)
def test_refused(assess: Cli, arguments: tuple[object, ...], parts: tuple[str, ...]) -> None:
    refused(assess(*arguments), *parts)
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    "arguments", [("--seeds", "many"), ("--train-sizes", "x"), ("--rankr", "gates")]
)
def test_options_that_cannot_be_read(assess: Cli, arguments: tuple[str, ...]) -> None:
    result = assess(*arguments)
    assert result.status == 2
    assert "Traceback" not in result.err


def test_help(cli: Cli) -> None:
    text = cli("assess", "--help").out
    for option in ("--table", "--labels", "--rankers", "--train-sizes", "--weak", "--judge"):
        assert option in text
    assert "assess" in cli("--help").out


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize(("stop", "status"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_stopped_and_repeated(
    assess: Cli, table: Path, tmp_path: Path, stop: signal.Signals, status: int
) -> None:
    options = ["--rankers", "mine:Held", "--train-sizes", "20", "--seeds", "7", "--run", "here"]
    command = [sys.executable, "-m", "archrank", "assess", "--table", str(table)]
    command += ["--labels", "accuracy", *options]
    running = subprocess.Popen(
        command,
        cwd=tmp_path,
        env={**os.environ, "HOLD": "1"},
        stderr=subprocess.PIPE,
        text=True,
        # a test run in the background ignores Ctrl-C, and its children would inherit that
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    results = tmp_path / "here" / "results.jsonl"
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline:
        if results.exists() and results.read_text().count("\n") >= 2:
            break
        time.sleep(0.02)
    running.send_signal(stop)
    _, err = running.communicate(timeout=600)
    assert running.returncode == status, err
    before = results.read_text().splitlines()
    assert len(before) == 2
    if stop == signal.SIGINT:
        assert "finished fits are kept in here, repeat the command to go on" in err
    result = assess(*options)
    assert result.status == 0
    assert f"continuing after {len(before)} of 7 fits" in result.err
    assert results.read_text().splitlines()[: len(before)] == before
