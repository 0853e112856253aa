"""``archrank search --fidelity``: short trainings, then the best of them in full."""

from __future__ import annotations

from pathlib import Path

import pytest

from archrank.runs import shorts
from archrank.runs.reading import load
from archrank.study import Record, Study
from tests.cli.conftest import Cli
from tests.runs.test_fidelity import MINE

SEARCH = (
    *("search", "--space", "mine.py:space", "--evaluate", "mine.py:measure", "--metric", "score"),
    *("--epochs", 8, "--fidelity", 2, "--ranker", "linear", "--run", "run"),
)


def test_stopped_among_the_short_ones_and_repeated(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("mine.py").write_text(MINE)
    left = iter([True, True, False])

    def finished(self: shorts._Watcher, study: Study, record: Record) -> None:
        if not next(left):
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(shorts._Watcher, "finished_one", finished)
        stopped = cli(*SEARCH, "--budget", 6, "--workers", 1)
    assert stopped.status == 130
    assert "stopped; what is finished is kept in run, repeat the command to go on" in stopped.err
    done = cli("search", "--run", "run", "--budget", 6, "--workers", 1)
    assert done.status == 0, done.err
    said = "training for 2 of 8 epochs: 16 evaluations, in run/short; the best of them go on, 3 in"
    assert said in done.err
    assert "3 evaluations in" in done.err
    short = cli("best", "run/short")
    assert short.status == 0
    assert "depth" in short.out


def test_what_it_refuses(cli: Cli) -> None:
    Path("mine.py").write_text(MINE)
    for more, says in (
        (("--minutes", 1), "--fidelity 2 divides a number of trainings: give --budget"),
        (("--budget", 1), "budget 1: one full training and the 4 short ones"),
    ):
        refused = cli(*SEARCH, *more)
        assert refused.status == 2
        assert says in refused.err
        assert not Path("run").exists()


def test_without_a_budget_it_takes_what_there_is(cli: Cli) -> None:
    text = MINE.replace("list(range(9))", "list(range(4))")
    Path("mine.py").write_text(text)
    done = cli(*SEARCH, "--workers", 1)
    assert done.status == 0, done.err
    assert "16 evaluations, in run/short; the best of them go on, 16 in full" in done.err


def test_repetitions_choose_among_no_short_ones(cli: Cli) -> None:
    text = MINE.replace("def measure(config, epochs):", "def measure(config, epochs, seed):")
    Path("mine.py").write_text(text.replace("/ epochs", "/ epochs + seed % 7 / 10"))
    done = cli(*SEARCH, "--budget", 7, "--confirm", 3, "--workers", 1)
    assert done.status == 0, done.err
    assert "8 evaluations, in run/short; the best of them go on, 2 in full" in done.err
    assert "2 evaluations in" in done.err
    assert len(load(Path("run")).repetitions) == 3
    again = cli("search", "--run", "run", "--budget", 7, "--confirm", 3, "--workers", 1)
    assert again.status == 0, again.err
    assert "0 evaluations in" in again.err
