from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from archrank.display import search as progress
from archrank.display.search import LiveView, PlainLines, best_text, watcher
from archrank.evaluators import Function
from archrank.strategies import Random
from tests.study.helpers import COSTS, Stopping, make, score, score_and_cost, sometimes


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    fake = Clock()
    monkeypatch.setattr(progress, "time", fake)
    return fake


def terminal() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=200)


def plain() -> Console:
    return Console(file=io.StringIO(), width=40)


def text(console: Console) -> str:
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def test_the_display_fits_the_output() -> None:
    assert isinstance(watcher(terminal()), LiveView)
    assert isinstance(watcher(plain()), PlainLines)


def test_best_so_far() -> None:
    study = make(Function(score_and_cost, COSTS), objectives=["score", "ms"])
    assert best_text(study) == "-"
    assert best_text(study.run(24)) == "score 129, ms 32 ms"
    study = make(Function(score_and_cost, COSTS), constraints=["ms<=4"]).run(24)
    assert best_text(study).endswith("(infeasible)")


def test_plain_lines_tell_improvements_and_failures() -> None:
    console = plain()
    study = make(Function(sometimes), Random(24)).run(24, watcher=PlainLines(console))
    lines = text(console).splitlines()
    failed = [line for line in lines if " failed: " in line]
    assert len(failed) == sum(r.reason is not None for r in study.records) == 12
    assert f"{study.records[0].string} failed" in text(console) or study.records[0].reason is None
    better = [line for line in lines if ", best score " in line]
    values = [float(line.split("best score ")[1].split(",")[0]) for line in better]
    assert values == sorted(set(values))  # a line per improvement, and no other
    assert values[-1] == 129
    assert all("/24 evaluations" in line for line in better)


def test_plain_lines_say_that_a_run_is_alive(clock: Clock) -> None:
    def fn(config: dict[str, Any]) -> float:
        clock.now += 6
        return 1.0

    console = plain()
    make(Function(fn), Random(8)).run(4, watcher=PlainLines(console))
    assert text(console).splitlines() == [
        "1/4 evaluations, best score 1, 6.00 s each, 18 s left",
        "2/4 evaluations, best score 1, 6.00 s each, 12 s left",
        "3/4 evaluations, best score 1, 6.00 s each, 6 s left",
        "4/4 evaluations, best score 1, 6.00 s each, 0 s left",
    ]


def test_plain_lines_of_a_continued_run() -> None:
    console = plain()
    make().run(5).run(6, watcher=PlainLines(console))
    assert text(console).startswith("continuing after 5 evaluations\n6/6 evaluations, best ")


def test_no_time_left_is_told_without_a_number_of_evaluations() -> None:
    console = plain()
    make(Function(score)).run(minutes=100, watcher=PlainLines(console))
    assert " left" not in text(console)
    assert "1 evaluations, best" in text(console)


def test_the_live_view() -> None:
    console = terminal()
    make(Function(sometimes), Random(24)).run(24, watcher=LiveView(console))
    shown = text(console)
    assert "24/24" in shown
    assert "score 129" in shown
    assert "failed: RuntimeError: out of luck" in shown


def test_the_live_view_of_time(clock: Clock) -> None:
    def fn(config: dict[str, Any]) -> float:
        clock.now += 15
        return score(config)

    view = LiveView(terminal())
    make(Function(fn), Random(8)).run(4, minutes=1, watcher=view)
    assert view._progress.tasks[0].completed == 4  # counts evaluations where both are given
    view = LiveView(terminal())
    study = make(Function(fn), Random(24)).run(4)
    assert [view._progress.tasks, view._pace.total] == [[], 0.0]
    clock.now = 0
    view.started(study, None, 1.0)
    clock.now += 30
    view.finished_one(study, study.records[0])
    view.ended(study)
    done = study.records[-1].elapsed + 30
    assert view._progress.tasks[0].completed == pytest.approx(done)
    assert view._progress.tasks[0].total == 60


def test_the_display_ends_with_an_interrupted_run() -> None:
    view = LiveView(terminal())
    with pytest.raises(KeyboardInterrupt):
        make(Stopping(score, 3)).run(8, watcher=view)
    assert not view._progress.live.is_started
