"""Ask and tell: what is asked for, what is told, and that both are kept."""

from __future__ import annotations

import dataclasses
import itertools
import math
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archrank.errors import (
    ArchitectureError,
    ArchrankError,
    ArgumentError,
    BudgetError,
    BudgetWarning,
    EvaluationError,
    InfeasibleError,
    SettingsError,
    StorageError,
    TellError,
    UnknownNameError,
)
from archrank.evaluators import Combined, Function, Told
from archrank.rows import is_new
from archrank.spaces import Subset, from_choices
from archrank.strategies import History, Random, RegularizedEvolution, Strategy
from archrank.study import Study
from archrank.study.asked import Asked
from archrank.types import Archs
from tests.study.helpers import CHOICES, guided, make, score, small_space, told

STRATEGIES: list[Any] = [guided, lambda: Random(4), lambda: RegularizedEvolution(population=4)]


def asking(path: Path | None = None, strategy: Strategy | None = None, **more: Any) -> Study:
    """A study whose values are told; ``score`` is what they are."""
    return make(Told("score"), strategy, path=path, **more)


def answer(study: Study, asked: list[Asked]) -> None:
    for each in asked:
        study.tell(each, score(each.config))


def strings(asked: Any) -> list[str]:
    return [each.string for each in asked]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_asking_is_the_same_search_as_running(strategy: Any) -> None:
    ran, asked = make(strategy=strategy(), seed=3).run(12), asking(strategy=strategy(), seed=3)
    while len(asked.records) < 12:
        answer(asked, asked.ask())
    assert told(asked)[:12] == told(ran)[: len(told(asked))]


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.integers(1, 5), min_size=1, max_size=4), st.integers(0, 3), st.randoms())
def test_what_is_asked_depends_on_what_is_told_in_whatever_order(
    sizes: list[int], late: int, random: random.Random
) -> None:
    runs = []
    for shuffled in (False, True):
        study, waiting, seen = asking(), [], []
        for n in sizes:
            seen.append(strings(new := study.ask(n)))
            waiting += new
            now = waiting[: max(len(waiting) - late, 0)]
            waiting = waiting[len(now) :]
            if shuffled:
                random.shuffle(now)
            answer(study, now)
        assert len(set(itertools.chain(*seen))) == sum(sizes)
        assert study.outstanding == [] or strings(study.outstanding) == strings(waiting)
        runs.append((seen, told(study)))
    assert runs[0] == runs[1]


