"""The numbers beside the page."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from archrank.errors import EvaluationError
from archrank.report import describe_best, describe_front
from archrank.study import Study


def test_best(own_study) -> None:
    study = own_study(constraints=["latency_ms<=100"])
    found = json.loads(json.dumps(describe_best(study), allow_nan=False))
    assert found["arch"] == study.best.string
    assert found["choices"] == {"depth": 4, "width": 16, "kernel": 1}
    assert found["objectives"] == [
        {"metric": "accuracy", "direction": "maximize", "value": pytest.approx(0.706)}
    ]
    assert found["metrics"]["latency_ms"] == 64
    assert found["feasible"] is True
    assert found["evaluations"] == 48
    assert found["failures"] == 3
    assert study.records[found["evaluation"] - 1] is study.best


def test_front(own_study) -> None:
    study = own_study(objectives=["accuracy", "latency_ms"])
    front = describe_front(study)
    assert [f["arch"] for f in front] == [r.string for r in study.front]
    for value, other in pairwise(front):
        assert value["metrics"]["accuracy"] >= other["metrics"]["accuracy"]
        assert value["metrics"]["latency_ms"] >= other["metrics"]["latency_ms"]


def test_nothing_evaluated(own_study) -> None:
    study = own_study(budget=0)
    with pytest.raises(EvaluationError, match="none of 0"):
        describe_best(study)
    assert describe_front(study) == []


def test_order_begins_with_the_best(own_study, table_study: Study) -> None:
    for study in (table_study, own_study(), own_study(objectives=["latency_ms", "accuracy"])):
        results = study.results
        assert study.records[results.order[0]] is study.best
        assert len(results.order) == results.ok.sum()
