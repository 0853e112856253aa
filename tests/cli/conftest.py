from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from archrank.cli.main import main
from archrank.files import write_text
from archrank.spaces import NASBench201

ROWS = 625


class Result(NamedTuple):
    status: int
    out: str
    err: str


Cli = Callable[..., Result]


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of part of NAS-Bench-201, from a formula."""
    space = NASBench201()
    archs = np.random.default_rng(0).permutation(space.enumerate())[:ROWS]
    worth = np.array([0.0, 1.0, 2.0, 3.0, 0.5])
    accuracy = worth[archs] @ np.arange(1, 7) / 63 + 1e-4 * np.arange(len(archs)) / ROWS
    latency = 1 + (archs == 3).sum(axis=1) + 0.25 * (archs == 2).sum(axis=1)
    path = tmp_path_factory.mktemp("tables") / "cells.csv"
    lines = [
        f"{s},{a:.6f},{ms},note"
        for s, a, ms in zip(space.format(archs), accuracy, latency, strict=True)
    ]
    path.write_text("\n".join(["arch,accuracy,latency_ms,remark", *lines]) + "\n")
    return path


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run a command in an empty folder; its exit status and what it printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ARCHRANK_DATA", raising=False)

    def call(*arguments: object) -> Result:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(a) for a in arguments])
        assert isinstance(ended.value.code, int)
        return Result(ended.value.code, *capsys.readouterr())

    return call


@pytest.fixture
def real_report() -> None:
    """Reports are drawn, which takes a second each."""


@pytest.fixture(autouse=True)
def report(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write an empty page instead of a report, unless a test uses ``real_report``."""
    if "real_report" in request.fixturenames:
        return

    def write(study: object, path: Path, **kwargs: object) -> Path:
        return write_text(path, "<!doctype html>")

    monkeypatch.setattr("archrank.report.write_report", write)


@pytest.fixture
def search(cli: Cli, table: Path) -> Cli:
    """``archrank search`` on the table; random unless told otherwise."""

    def call(*arguments: object) -> Result:
        chosen = () if "--strategy" in arguments else ("--strategy", "random")
        return cli("search", "--table", table, "--metric", "accuracy", *chosen, *arguments)

    return call


def refused(result: Result, *parts: str) -> None:
    """The command said in one message what is wrong, and nothing else happened."""
    assert result.status == 2, result
    assert result.out == ""
    assert result.err.startswith("error: ")
    assert result.err.count("error: ") == 1
    assert "Traceback" not in result.err
    assert len(result.err.splitlines()) == 1, result.err
    for part in parts:
        assert part in result.err, result.err
