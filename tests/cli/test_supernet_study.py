"""``archrank supernet study``: the command on a table of tiny networks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.assess.supernets.conftest import truth_file as truth_file
from tests.cli.conftest import Cli, refused

MINE = """
import archrank as ar

task = ar.tasks.Digits(copies=1)
space = ar.spaces.NASBench201(ar.spaces.Scale(channels=2, cells=2, reduction="pool"))
"""
STUDY = ("supernet", "study", "--space", "mine.py:space", "--task", "mine.py:task", "--quick")


def test_a_study(cli: Cli, truth_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("mine.py").write_text(MINE)
    command = (*STUDY, "--table", truth_file, "--parts", "scores", "groups")
    found = cli(*command)
    assert found.status == 0, found.err
    assert "of work to go" in found.err
    assert "One-shot scores, and MACs alone" in found.out
    assert found.out.count("finding ") == 8
    folder = Path("supernets/study-tiny-test_accuracy-quick")
    for name in ("raw.parquet", "report.html", "results.json"):
        assert (folder / name).exists()
        assert name == "results.json" or str(folder / name) in found.err

    again = cli(*command, "--json")
    values = json.loads(again.out)
    assert values["findings"][4]["verdict"] in ("reproduced", "not reproduced")
    assert {k: v for k, v in values.items() if k not in ("raw", "report")} == json.loads(
        (folder / "results.json").read_text()
    )

    def interrupted(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("archrank.assess.study_supernets", interrupted)
    halted = cli(*command)
    assert halted.status == 130
    assert "repeat the command to go on" in halted.err


def test_another_study_in_the_folder(cli: Cli, truth_file: Path) -> None:
    Path("mine.py").write_text(MINE)
    command = (*STUDY, "--table", truth_file, "--run", "here")
    Path("here").mkdir()
    Path("here/study.json").write_text("[]")
    refused(cli(*command), "here/study.json")
    Path("here/study.json").write_text('{"settings": {}}')
    refused(cli(*command), "folder here holds another study")
