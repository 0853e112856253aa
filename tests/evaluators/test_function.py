from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from archrank.errors import ArgumentError, EvaluationError, ObjectiveError
from archrank.evaluators import Function, Metric
from archrank.spaces import CustomSpace, from_choices
from archrank.testing import check_evaluator


def build(config: object, task: object) -> None:
    return None


def ratio(config: dict[str, Any]) -> float:
    return float(config["width"] / (config["depth"] - 2))


def both(config: dict[str, Any]) -> dict[str, float]:
    return {"acc": 0.5, "ms": math.inf if config["depth"] == 1 else 2.0, "extra": 1.0}


@pytest.fixture
def small() -> CustomSpace:
    return CustomSpace({"depth": [1, 2, 3], "width": [8, 16]}, build)


def test_contract(small: CustomSpace) -> None:
    check_evaluator(Function(ratio), small)
    check_evaluator(Function(both, ["acc", Metric("ms", "minimize", "ms")]), small)


def test_metrics_are_declared_in_three_ways() -> None:
    declared = (Metric("acc"), Metric("ms", "minimize"))
    assert Function(both, ["acc", "ms:minimize"]).metrics == declared

    def own(config: dict[str, Any]) -> dict[str, float]:
        return both(config)

    own.metrics = ["acc:maximize", "ms:minimize"]  # type: ignore[attr-defined]
    assert Function(own).metrics == declared
    assert Function(own, ["acc"]).metrics == declared[:1]
    assert Function(both).metrics == (Metric("score"),)
    with pytest.raises(ObjectiveError, match="metric 'ms:down': the direction is maximize or min"):
        Function(both, ["ms:down"])


def test_failures_have_reasons(small: CustomSpace) -> None:
    result = Function(ratio).bind(small).evaluate(small.enumerate())
    failed = [False, False, True, True, False, False]
    assert np.isnan(result["score"]).tolist() == failed
    reason = "ZeroDivisionError: division by zero (test_function.py, line "
    assert str(result.reasons[2]).startswith(reason)
    result = Function(both, ["acc", "ms"]).bind(small).evaluate(small.enumerate())
    assert result.reasons[0] == "ms is inf"
    assert result["acc"][0] == 0.5


@pytest.mark.parametrize(
    ("returned", "metrics", "message"),
    [
        ({"acc": 1.0}, ["acc", "ms"], r"returned acc but not ms; return every metric"),
        (1.0, ["acc", "ms"], r"returned 1\.0; with the metrics acc, ms it must return"),
        (
            {"top1": 1.0},
            ["acc"],
            "not acc; return it, too, or ask for top1: --metric top1, in Pyth",
        ),
        (None, ["acc"], "returned None, expected a number or {'acc': number}; is a return missing"),
        ("high", ["acc"], "returned 'high', expected a number or {'acc': number}$"),
        ({"acc": "high"}, ["acc"], "returned {'acc': 'high'}, expected a number or"),
        (10**400, ["acc"], "returned 1000.*expected a number or"),
        (np.zeros(2), ["acc"], "returned array.*expected a number or"),
    ],
)
def test_broken_promises(
    small: CustomSpace, returned: Any, metrics: list[str], message: str
) -> None:
    evaluator = Function(lambda config: returned, metrics).bind(small)
    with pytest.raises(EvaluationError, match=message):
        evaluator.evaluate(small.enumerate())


def test_arguments_reach_a_function_that_takes_any(small: CustomSpace) -> None:
    def own(config: dict[str, Any], **more: Any) -> float:
        return float(more["rate"])

    found = Function(own, arguments={"rate": 0.5}).bind(small).evaluate(small.enumerate())
    assert found["score"].tolist() == [0.5] * small.size
    with pytest.raises(EvaluationError, match="ratio has no parameter rate"):
        Function(ratio, arguments={"rate": 0.5})
    with pytest.raises(ArgumentError, match=r"Function: arguments is \['rate'\]"):
        Function(ratio, arguments=["rate"])  # type: ignore[arg-type]


def test_metrics_must_differ() -> None:
    with pytest.raises(EvaluationError, match="different metrics"):
        Function(ratio, ["a", "a"])
    assert Function(ratio, "accuracy").metrics == (Metric("accuracy"),)


def test_choices_that_are_not_active_are_left_out() -> None:
    space = from_choices(
        {"depth": [1, 2], "second": [8, 16]},
        build=lambda config, task: None,
        active_if={"second": ("depth", [2])},
    )
    seen: list[dict[str, object]] = []

    def score(config: dict[str, object]) -> float:
        seen.append(config)
        return 1.0

    Function(score).bind(space).evaluate(space.enumerate())
    assert {"depth": 1} in seen
    assert {"depth": 2, "second": 16} in seen
    assert len(seen) == 3
