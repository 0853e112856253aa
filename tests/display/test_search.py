from __future__ import annotations

import io
import re
from typing import Any

import pytest
from rich.console import Console

from archrank.display import pace, search
from archrank.display.pace import NONE, Pace, best_text
from archrank.display.search import QUICK, QUIET, LiveView, PlainLines, watcher
from archrank.evaluators import Function, Metric
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
    monkeypatch.setattr(search, "time", fake)
    monkeypatch.setattr(pace, "time", fake)
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
    dumb = Console(file=io.StringIO(), force_terminal=True, _environ={"TERM": "dumb"})
    assert isinstance(watcher(dumb), PlainLines)


def test_best_so_far() -> None:
    study = make(Function(score_and_cost, COSTS), objectives=["score", "ms"])
    assert best_text(study) == NONE
    assert best_text(study.run(24)) == "score 129, ms 32 ms"
    study = make(Function(score_and_cost, COSTS), constraints=["ms<=4"]).run(24)
    assert best_text(study).endswith("(infeasible)")


def timed(clock: Clock, seconds: float) -> Function:
    """An evaluator whose evaluations take ``seconds``."""

    def fn(config: dict[str, Any]) -> float:
        clock.now += seconds
        return score(config)

    return Function(fn)


def accuracies() -> Function:
    """An evaluator of accuracies, from .5 to 1."""
    metric = Metric("valid_accuracy", unit="fraction")
    return Function(lambda config: 0.5 + score(config) / 300, [metric])


def test_plain_lines_tell_improvements_and_failures(clock: Clock) -> None:
    console = plain()
    study = make(Function(sometimes), Random(24)).run(24, watcher=PlainLines(console))
    lines = text(console).splitlines()
    assert lines[0] == "searching until 24 evaluations"
    failed = [line for line in lines if " failed: " in line]
    assert len(failed) == sum(r.reason is not None for r in study.records) == 12
    assert lines[-1].startswith("24 of 24 evaluations, best score 129, elapsed 0 s")


def test_plain_lines_have_a_rate(clock: Clock) -> None:
    for each, most in ((QUICK / 10, 4), (QUICK, 24)):
        console = plain()
        make(timed(clock, each), Random(24)).run(24, watcher=PlainLines(console))
        better = [line for line in text(console).splitlines() if ", best score " in line]
        values = [float(line.split("best score ")[1].split(",")[0]) for line in better]
        assert values == sorted(set(values))  # an improvement each
        assert values[-1] == 129
        assert len(better) <= most


def test_plain_lines_say_that_a_run_is_alive(clock: Clock) -> None:
    console = plain()
    lines = PlainLines(console)
    study = make(strategy=Random(2))
    lines.started(study, 4, None)
    for after in (QUIET - 1, 1, QUIET):
        clock.now += after
        lines.beat()
    lines.works_on(study, ["one", "two"])
    clock.now += QUIET + 32
    lines.beat()
    lines.ended(study)
    assert text(console).splitlines() == [
        "searching until 4 evaluations",
        "0 of 4 evaluations, best none yet, elapsed 30 s; "
        "choosing the next architectures, for 30 s",
        "0 of 4 evaluations, best none yet, elapsed 1 min 00 s; "
        "choosing the next architectures, for 1 min 00 s",
        "0 of 4 evaluations, best none yet, elapsed 2 min 02 s; "
        "evaluating 2, for 1 min 02 s: one, two",
    ]


def test_of_many_architectures_a_few_are_named(clock: Clock) -> None:
    told = Pace(make(strategy=Random(2)), 20, None)
    told.works_on([f"a{i}" for i in range(20)])
    assert told.now == "evaluating 20, for 0 s: a0, a1, a2, a3 and 16 more"


