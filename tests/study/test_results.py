"""Best evaluations, the front, tables of all."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from archrank.errors import EvaluationError, InfeasibleError
from archrank.evaluators import Function
from archrank.metrics import Metric
from archrank.strategies import Random
from archrank.study.objectives import Constraint, Goals, Objective
from archrank.study.record import Description, Record
from archrank.study.results import Results, columns
from tests.study.helpers import (
    COSTS,
    make,
    score_and_cost,
    sometimes,
)


def test_best_of_nothing() -> None:
    with pytest.raises(EvaluationError, match="none of 0 evaluations succeeded"):
        make().best  # noqa: B018


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
    assert study.nearest.values == {"score": 8.0, "ms": 8.0}  # the least violation
    assert not study.feasible(study.nearest)
    with pytest.raises(InfeasibleError) as caught:
        study.best  # noqa: B018
    assert str(caught.value) == (
        "none of 24 evaluations keeps score<=5, ms<=4; the nearest, depth=1,width=8,act=a, has "
        "score 8, ms 8. Loosen the limit, or search longer"
    )


@pytest.mark.parametrize("cheap", [False, True])
def test_strict_bounds(cheap: bool) -> None:
    """A bound with ``<`` or ``>`` leaves its own value out, whoever checks it."""
    evaluator = Function(score_and_cost, COSTS, cheap=cheap)
    study = make(evaluator, Random(), constraints=["ms<16", "score>8"]).run(6)
    assert {r.values["ms"] for r in study.records if study.feasible(r)} == {8.0}
    assert all(r.values["score"] > 8 for r in study.records if study.feasible(r))
    assert study.description.identity["constraints"] == ["ms<16", "score>8"]
    wide = make(evaluator, Random(24), constraints=["ms<32", "ms>8"]).run(8)
    assert {r.values["ms"] for r in wide.front} == {16.0}


def test_best_is_the_nearest_where_it_is_feasible() -> None:
    study = make(Function(score_and_cost, COSTS), constraints=["ms<=8"]).run(24)
    assert study.best is study.nearest


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


METRICS = (Metric("acc"), Metric("ms", "minimize", "ms"), Metric("macs", "minimize"))
BOTH = Goals((Objective("acc"), Objective("ms", "minimize")))
ONE = Goals((Objective("acc"),), (Constraint("ms", "<=", 3.0),))
POINTS = [(0.9, 5.0), (0.8, 2.0), (math.nan, 1.0), (0.7, 3.0), (0.8, 1.0), (0.6, 0.5)]


def results(goals: Goals, points: list[tuple[float, float]] = POINTS) -> Results:
    records = [
        Record(
            round=i // 2,
            slot=i % 2,
            round_size=2,
            arch=np.array([i, 0], dtype=np.uint8),
            string=f"a{i}",
            values={"acc": acc, "ms": ms},
            reason="broken" if math.isnan(acc) else None,
            seconds=0.5,
            elapsed=10.0 * (i + 1),
        )
        for i, (acc, ms) in enumerate(points)
    ]
    decisions = {"a": tuple(range(6)), "b": ("x",)}
    return Results(Description("space", decisions, METRICS, goals, {"seed": 0}), records)


def test_columns_are_nan_where_a_metric_is_missing() -> None:
    found = columns(results(ONE).records, ["acc", "macs"])
    assert found["acc"].tolist()[:2] == [0.9, 0.8]
    assert np.isnan(found["macs"]).all()
    assert columns([], ["acc"])["acc"].shape == (0,)


def test_feasible_ones_come_first() -> None:
    found = results(ONE)
    assert found.ok.tolist() == [True, True, False, True, True, True]
    assert found.feasible.tolist() == [False, True, False, True, True, True]
    assert [found.is_feasible(r) for r in found.records] == found.feasible.tolist()
    assert found.violation[[0, 1]] == pytest.approx([2 / 3, 0])
    assert found.best.string == "a1"  # as good as a4, and earlier
    assert [found.records[i].string for i in found.order] == ["a1", "a4", "a3", "a5", "a0"]


def test_the_front_is_what_none_dominates() -> None:
    found = results(BOTH)
    points = [p for p in POINTS if not math.isnan(p[0])]
    expected = [
        p
        for p in points
        if not any(q[0] >= p[0] and q[1] <= p[1] and q != p for q in points)
    ]  # fmt: skip
    front = [(r.values["acc"], r.values["ms"]) for r in found.front]
    assert front == sorted(expected, reverse=True)
    assert found.best is found.front[0]


def test_failures_numbers_and_time() -> None:
    found = results(ONE)
    assert found.failures == [("broken", 1, "a2")]
    assert [found.number(r) for r in found.records] == [1, 2, 3, 4, 5, 6]
    assert found.elapsed == 60.0
    assert found.archs.tolist() == [[i, 0] for i in range(6)]
    assert found.description.options(found.records[3].arch) == {"a": 3, "b": "x"}


def test_nothing_evaluated() -> None:
    empty = results(ONE, [])
    assert (empty.front, empty.failures, empty.elapsed) == ([], [], 0.0)
    assert empty.archs.shape == (0, 2)
    assert empty.table().empty
    with pytest.raises(EvaluationError, match="none of 0 evaluations succeeded"):
        empty.best  # noqa: B018
    failed = results(ONE, [(math.nan, 1.0)])
    with pytest.raises(EvaluationError, match="none of 1 evaluations succeeded; the last: broken"):
        failed.best  # noqa: B018


def test_time_that_went_into_what_broke_a_limit_counts() -> None:
    found = results(ONE)
    later = replace(found.records[0], elapsed=1000.0)
    assert found.elapsed == 60.0
    assert replace(found, rejected=(later,)).elapsed == 1000.0
