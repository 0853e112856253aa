"""Progress of commands that count."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from archrank.display import timer
from archrank.display.count import Counting
from archrank.display.timer import QUIET
from tests.display.test_search import Clock


def shown(console: Console) -> str:
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def test_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(timer, "time", clock)
    console = Console(file=io.StringIO(), width=40)
    with Counting(console, "reproducing", "runs") as counting:
        counting.progress(1, 40)  # too soon for a line
        clock.now = QUIET
        counting.progress(0, 40)
        clock.now = QUIET + 1
        counting.progress(11, 40)
        clock.now = 100
        counting.progress(20, 40)
    assert shown(console).splitlines() == [
        "reproducing: 0 of 40 runs, elapsed 10 s",
        "reproducing: 20 of 40 runs, elapsed 1 min 40 s, about 1 min 40 s left",
    ]


def test_parts_of_a_hundred(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(timer, "time", clock)
    console = Console(file=io.StringIO())
    counting = Counting(console, "reading")
    clock.now = 30
    counting.progress(3, 12)
    assert shown(console) == "reading: 25 %, elapsed 30 s, about 1 min 30 s left\n"


def test_a_bar_that_is_gone_at_the_end() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    counting = Counting(console, "reading", "files")

    def interrupted() -> None:
        with counting:
            counting.progress(7, 9)
            counting._bar.refresh()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert "7 of 9 files, elapsed" in shown(console)
    assert not counting._bar.live.is_started