def test_the_time_left_comes_from_finished_evaluations(clock: Clock) -> None:
    study = make(timed(clock, 6), Random(2)).run(2)
    told = Pace(study, 6, None)
    assert told.left == ""  # nothing is known about this session yet
    told.works_on([])
    clock.now += 3
    told.works_on(["depth=1"])
    study.run(3)
    told.finished(study.records[-1])
    assert told.left == "about 27 s left"  # three more of 3 + 6 s
    clock.now += 4
    assert told.left == "about 23 s left"
    clock.now += 40
    assert told.left == "about 0 s left"
    assert told.elapsed == 53


def test_the_time_left_of_a_time_limit(clock: Clock) -> None:
    study = make(timed(clock, 15), Random(2)).run(2)
    told = Pace(study, None, 2.0)
    worked = study.records[-1].elapsed
    assert told.done == pytest.approx(worked / 120)
    clock.now += 30
    assert told.done == pytest.approx((worked + 30) / 120)
    assert told.left.startswith("about 1 min 30 s left")
    assert told.count == "2 evaluations"
    clock.now += 200
    assert (told.done, told.left) == (1.0, "about 0 s left")


def test_plain_lines_of_a_continued_run() -> None:
    console = plain()
    make().run(5).run(6, watcher=PlainLines(console))
    first = text(console).splitlines()[0]
    assert first == "searching until 6 evaluations, continuing after 5"


def test_numbers_are_those_of_the_end(clock: Clock) -> None:
    console = plain()
    study = make(accuracies(), Random(24)).run(24, watcher=PlainLines(console))
    assert "best valid_accuracy 93.00 %" in text(console)
    view = LiveView(terminal())
    view.started(study, 24, None)
    view.finished_one(study, study.records[0])
    second = view.lines(100)[1].plain
    share = 100 * study.records[0].values["valid_accuracy"]
    assert second == f"best valid_accuracy 93.00 %   last {share:.2f} %"
    view.ended(study)


def test_the_live_view(clock: Clock) -> None:
    console = terminal()
    view = LiveView(console)
    assert view.lines(80) == []
    study = make(timed(clock, 10), Random(2))
    view.started(study, 4, None)
    assert [line.plain for line in view.lines(80)] == [
        f"{'╌' * 30} 0 of 4 evaluations, elapsed 0 s",
        "best none yet",
        "now  choosing the next architectures, for 0 s",
    ]
    view.works_on(study, ["depth=1", "depth=2"])
    assert view.lines(80)[2].plain == "now  evaluating 2, for 0 s: depth=1, depth=2"
    view.ended(study)
    study.run(4, watcher=view)
    assert view.lines(80)[0].plain == (
        f"{'━' * 30} 4 of 4 evaluations, elapsed 40 s, about 0 s left"
    )
    assert len(view.lines(80)[1].plain.split("last ")[1].split(", ")) == 3


@pytest.mark.parametrize("width", [20, 40, 80])
def test_the_live_view_fits_the_terminal(width: int) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=width, no_color=True)
    view = LiveView(console)
    view.started(make(), 60, None)
    view.works_on(make(), ["|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|"] * 2)
    shown = io.StringIO()
    Console(file=shown, force_terminal=True, width=width, no_color=True).print(view)
    view.ended(make())
    lines = re.sub("\x1b\\[[0-9;]*m", "", shown.getvalue()).splitlines()
    assert len(lines) == 3  # nothing is folded
    assert max(map(len, lines)) <= width
    assert "evaluating 2"[: width - 6] in lines[2]
    assert "\x1b[3" not in shown.getvalue()  # no colours


def test_the_live_view_tells_failures() -> None:
    console = terminal()
    make(Function(sometimes), Random(24)).run(24, watcher=LiveView(console))
    assert "failed: RuntimeError: out of luck" in text(console)


def test_the_display_ends_with_an_interrupted_run() -> None:
    view = LiveView(terminal())
    with pytest.raises(KeyboardInterrupt):
        make(Stopping(score, 3)).run(8, watcher=view)
    assert not view._live.is_started


def test_the_plain_lines_end_with_an_interrupted_run() -> None:
    lines = PlainLines(plain())
    with pytest.raises(KeyboardInterrupt):
        make(Stopping(score, 3)).run(8, watcher=lines)
    assert lines._ended.is_set()
