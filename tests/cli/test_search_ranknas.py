"""``archrank search --strategy ranknas``: RankNAS in one command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from archrank.runs.supernet_search import search as engine
from archrank.strategies.population_evolution import PopulationEvolution
from tests.cli.conftest import Cli
from tests.runs.test_ranknas import MINE

SEARCH = ("search", "--space", "mine.py:space", "--task", "mine.py:task", "--evaluate", "cost")
RANKNAS = (*SEARCH, "--strategy", "mine.py:Small", "--metric", "macs", "--workers", 1)


@pytest.fixture(autouse=True)
def small(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        engine, "PopulationEvolution", lambda: PopulationEvolution(5, 5, 5, generations=2)
    )
    Path("mine.py").write_text(MINE)


def test_one_command(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    command = (*RANKNAS, "--constraint", "params<=150000", "--run", "run")
    with monkeypatch.context() as patch:

        def stop(*args: object, **options: object) -> None:
            raise KeyboardInterrupt

        patch.setattr(engine, "one_shot_scores", stop)
        stopped = cli(*command)
    assert stopped.status == 130
    assert "stopped; what is finished is kept in run" in stopped.err
    done = cli(*command)
    assert done.status == 0, done.err
    assert "3 evaluations in" in done.err  # the usual budget
    assert "search in the supernet  run/search/report.html" in done.err
    assert (
        "evolution within each limit (HAT, RankNAS)" in Path("run/search/report.html").read_text()
    )
    best = json.loads(cli("best", "run", "--json").out)
    assert best["metrics"]["params"] <= 150_000
    front = cli("supernet", "front", "run/search")
    assert front.status == 0, front.err
    again = cli(*command, "--budget", 4)
    assert "1 evaluation in" in again.err


def test_a_limit_that_none_keeps(cli: Cli) -> None:
    refused = cli(*RANKNAS, "--constraint", "params<=10", "--run", "run")
    assert refused.status == 2
    assert "limit params<=10: no architecture of hat_small keeps it; the smallest, " in refused.err
    assert not Path("run").exists()
