"""Best evaluations, the front, tables of all."""

from __future__ import annotations

import math
from typing import Any

import pytest

from archrank.errors import (
    EvaluationError,
)
from archrank.evaluators import Function
from archrank.strategies import Random
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
    assert study.best.values == {"score": 8.0, "ms": 8.0}  # the least violation
    assert not study.feasible(study.best)


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
