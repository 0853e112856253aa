from __future__ import annotations

import dataclasses
import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from optuna.storages import InMemoryStorage

from archrank.errors import (
    ArchrankError,
    BudgetError,
    EvaluationError,
    ObjectiveError,
    StorageError,
    UnknownNameError,
)
from archrank.evaluators import Combined, Cost, Function, Table
from archrank.spaces import NASBench201
from archrank.strategies import Random, RegularizedEvolution, Strategy
from archrank.study import Study, engine
from tests.strategies.helpers import huge
from tests.study.helpers import (
    BUDGET,
    COSTS,
    SetUpWrongly,
    Stopping,
    guided,
    make,
    never,
    refuse,
    score,
    score_and_cost,
    small_space,
    sometimes,
    told,
)

# ---- the budget ----------------------------------------------------------------------------------


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


# ---- failures ------------------------------------------------------------------------------------


def test_failures_are_recorded_and_the_run_goes_on() -> None:
    study = make(Function(sometimes), Random(24)).run(24)
    reasons = {r.string.split(",")[0]: r.reason for r in study.records}
    assert reasons == {
        "depth=1": None,
        "depth=2": "RuntimeError: out of luck",
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


def test_best_of_nothing() -> None:
    with pytest.raises(EvaluationError, match="none of 0 evaluations succeeded"):
        make().best  # noqa: B018


# ---- time ----------------------------------------------------------------------------------------


class Clock:
    """Only evaluations take time: ten seconds each."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def fn(self, config: dict[str, Any]) -> float:
        self.now += 10
        return score(config)


@pytest.mark.parametrize("threads", [False, True])
def test_minutes_count_over_all_sessions(
    threads: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = InMemoryStorage()
    monkeypatch.setattr("archrank.study.storage.open_storage", lambda url: kept)
    clock = Clock()
    monkeypatch.setattr(engine, "time", clock)
    monkeypatch.setattr(engine, "IN_FLIGHT", 1)
    path = tmp_path / "study.db"
    with ThreadPoolExecutor(1) as one:
        for minutes, expected in ((1.0, 6), (0.5, 6), (1.5, 9), (1.51, 10)):
            study = make(Function(clock.fn), path=path, executor=one if threads else None)
            study.run(minutes=minutes)
            assert len(study.records) == expected
            clock.now += 500  # the pause between sessions does not count
        assert [r.elapsed for r in study.records] == [10.0 * (i + 1) for i in range(10)]
        study.run(11, minutes=100)  # whichever is reached first
        assert len(study.records) == 11
        study.run(20, minutes=2)
        assert len(study.records) == 12
    assert told(study) == [*told(make(Function(clock.fn), path=path))]


def test_the_time_worked_is_that_of_the_last_to_finish() -> None:
    study = make().run(4)
    first = study.records[0]
    study.records[0] = dataclasses.replace(first, elapsed=100.0)  # it took longest of its round
    assert len(study.run(minutes=1.5).records) == 4


# ---- objectives, constraints, results ------------------------------------------------------------


def test_unknown_metrics() -> None:
    with pytest.raises(UnknownNameError, match="unknown metric 'scor', did you mean 'score'"):
        make(objectives=["scor"])
    with pytest.raises(UnknownNameError, match=r"did you mean 'score'.*constraint 'scre<=1'"):
        make(constraints=["scre<=1"])
    with pytest.raises(ObjectiveError, match="named twice: score, score:minimize"):
        make(objectives=["score", "score:minimize"])
    with pytest.raises(ArchrankError, match="seed -1: a seed is 0 or more"):
        make(seed=-1)


def test_the_first_metric_is_the_objective() -> None:
    study = make(Function(score_and_cost, COSTS))
    assert [str(o) for o in study.objectives] == ["score:maximize"]


def test_minimising() -> None:
    study = make(Function(score_and_cost, COSTS), objectives=["score:minimize"]).run(24)
    assert study.best.values["score"] == 8
    assert [r.values["score"] for r in study.front] == [8]


def test_best_and_front_of_two_objectives() -> None:
    study = make(Function(score_and_cost, COSTS), objectives=["score", "ms"]).run(24)
    assert [(r.values["score"], r.values["ms"]) for r in study.front] == [
        (129, 32),
        (65, 16),
        (33, 8),
    ]
    assert study.best is study.front[0]


def test_best_is_feasible_and_not_judged_by_the_infeasible() -> None:
    def fn(config: dict[str, Any]) -> dict[str, float]:
        return {"score": float(config["depth"]), "ms": -float(config["depth"])}  # 4 beats all

    study = make(
        Function(fn, COSTS), Random(24), objectives=["score", "ms"], constraints=["score<=3"]
    ).run(24)
    assert study.best.values["score"] == 3
    assert {r.values["score"] for r in study.front} == {3}
    infeasible = next(r for r in study.records if r.values["score"] == 4)
    assert not study.feasible(infeasible)
    assert study.feasible(study.best)


def test_nothing_is_feasible() -> None:
    study = make(Function(score_and_cost, COSTS), constraints=["score<=5", "ms<=4"]).run(24)
    assert study.front == []
    assert study.best.values == {"score": 8.0, "ms": 8.0}  # the least violation
    assert not study.feasible(study.best)


def test_constraints_that_cost_nothing_keep_candidates_out() -> None:
    calls: list[int] = []

    def measured(config: dict[str, Any]) -> float:
        calls.append(config["width"])
        return score(config)

    def width(config: dict[str, Any]) -> float:
        return float(config["width"])

    both = Combined(Function(measured), Function(width, [COSTS[1]], cheap=True))
    study = make(both, constraints=["ms<=16", "score<=60"]).run(minutes=1e9)  # type: ignore[arg-type]
    assert len(calls) == 16  # all that are narrow enough, and no other
    assert max(calls) == 16
    assert study.best.values["score"] == 49  # score<=60 needs evaluation and is checked after it


def test_costs_of_a_known_space(space: NASBench201) -> None:
    def always(config: dict[str, Any]) -> float:
        return 1.0

    study = Study(
        space, Combined(Function(always), Cost()), Random(), constraints=["macs<=9e6"]
    ).run(20)
    assert all(r.values["macs"] <= 9e6 for r in study.records)


def test_history_and_table() -> None:
    study = make(Function(sometimes)).run(10)
    assert study.history.archs.tolist() == [r.arch.tolist() for r in study.records]
    frame = study.table()
    assert list(frame.columns) == ["arch", "score", "seconds", "failure"]
    assert frame["arch"].tolist() == [r.string for r in study.records]
    for row, record in zip(frame.itertuples(), study.records, strict=True):
        assert row.failure == record.reason or (
            record.reason is None and row.failure != row.failure
        )
        assert math.isnan(row.score) == (record.reason is not None)
    assert make().table().empty


def test_a_space_too_large_to_count() -> None:
    def total(config: dict[str, Any]) -> float:
        return float(sum(config.values()))

    study = Study(huge(), Function(total), Random(10), seed=0).run(30)
    assert len(study.records) == 30
    study = Study(huge(), Function(total), RegularizedEvolution(5, 3, 5), seed=0).run(40)
    assert study.best.values["score"] > np.mean([r.values["score"] for r in study.records[:5]])


# ---- watchers ------------------------------------------------------------------------------------


class Listener:
    def __init__(self) -> None:
        self.heard: list[Any] = []

    def started(self, study: Study, budget: int | None, minutes: float | None) -> None:
        self.heard.append(("started", len(study.records), budget, minutes))

    def finished_one(self, study: Study, record: Any) -> None:
        assert study.records[-1] is record
        self.heard.append(len(study.records))

    def ended(self, study: Study) -> None:
        self.heard.append("ended")


def test_watchers_are_told() -> None:
    listener = Listener()
    study = make(Stopping(score, 5)).run(2)
    with pytest.raises(KeyboardInterrupt):
        study.run(8, minutes=10, watcher=listener)
    assert listener.heard == [("started", 2, 8, 10), 3, 4, 5, "ended"]


def test_the_evaluator_is_bound_to_the_space() -> None:
    evaluator = Function(score)
    space = small_space()
    study = make(evaluator, space=space)
    assert study.space is space
    with pytest.raises(EvaluationError, match="does not know its space"):
        evaluator.space  # noqa: B018


# ---- storage on first use ------------------------------------------------------------------------


def test_a_constructor_opens_nothing(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    study = make(path=path)
    with pytest.raises(BudgetError):
        study.run(0)
    assert not path.exists()
    assert study.open() is study
    assert path.exists()
    assert study.records == []


def test_a_storage_that_cannot_be_used_is_told_on_first_use(tmp_path: Path) -> None:
    study = make(Function(refuse), path=tmp_path / "missing" / "s.db")
    for use in (study.open, lambda: study.records, lambda: study.best, lambda: study.run(3)):
        with pytest.raises(StorageError, match="unable to open"):
            use()  # type: ignore[operator]