def test_a_restart_asks_for_nothing_twice(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    whole = asking()
    expected = [strings(whole.ask(n)) for n in (3, 2, 4)]
    found = []
    for n in (3, 2, 4):
        study = asking(path)
        assert strings(study.outstanding) == list(itertools.chain(*found))
        found.append(strings(study.ask(n)))
    assert found == expected
    again = asking(path)
    answer(again, again.outstanding[::-1])
    assert len(asking(path).records) == 9
    assert asking(path).outstanding == []


def test_two_programs_share_a_run(tmp_path: Path) -> None:
    a, b = asking(tmp_path / "s.db"), asking(tmp_path / "s.db")
    first, second = a.ask(3), b.ask(3)
    third = a.ask(2)
    assert len({*strings(first), *strings(second), *strings(third)}) == 8
    b.tell(first[1], 0.5)
    a.tell(second[0].string, 0.25)
    with pytest.raises(TellError, match="has been evaluated already"):
        a.tell(first[1], 0.5)
    assert strings(b.outstanding) == strings(a.outstanding)
    assert len(a.outstanding) == 6


def test_own_measurements_are_welcome(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    study = asking(path)
    archs = small_space().enumerate()[[0, 7, 12]]
    config = small_space().config(archs[0])
    records = study.tell(
        [archs[0], small_space().format(archs[1:2])[0], 12], [0.1, 0.9, {"score": 0.3}]
    )
    assert [r.key for r in records] == [(0, 0), (0, 1), (0, 2)]
    assert records[0].config == config
    new = study.ask(20)
    assert {r.string for r in records}.isdisjoint(strings(new))
    assert study.best.values == {"score": 0.9}
    assert told(asking(path)) == told(study)


def test_a_study_that_evaluates_itself_goes_on_from_what_it_is_told(tmp_path: Path) -> None:
    def begun(path: Path) -> Study:
        study = make(path=path)
        study.tell(small_space().enumerate()[3], 0.5)
        return study

    straight = begun(tmp_path / "a.db").run(12)
    for budget in (2, 3, 7, 12):
        begun(tmp_path / "b.db").run(budget) if budget == 2 else make(path=tmp_path / "b.db").run(
            budget
        )
    assert told(make(path=tmp_path / "b.db")) == told(straight)


def test_a_run_finishes_what_was_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    study = make(path=path)
    study.run(5)  # the second round, of three, is cut off
    asked = study.ask(4)
    assert [each.key for each in asked] == [(1, 1), (1, 2), (2, 0), (2, 1)]
    assert [each.key for each in make(path=path).ask(1)] == [(3, 0)]
    study.tell(asked[3], score(asked[3].config))
    make(path=path).run(14)
    again = make(path=path)
    assert again.outstanding == []
    assert len(again.records) == len({r.string for r in again.records}) == 14
    assert told(make().run(7))[:7] == told(again)[:7]


def test_what_is_given_up_may_be_asked_again(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    study = make(path=path)
    for each in study.ask(24):
        study.forget(each.string if each.slot % 2 else each)
    assert study.outstanding == []
    with pytest.raises(TellError, match="awaits no answer"):
        study.forget(each)
    assert len(make(path=path).ask(24)) == 24
    assert len(make(path=path).run(24).records) == 24


def test_what_is_known_is_replaced_by_choice(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    study = make(path=path).run(5)
    first = study.records[0]
    with pytest.raises(TellError, match=r"evaluated already \(score .*--replace"):
        study.tell(first, 100.0)
    for value in (500.0, 1000.0):
        (record,) = study.tell(first, value, replace=True)
        assert record.key == first.key
        assert study.best.values["score"] == value
    again = make(path=path)
    assert told(again) == told(study)
    assert again.best.string == first.string
    again.run(12)
    assert told(make(path=path)) == told(again)
    assert len(again.records) == len({r.string for r in again.records}) == 12
    assert [t.value for t in again._store._study.best_trials] == [1000.0]


def test_failures(tmp_path: Path) -> None:
    study = asking(tmp_path / "s.db")
    a, b, c = study.ask(3)
    study.tell(a, failed="out of memory")
    study.tell(b, math.nan)
    study.tell(c, {"score": math.inf})
    again = asking(tmp_path / "s.db")
    assert [r.reason for r in again.records] == ["out of memory", "score is nan", "score is inf"]
    again.tell(a, 0.5, replace=True)
    assert again.best.string == a.string
    assert [r.string for r in asking(tmp_path / "s.db").results.front] == [a.string]


def test_limits_on_costs_keep_architectures_from_being_asked_for() -> None:
    width = Function(lambda config: config["width"], ["params"], cheap=True)
    study = make(Combined(Told("score"), width), Random(), constraints="params<=8")
    asked = study.ask(30)
    most = [w for w in CHOICES["width"] if w <= 8]
    assert {each.config["width"] for each in asked} == set(most)
    with pytest.warns(
        BudgetWarning, match=f"nothing else to ask for: all .*; {len(asked)} of them"
    ):
        assert study.ask(2) == []
    (record,) = study.tell(asked[0], 0.5)
    assert record.values == {"score": 0.5, "params": asked[0].config["width"]}
    large = {**asked[0].config, "width": max(CHOICES["width"])}
    (record,) = study.tell(large, 0.9)
    assert not study.feasible(record)
    assert study.best.string == asked[0].string
    none = make(Combined(Told("score"), width), Random(), constraints="params<1")
    with pytest.raises(InfeasibleError, match="nearest"):
        none.ask(2)


def test_metrics_follow_from_the_goals() -> None:
    study = Study(small_space(), objectives=["top1", "pixels:minimize"], constraints="ms<=3")
    assert [(m.name, m.direction) for m in study.evaluator.metrics] == [
        ("top1", "maximize"),
        ("pixels", "minimize"),
        ("ms", "minimize"),
    ]
    each, other = study.ask(2)
    study.tell(each, {"top1": 0.5, "pixels": 3, "ms": 2})
    study.tell(other, {"ms": 3.5})  # needs no more: it breaks the limit
    assert [r.reason for r in study.records] == [None, "breaks ms<=3"]
    assert len(study.results.records) == 1
    with pytest.raises(SettingsError, match="give an evaluator; or, to tell"):
        Study(small_space())
    with pytest.raises(
        EvaluationError, match="top1, pixels, ms cannot be measured here, only told"
    ):
        study.run(2)


class Careless(Strategy):
    """Proposes decisions that do not exist with any option, as mutations and mixtures do."""

    def propose(self, history: History, n: int, *, rng: np.random.Generator) -> Archs:
        space = history.space
        rows = np.zeros((3, space.d), dtype=np.uint8)
        rows[:, 1] = [0, 1, 2]  # of depth 1, so that the second width does not exist
        rows[:, 2] = 1
        return rows[is_new(space.canonical(rows), space.canonical(history.archs))][:n]

    def batch(self, history: History) -> int:
        return 3

    def describe(self) -> dict[str, Any]:
        return {"strategy": "careless"}


def conditional() -> Study:
    space = from_choices(
        {"depth": [1, 2], "width": [8, 16, 32], "other": [8, 16]},
        active_if={"other": ("depth", [2])},
    )
    return Study(space, None, Careless(), objectives="score:maximize")


def test_what_is_typed_answers_what_was_asked_for() -> None:
    study = conditional()
    first, second, third = study.ask(3)
    assert first.arch.tolist() == [0, 0, 1]
    (record,) = study.tell("depth=1,width=8", 0.5)
    assert record.key == first.key
    study.tell({"width": 16, "depth": 1}, 0.25)
    assert study.forget("depth=1,width=32") is third
    assert study.outstanding == []
    with pytest.raises(TellError, match="depth=1,width=16 has been evaluated already"):
        study.tell(second.arch, 0.5)
    assert [r.round_size for r in study.records] == [3, 3]


def test_what_a_stopped_run_has_left_is_told_in_its_place(tmp_path: Path) -> None:
    whole = make(strategy=Random(8)).run(8)
    rest = whole.records[3:]
    study = make(strategy=Random(8), path=tmp_path / "s.db").run(3)
    (record,) = study.tell(rest[2].string, score(rest[2].config))
    assert record.key == rest[2].key
    assert rest[2].string not in strings(study.ask(4))
    again = make(strategy=Random(8), path=tmp_path / "s.db").run(8)
    assert told(again) == told(whole)


@pytest.mark.parametrize(
    "value", [np.float32(0.5), np.array(0.5), torch.tensor(0.5), {"score": torch.tensor(0.5)}]
)
def test_numbers_of_arrays_and_tensors_are_told(value: Any) -> None:
    (record,) = asking().tell(0, value)
    assert record.values == {"score": 0.5}


def test_a_clock_that_is_put_back_makes_no_negative_time() -> None:
    study = asking()
    (asked,) = study.ask(1)
    ahead = dataclasses.replace(asked, since=asked.since + timedelta(hours=1))
    study._ledger.asked[asked.key] = ahead
    (record,) = study.tell(asked, 0.5)
    assert record.seconds == 0.0


def test_what_is_asked_is_the_same_after_a_restart(tmp_path: Path) -> None:
    space = from_choices({"layers": Subset(4, 2)})
    asked = Study(space, objectives="score:maximize", storage=tmp_path / "s.db").ask(1)
    again = Study(space, objectives="score:maximize", storage=tmp_path / "s.db").outstanding
    assert asked[0].config == again[0].config
    assert space.from_config(asked[0].config).tolist() == asked[0].arch.tolist()


def test_what_is_replaced_once_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    study = make(path=path).run(5)
    study.tell(study.records[0], 500.0, replace=True)
    assert told(make(path=path)) == told(study)
    assert make(path=path).best.values == {"score": 500.0}
    assert len(make(path=path)._store._study.best_trials) == 1


@pytest.mark.parametrize("broken", ["change_attribute", "write"])
def test_a_kill_while_something_is_replaced_leaves_no_number_of_the_old(
    broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "s.db"
    study = make(path=path).run(3)
    first = study.records[0]
    study._store.kept.confirm(first.key, {"score": 77.0})

    def killed(*args: Any, **more: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(study._store._trials, broken, killed)
    with pytest.raises(KeyboardInterrupt):
        study.tell(first, 1000.0, replace=True)
    found = make(path=path)
    assert found.records[0].values == first.values
    if found._store.kept.confirmed():
        assert found.results.records[0].values == {"score": 77.0}
    found.tell(first, 1000.0, replace=True)
    assert make(path=path).results.records[0].values == {"score": 1000.0}


class Meddling:
    """Tells a run something, as another process would, when its first evaluation begins."""

    def __init__(self, other: Study) -> None:
        self.other = other

    def started(self, *args: Any) -> None:
        pass

    def works_on(self, study: Study, archs: Sequence[str]) -> None:
        if archs and not self.other.records:
            self.other.tell(self.other.space.enumerate()[20], 0.5)

    def finished_one(self, *args: Any) -> None:
        pass

    def ended(self, *args: Any) -> None:
        pass


def test_a_run_that_is_told_something_by_another_process_says_so(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    study = make(path=path)
    study.ask(1)
    with pytest.raises(StorageError, match=r"another process has told something.*run again"):
        study.run(3, watcher=Meddling(make(path=path)))
    assert len(make(path=path).run(5).records) == 5


BAD: list[tuple[Any, Any, dict[str, Any], type[ArchrankError], str]] = [
    ("depth=9", 0.5, {}, ArchitectureError, "expected depth=.*got '9'"),
    ({"depth": 1}, 0.5, {}, ArchitectureError, "expected width=.*missing"),
    (0, {"scor": 1}, {}, UnknownNameError, "unknown metric 'scor', did you mean 'score'"),
    (0, {"score": "high"}, {}, ArgumentError, "score is 'high', expected a number"),
    (0, {"score": True}, {}, ArgumentError, "score is True"),
    (0, {}, {}, TellError, "score is missing: tell score=NUMBER, or --failed REASON"),
    (0, None, {}, TellError, "score is missing"),
    (0, "0.5", {}, ArgumentError, "metrics are '0.5', expected {metric: number}"),
    (0, 0.5, {"failed": "oom"}, TellError, "told as failed, and with score"),
    (0, None, {"failed": " "}, TellError, "say why the evaluation failed"),
    (0, None, {"failed": 3}, ArgumentError, "failed is 3, expected a reason as text"),
    (0, 0.5, {"seconds": "long"}, ArgumentError, "tell: seconds is 'long'"),
    (0, 0.5, {"seconds": -5}, ArgumentError, "tell: seconds is -5, expected 0 or more"),
    (0, 0.5, {"seconds": math.nan}, ArgumentError, "tell: seconds is nan"),
    (0, {"score": 10**400}, {}, ArgumentError, "score is 1000.*too large"),
    (0, {"score": np.zeros(2)}, {}, ArgumentError, "score is array.*expected a number"),
    (["0", "1"], [0.5, 0.6], {"failed": "oom"}, TellError, "told as failed, and with score"),
    ([{"depth": 1, "width": 8}, 0], [0.5], {}, ArgumentError, "2 architectures and 1 entries"),
    ([{"depth": 1, "width": 8}], 0.5, {}, ArgumentError, "a list with one entry for each"),
    (["0", "0"], [0.5, 0.6], {}, TellError, "is told twice at once"),
    (3.5, 0.5, {}, ArchitectureError, "3.5 is no architecture"),
]


@pytest.mark.parametrize(("arch", "metrics", "more", "error", "message"), BAD)
def test_what_cannot_be_told(
    arch: Any, metrics: Any, more: dict[str, Any], error: type[ArchrankError], message: str
) -> None:
    study = asking()
    with pytest.raises(error, match=message):
        study.tell(arch, metrics, **more)
    assert study.records == []


@pytest.mark.parametrize("n", [0, -1, 2.5, "two", 10**9, True])
def test_what_cannot_be_asked(n: Any) -> None:
    with pytest.raises(BudgetError, match="ask: n"):
        asking().ask(n)


PROGRAM = """
import sys
from pathlib import Path
from tests.study.test_ask_and_tell import asking, score
study = asking(Path(sys.argv[1]), seed=1)
print("ready", flush=True)
while True:
    for each in study.ask(2):
        study.tell(each, score(each.config))
        print(each.string, flush=True)
"""


def test_kill_9_loses_nothing_that_was_told(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    seen: list[str] = []
    for _ in range(2):
        command = [sys.executable, "-c", PROGRAM, str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(4)]
            time.sleep(0.02)
            os.kill(process.pid, signal.SIGKILL)
            rest = process.stdout.read().splitlines()
        seen += [*(line.strip() for line in lines[1:]), *rest]
        study = asking(path, seed=1)
        known = [r.string for r in study.records]
        assert set(seen) <= set(known)
        assert len(set(known)) == len(known)
        assert set(strings(study.outstanding)).isdisjoint(known)
        assert np.isfinite([r.values["score"] for r in study.records]).all()
