"""``archrank search --strategy acenas``: the whole system in one command."""

from __future__ import annotations

from pathlib import Path

import pytest

from archrank.runs import pretraining
from archrank.supernets import recipes
from tests.cli.conftest import Cli
from tests.runs.test_pretraining import MINE, QUICK

SEARCH = ("search", "--space", "mine.py:space", "--task", "mine.py:task", "--evaluate", "cost")
ACENAS = (*SEARCH, "--strategy", "acenas", "--ranker", "mine.py:ranker", "--run", "run")


def test_the_whole_system(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("mine.py").write_text(MINE)
    monkeypatch.setattr(recipes, "CELLS", QUICK)
    command = (*ACENAS, "--metric", "macs:maximize", "--workers", 1)
    draw = pretraining.Pretraining._drawn

    def stop(self: pretraining.Pretraining) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pretraining.Pretraining, "_drawn", stop)
    stopped = cli(*command, "--budget", 16)
    assert stopped.status == 130
    assert stopped.err.splitlines()[0] == "training the supernet"
    assert "stopped; what is finished is kept in run, repeat the command to go on" in stopped.err
    assert not Path("run/search.json").exists()

    monkeypatch.setattr(pretraining.Pretraining, "_drawn", draw)
    done = cli(*command, "--budget", 16)
    assert done.status == 0, done.err
    steps = ["scoring architectures", "pretraining the ranker"]
    assert done.err.splitlines()[:3] == [*steps, "mine, 27 architectures; run folder run"]
    assert "16 evaluations in" in done.err
    assert "nor_conv_1x1" in done.out
    other = cli(*command, "--budget", 18, "--plan", 18)
    assert other.status == 2
    assert "--plan: 16 -> 18" in other.err


def test_a_budget_that_is_too_small_for_rounds(cli: Cli) -> None:
    Path("mine.py").write_text(MINE)
    refused = cli(*ACENAS, "--budget", 12)
    assert refused.status == 2
    assert "a budget of 12, less the last 10, cannot be split into 5 rounds" in refused.err
    assert not Path("run").exists()
