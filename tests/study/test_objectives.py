from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archrank.errors import ObjectiveError, UnknownNameError
from archrank.evaluators import Metric
from archrank.study.objectives import Constraint, Goals, Objective

METRICS = [Metric("accuracy"), Metric("latency_ms", "minimize", "ms"), Metric("macs", "minimize")]


@pytest.mark.parametrize(
    ("text", "metric", "direction", "sign"),
    [
        ("accuracy", "accuracy", "maximize", 1.0),
        ("latency_ms", "latency_ms", "minimize", -1.0),
        ("accuracy:minimize", "accuracy", "minimize", -1.0),
        ("latency_ms:maximize", "latency_ms", "maximize", 1.0),
    ],
)
def test_objectives(text: str, metric: str, direction: str, sign: float) -> None:
    objective = Objective.parse(text, METRICS)
    assert (objective.metric, objective.direction, objective.sign) == (metric, direction, sign)
    assert Objective.parse(str(objective), METRICS) == objective


def test_unreadable_objectives() -> None:
    with pytest.raises(
        UnknownNameError, match=r"unknown metric 'acuracy', did you mean 'accuracy'"
    ):
        Objective.parse("acuracy", METRICS)
    with pytest.raises(ObjectiveError, match="'macs:down': the direction is maximize or minimize"):
        Objective.parse("macs:down", METRICS)


@pytest.mark.parametrize(
    ("text", "metric", "relation", "bound"),
    [
        ("macs<=1e8", "macs", "<=", 1e8),
        (" latency_ms < 8 ", "latency_ms", "<", 8.0),
        ("accuracy>=.5", "accuracy", ">=", 0.5),
        ("accuracy > -1.5E-2", "accuracy", ">", -0.015),
        ("macs<=1000000.4", "macs", "<=", 1000000.4),
        ("macs<0.1", "macs", "<", 0.1),
        ("macs<=+3.", "macs", "<=", 3.0),
    ],
)
def test_constraints(text: str, metric: str, relation: str, bound: float) -> None:
    constraint = Constraint.parse(text, METRICS)
    assert (constraint.metric, constraint.relation, constraint.bound) == (metric, relation, bound)
    assert Constraint.parse(str(constraint), METRICS) == constraint


SCOPED = [Metric("cpu/ms", "minimize"), Metric("cuda/ms", "minimize"), Metric("cpu/acc")]


def test_a_scope_may_be_left_out_where_that_is_unambiguous() -> None:
    assert Objective.parse("acc", SCOPED) == Objective("cpu/acc", "maximize")
    assert Objective.parse("cuda/ms:maximize", SCOPED) == Objective("cuda/ms", "maximize")
    assert Constraint.parse("acc>=1", SCOPED) == Constraint("cpu/acc", ">=", 1.0)
    assert Constraint.parse("cpu/ms<8", SCOPED) == Constraint("cpu/ms", "<", 8.0)
    for parse, text in ((Objective.parse, "ms"), (Constraint.parse, "ms<=8")):
        with pytest.raises(ObjectiveError, match="'ms' is measured more than once: name cpu/ms or"):
            parse(text, SCOPED)
        with pytest.raises(UnknownNameError, match=r"'tpu/ms', did you mean 'cpu/ms'"):
            parse("tpu/" + text, SCOPED)
    unscoped = [Metric("ms"), *SCOPED]
    assert Objective.parse("ms", unscoped) == Objective("ms", "minimize")  # the exact name


def test_constraints_on_names_with_other_characters() -> None:
    metrics = [Metric("top-1 acc (%)"), Metric("5/s")]
    assert Constraint.parse("top-1 acc (%) >= 90", metrics).metric == "top-1 acc (%)"
    assert Constraint.parse("5/s>=90", metrics).metric == "5/s"


@pytest.mark.parametrize(
    "text", ["", "macs", "macs<=", "<=3", "macs=3", "macs<=8ms", "macs<=x", "1<macs<2", "macs<=nan"]
)
def test_unreadable_constraints(text: str) -> None:
    with pytest.raises(ObjectiveError, match="cannot read constraint") as caught:
        Constraint.parse(text, METRICS)
    assert repr(text) in str(caught.value)
    assert "macs<=1e8" in str(caught.value)


def test_numbers_that_are_none() -> None:
    with pytest.raises(ObjectiveError, match=r"'macs<=1\.2\.3': '1\.2\.3' is not a number"):
        Constraint.parse("macs<=1.2.3", METRICS)
    with pytest.raises(ObjectiveError, match="'macs>=1e999': 1e999 is too large"):
        Constraint.parse("macs>=1e999", METRICS)


