"""The numbers beside the page."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from archrank.errors import EvaluationError
from archrank.metrics import Metric
from archrank.report import describe_best, describe_front
from archrank.report.formatting import duration, format_value, is_count
from archrank.report.summary import Results
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
        results = Results(study)
        assert study.records[results.order[0]] is study.best
        assert len(results.order) == results.ok.sum()


@pytest.mark.parametrize(
    ("metric", "value", "text"),
    [
        (Metric("accuracy", unit="fraction"), 0.91606, "91.61 %"),
        (Metric("accuracy", unit="percent"), 91.606, "91.61 %"),
        (Metric("macs"), 220_119_680, "220.1 M"),
        (Metric("params"), 950, "950"),
        (Metric("c10_flops_m"), 220.11968, "220.1"),
        (Metric("latency_ms", unit="ms"), 8.12345, "8.123 ms"),
        (Metric("score"), -123_456.7, "-123,457"),
        (Metric("score"), 0.000012345, "1.234e-05"),
        (Metric("score"), float("nan"), "–"),
    ],
)
def test_values(metric: Metric, value: float, text: str) -> None:
    assert format_value(metric, value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.00001, "< 0.1 ms"), (0.0123, "12.3 ms"), (0.1, "0.1 s"), (59.97, "1 min 00 s"),
        (61, "1 min 01 s"), (3600, "1 h 00 min"), (7_322, "2 h 02 min"), (float("nan"), "–"),
    ],
)  # fmt: skip
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_counts() -> None:
    assert is_count("macs")
    assert is_count("c10_params")
    assert not is_count("c10_params_m")
