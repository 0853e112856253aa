"""Rounds of a run: budgets, failed evaluations."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archrank.errors import (
    BudgetError,
    BudgetWarning,
    EvaluationError,
)
from archrank.evaluators import Function, Table
from archrank.spaces import NASBench201
from archrank.strategies import Random, RegularizedEvolution, Strategy
from archrank.study import Study, engine
from archrank.study.engine import Clock
from archrank.study.evaluating import grouped
from tests.study.helpers import (
    BUDGET,
    COSTS,
    SetUpWrongly,
    guided,
    make,
    never,
    refuse,
    score,
    sometimes,
    told,
)


@pytest.mark.parametrize(
    ("budget", "minutes", "message"),
    [
        (None, None, "give a budget"),
        (0, None, "budget 0: at least 1"),
        (-3, None, "budget -3: at least 1"),
        (None, 0, "minutes 0: a positive number"),
        (None, -1.5, r"minutes -1\.5: a positive number"),
        (None, math.nan, "minutes nan"),
        (5, 0, "minutes 0"),
        (25, None, "budget 25 is beyond the 24 architectures that can be evaluated in custom"),
    ],
)
def test_budgets_that_cannot_be_spent(
    budget: int | None, minutes: float | None, message: str
) -> None:
    study = make(Function(refuse))
    with pytest.raises(BudgetError, match=message):
        study.run(budget, minutes=minutes)


def test_a_budget_beyond_the_table(space: NASBench201, tmp_path: Path) -> None:
    rows = space.format(space.enumerate()[:3])
    path = tmp_path / "t.csv"
    path.write_text("arch,acc\n" + "".join(f"{r},{i}\n" for i, r in enumerate(rows)))
    study = Study(space, Table(path), Random())
    with pytest.raises(BudgetError, match="budget 4 is beyond the 3 architectures"):
        study.run(4)
    assert {r.string for r in study.run(3).records} == set(rows)


def test_the_whole_space() -> None:
    study = make().run(24)
    assert len({r.string for r in study.records}) == 24
    assert study.best.values["score"] == 4 * 32 + 1
    assert study.run(24).records == study.records


def test_time_without_end_stops_when_nothing_is_left() -> None:
    with pytest.warns(BudgetWarning, match="24 evaluations: all 24 architectures of custom are"):
        assert len(make().run(minutes=1e9).records) == 24


def test_a_smaller_budget_on_a_longer_run_does_nothing() -> None:
    study = make().run(5)
    assert len(study.run(3).records) == 5


@pytest.mark.parametrize("strategy", [guided(), Random(5), RegularizedEvolution(4, 2, 2)])
def test_extending_is_running_longer_at_once(strategy: Strategy) -> None:
    study = make(strategy=strategy)
    for budget in (1, 2, 5, 6, 9, BUDGET):
        assert len(study.run(budget).records) == budget
    assert told(study) == told(make(strategy=strategy).run(BUDGET))


def test_failures_are_recorded_and_the_run_goes_on() -> None:
    study = make(Function(sometimes), Random(24)).run(24)
    reasons = {r.string.split(",")[0]: r.reason for r in study.records}
    assert str(reasons.pop("depth=2")).startswith("RuntimeError: out of luck (helpers.py, line ")
    assert reasons == {
        "depth=1": None,
        "depth=3": "score is nan",
        "depth=4": None,
    }
    assert study.history.ok.sum() == 12
    assert study.best.values["score"] == 129


def test_a_constraint_that_cannot_be_judged_is_a_failure() -> None:
    def broken(config: dict[str, Any]) -> dict[str, float]:
        return {
            "score": 1e6 if config["depth"] == 4 else score(config),
            "ms": math.nan if config["depth"] == 4 else 1.0,
        }

    study = make(Function(broken, COSTS), constraints=["ms<=2"]).run(24)
    assert study.best.values["score"] == 3 * 32 + 1
    failed = [r for r in study.records if r.reason]
    assert len(failed) == 6
    assert failed[0].reason == "ms is nan"
    assert not study.feasible(failed[0])
    assert failed[0] not in study.front


def test_a_metric_that_nobody_asked_for_may_be_missing() -> None:
    def partial(config: dict[str, Any]) -> dict[str, float]:
        return {"score": score(config), "ms": math.nan}

    study = make(Function(partial, COSTS)).run(8)
    assert [r.reason for r in study.records] == [None] * 8
    assert math.isnan(study.best.values["ms"])


@pytest.mark.parametrize("strategy", [Random(8), Random(2), guided(initial=7)])
def test_a_hopeless_run_is_given_up(strategy: Strategy) -> None:
    study = make(Function(never), strategy)
    with pytest.raises(EvaluationError, match=r"all of the first \d evaluations failed") as caught:
        study.run(24)
    assert "depth=" in str(caught.value)
    assert "RuntimeError: no such device" in str(caught.value)
    assert 5 <= len(study.records) <= 8
    with pytest.raises(EvaluationError, match=r"none of \d evaluations succeeded; the last: Runt"):
        study.best  # noqa: B018
    assert study.front == []


def test_one_success_is_hope() -> None:
    study = make(Function(sometimes), Random(2))
    assert len(study.run(20).records) == 20


def test_an_evaluator_that_is_set_up_wrongly() -> None:
    study = make(SetUpWrongly(score))
    with pytest.raises(EvaluationError, match="there is no such device"):
        study.run(BUDGET)
    assert study.records == []


@pytest.mark.parametrize(("size", "expected"), [(1, [1] * 5), (2, [2, 2, 1]), (9, [5])])
def test_groups(size: int, expected: list[int]) -> None:
    archs = {slot: np.full(3, slot, dtype=np.uint8) for slot in (4, 0, 7, 2, 9)}
    groups = list(grouped(archs, size))
    assert [len(group) for group in groups] == expected
    assert [slot for group in groups for slot in group] == list(archs)
    assert all((group[slot] == archs[slot]).all() for group in groups for slot in group)


def test_the_clock_counts_earlier_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    class Time:
        now = 100.0

        def monotonic(self) -> float:
            return self.now

    time = Time()
    monkeypatch.setattr(engine, "time", time)
    clock = Clock(before=50.0, minutes=1.0)
    assert clock.elapsed == 50.0
    time.now += 9.5
    assert not clock.is_up
    time.now += 0.5
    assert clock.is_up
    assert not Clock(before=1e9, minutes=None).is_up