def test_constraint_on_an_unknown_metric() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'latency_ms'") as caught:
        Constraint.parse("latency<=8", METRICS)
    assert "used in constraint 'latency<=8'" in str(caught.value)


def test_violation_is_relative_to_the_bound() -> None:
    values = np.array([4.0, 8.0, 10.0, np.nan])
    upper = Constraint("latency_ms", "<=", 8.0).violation(values)
    assert upper[:3].tolist() == [0.0, 0.0, 0.25]
    assert np.isnan(upper[3])
    assert Constraint("accuracy", ">=", 8.0).violation(values)[:3].tolist() == [0.5, 0.0, 0.0]
    assert Constraint("accuracy", ">=", -8.0).violation(np.array([-10.0])).tolist() == [0.25]


def test_violation_of_a_bound_of_zero_is_absolute() -> None:
    assert Constraint("macs", "<=", 0.0).violation(np.array([-1.0, 2.0])).tolist() == [0.0, 2.0]


sensible = st.floats(-1e9, 1e9).filter(lambda x: x == 0 or abs(x) > 1e-12)


@given(sensible, sensible)
def test_violation_is_zero_exactly_where_the_bound_is_kept(value: float, bound: float) -> None:
    values = np.array([value])
    assert (Constraint("m", "<=", bound).violation(values)[0] == 0) == (value <= bound)
    assert (Constraint("m", ">=", bound).violation(values)[0] == 0) == (value >= bound)
    assert (Constraint("m", "<", bound).violation(values)[0] == 0) == (value < bound)
    assert (Constraint("m", ">", bound).violation(values)[0] == 0) == (value > bound)


@pytest.mark.parametrize("bound", [16.0, 0.0, -3.0, 0.1])
def test_a_strict_bound_is_violated_by_itself(bound: float) -> None:
    values = np.array([bound, np.nextafter(bound, np.inf), bound + 1, np.nan])
    below = Constraint("m", "<", bound).violation(values)
    assert (below[:3] > 0).all()  # as Optuna reads it: more than 0 is a violation
    assert (np.diff(below[:3]) >= 0).all()
    assert np.isnan(below[3])
    above = Constraint("m", ">", bound).violation(values)
    assert above[0] > 0
    assert above[1:3].tolist() == [0.0, 0.0]


def test_text_of_a_constraint_tells_all_digits() -> None:
    """Two bounds that differ must not look the same, nor resume each other's runs."""
    texts = ["params<=1000000.4", "params<=1000003", "params<=1e+06", "params<2"]
    assert [str(Constraint.parse(t, [Metric("params", "minimize")])) for t in texts] == [
        "params<=1000000.4",
        "params<=1000003",
        "params<=1e+06",
        "params<2",
    ]


GOALS = Goals(
    (Objective("latency_ms", "minimize"), Objective("accuracy")),
    (Constraint("latency_ms", "<=", 8.0), Constraint("accuracy", ">=", 0.6)),
)


def test_matrix_and_violation() -> None:
    values = {"accuracy": np.array([0.5, 0.9]), "latency_ms": np.array([4.0, 16.0])}
    assert GOALS.matrix(values).tolist() == [[-4.0, 0.5], [-16.0, 0.9]]
    assert GOALS.violation(values, 2) == pytest.approx([0.1 / 0.6, 1.0])
    assert Goals(GOALS.objectives).violation(values, 2).tolist() == [0.0, 0.0]


def test_goals_are_read_from_text() -> None:
    assert Goals.parse([], [], METRICS) == Goals((Objective("accuracy"),))
    read = Goals.parse(["latency_ms", "accuracy"], ["latency_ms<=8", "accuracy>=0.6"], METRICS)
    assert read == GOALS
    with pytest.raises(ObjectiveError, match="named twice: accuracy, accuracy:minimize"):
        Goals.parse(["accuracy", "accuracy:minimize"], [], METRICS)


def test_missing_metrics() -> None:
    assert GOALS.metrics == ("latency_ms", "accuracy")
    assert GOALS.missing({"latency_ms": 1.0, "accuracy": 0.5, "macs": np.nan}) == []
    assert GOALS.missing({"latency_ms": np.inf, "macs": 1.0}) == ["latency_ms", "accuracy"]


def test_one_objective_and_one_constraint_as_plain_text() -> None:
    metrics = (Metric("accuracy"), Metric("macs", "minimize"))
    alone = Goals.parse("accuracy", "macs<=10", metrics)
    assert alone == Goals.parse(["accuracy"], ["macs<=10"], metrics)
