"""Limits in stages: what fails one on the way is recorded and never evaluated further."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archrank.errors import BudgetWarning, EvaluationError, InfeasibleError
from archrank.evaluators import Combined, Evaluator, Function, Metric
from archrank.parallel import Processes
from archrank.spaces import CustomSpace
from archrank.strategies import Exhaustive, Guided, Random, RegularizedEvolution, Strategy
from archrank.study import Study
from archrank.study.objectives import Goals
from archrank.study.stages import early_limits, ordered, staged
from tests.strategies.helpers import Weights, build
from tests.study.helpers import told

WIDTHS, DEPTHS = [8, 16, 32, 64], [1, 2, 3, 4, 5, 6]
TRAINED: list[tuple[int, int]] = []


def space() -> CustomSpace:
    return CustomSpace({"width": WIDTHS, "depth": DEPTHS}, build, "boxes")


def guided() -> Guided:
    return Guided(Weights(space()), initial=4, batch_size=3)


def accuracy(config: dict[str, Any]) -> float:
    TRAINED.append((config["width"], config["depth"]))
    return float(config["width"] * config["depth"])


def latency(config: dict[str, Any]) -> float:
    return config["width"] * config["depth"] / 10


def energy(config: dict[str, Any]) -> float:
    if config["depth"] == 6:
        raise RuntimeError("no such depth here")
    return float(config["depth"])


def both() -> Combined:
    return Combined(Function(accuracy, ["accuracy"]), Function(latency, ["latency_ms"]))


def study_of(evaluator: Evaluator | None = None, *args: Any, **kwargs: Any) -> Study:
    kwargs.setdefault("constraints", ["latency_ms<=6.4"])
    return Study(space(), evaluator or both(), *(args or (Random(4),)), **kwargs)


def goals(evaluator: Evaluator, *constraints: str, objective: str = "accuracy") -> Goals:
    return Goals.parse([objective], constraints, evaluator.metrics)


class Early(Function):
    stage = 1


def test_cheap_parts_come_first_then_stages_then_what_no_objective_needs() -> None:
    parts = [
        Function(accuracy, ["accuracy"]),
        Function(latency, ["latency_ms"]),
        Early(energy, ["energy_mj"]),
        Function(latency, ["size_mb"], cheap=True),
    ]
    evaluator = Combined(*parts)
    names = [p.metrics[0].name for p in ordered(evaluator, goals(evaluator))]
    assert names == ["size_mb", "energy_mj", "latency_ms", "accuracy"]
    names = [p.metrics[0].name for p in ordered(evaluator, goals(evaluator, objective="energy_mj"))]
    assert names == ["size_mb", "energy_mj", "accuracy", "latency_ms"]
    limits = goals(evaluator, "size_mb<=1", "energy_mj<=2", "accuracy>=3", "latency_ms<4")
    assert [c.metric for c in early_limits(evaluator, limits)] == ["energy_mj", "latency_ms"]


def test_nothing_is_staged_where_that_spares_nothing() -> None:
    one = Function(accuracy, ["accuracy"])
    assert staged(one, goals(one, "accuracy>=1")) is one
    evaluator = both()
    assert staged(evaluator, goals(evaluator)) is evaluator
    assert staged(evaluator, goals(evaluator, "accuracy>=1")) is evaluator


def test_values_and_reasons() -> None:
    evaluator = Combined(
        Function(accuracy, ["accuracy"]),
        Function(energy, ["energy_mj"]),
        Function(latency, ["latency_ms"]),
    ).bind(space())
    found = staged(evaluator, goals(evaluator, "latency_ms<=6.4", "energy_mj<=3"))
    archs = np.array([[3, 0], [3, 1], [0, 3], [0, 5]], dtype=np.uint8)
    TRAINED.clear()
    result = found.evaluate(archs)
    assert TRAINED == [(64, 1)]
    assert result["accuracy"].tolist() == pytest.approx([64, *[math.nan] * 3], nan_ok=True)
    assert result["energy_mj"].tolist() == pytest.approx([1, 2, 4, math.nan], nan_ok=True)
    assert result["latency_ms"].tolist() == pytest.approx([6.4, 12.8, *[math.nan] * 2], nan_ok=True)
    assert str(result.reasons[-1]).startswith("RuntimeError: no such depth here (test_stages.py, ")
    assert result.reasons[:-1] == [
        None,
        "latency_ms 12.8 breaks latency_ms<=6.4, so it was not evaluated further",
        "energy_mj 4 breaks energy_mj<=3, so it was not evaluated further",
    ]


@pytest.mark.parametrize(
    "strategy",
    [Random(4), guided(), RegularizedEvolution(4, 2, 3), Exhaustive()],
    ids=lambda s: type(s).__name__,
)
def test_the_budget_counts_what_is_trained(strategy: Strategy) -> None:
    TRAINED.clear()
    study = study_of(None, strategy).run(8)
    assert len(study.results.records) == len(TRAINED) == 8
    assert all(w * d <= 64 for w, d in TRAINED)
    assert study.results.feasible.all()
    rejected = study.results.rejected
    assert len(study.records) == 8 + len(rejected)
    assert all(r.values["latency_ms"] > 6.4 and math.isnan(r.values["accuracy"]) for r in rejected)
    assert len({r.string for r in study.records}) == len(study.records)
    assert len(study.history) == 8
    assert not study.history.allowed(np.stack([r.arch for r in rejected])).any() or not rejected


@pytest.mark.parametrize("strategy", [Random(4), guided()], ids=["random", "guided"])
def test_a_larger_budget_goes_on_as_if_it_had_been_there(
    strategy: Strategy, tmp_path: Path
) -> None:
    whole = study_of(None, strategy).run(9)
    for budget in (2, 3, 7, 9):
        parts = study_of(None, strategy, storage=tmp_path / "s.db").run(budget)
        assert len(parts.results.records) == budget
    assert told(parts) == told(whole)


def test_workers_evaluate_the_same(tmp_path: Path) -> None:
    with Processes(2) as executor:
        there = study_of(executor=executor).run(6)
    assert told(there) == told(study_of().run(6))


def test_all_that_keeps_the_limit_is_found() -> None:
    with pytest.warns(BudgetWarning, match=r"all 13 architectures of boxes that may keep latency"):
        study = study_of().run(24)
    assert len(study.results.records) == 13
    assert study.shortfall is not None
    assert study.shortfall.startswith("13 of 24 evaluations: all 13 architectures")


def test_a_limit_that_nothing_keeps_names_the_nearest() -> None:
    TRAINED.clear()
    study = study_of(constraints=["latency_ms<=0.5"])
    message = (
        r"none of 24 measured architectures keeps latency_ms<=0\.5; the nearest, "
        r"width=8,depth=1, has latency_ms 0\.8\. Loosen"
    )
    with pytest.raises(InfeasibleError, match=message):
        study.run(5)
    with pytest.raises(InfeasibleError, match=message):
        study.best  # noqa: B018
    assert TRAINED == []


def test_a_limit_that_is_out_of_reach_ends_a_run_in_a_large_space() -> None:
    large = CustomSpace({f"k{i}": [1, 2, 3, 4] for i in range(12)}, build, "large")

    def cost(config: dict[str, Any]) -> float:
        return float(sum(config.values()))

    evaluator = Combined(Function(accuracy, ["accuracy"]), Function(cost, ["cost_ms"]))
    study = Study(large, evaluator, Random(25), constraints=["cost_ms<=2"])
    with pytest.raises(InfeasibleError, match=r"none of 100 measured .* the nearest, .* has cost_"):
        study.run(5)
    assert len(study.records) == 100


def test_failures_before_the_last_stage_are_failures() -> None:
    evaluator = Combined(Function(accuracy, ["accuracy"]), Function(energy, ["energy_mj"]))
    study = study_of(evaluator, Exhaustive(), constraints=["energy_mj<=5"]).run(24)
    assert len(study.results.records) == 24 - 0
    failed = [r for r in study.results.records if r.reason]
    assert len(failed) == 4
    assert {str(r.reason).partition(" (")[0] for r in failed} == {
        "RuntimeError: no such depth here"
    }


def test_a_run_of_failures_and_rejections_is_hopeless() -> None:
    def broken(config: dict[str, Any]) -> float:
        raise RuntimeError("no such device")

    evaluator = Combined(Function(broken, ["accuracy"]), Function(latency, ["latency_ms"]))
    with pytest.raises(EvaluationError, match=r"all of the first [5-8] evaluations failed; .* dev"):
        study_of(evaluator).run(20)


class Careful(Function):
    """Its second measurement is the third slower than the first."""

    def careful(self) -> Evaluator:
        return Function(slower, ["latency_ms"]).bind(self.space)


def slower(config: dict[str, Any]) -> float:
    return latency(config) * (1.25 if config["width"] >= 32 else 1.0)


def test_the_best_is_measured_once_more_and_may_lose(tmp_path: Path) -> None:
    evaluator = Combined(Function(accuracy, ["accuracy"]), Careful(latency, ["latency_ms"]))
    study = study_of(evaluator, Exhaustive(), storage=tmp_path / "s.db")
    with pytest.warns(BudgetWarning):
        study.run(24)
    assert study.best.string == "width=16,depth=4"
    lost = "latency_ms 8 (first 6.4), which breaks latency_ms<=6.4 after all"
    assert sorted(study.confirmations[:-1]) == [
        f"measured once more: width=32,depth=2, {lost}",
        f"measured once more: width=64,depth=1, {lost}",
    ]
    assert study.confirmations[-1] == (
        "measured once more: width=16,depth=4, latency_ms 6.4 (first 6.4)"
    )
    values = {r.string: r.values for r in study.results.records}
    assert values["width=64,depth=1"] == {"accuracy": 64.0, "latency_ms": 8.0}
    first = next(r for r in study.records if r.string == "width=64,depth=1")
    assert first.values["latency_ms"] == 6.4
    assert study.history.violation.max() == 0  # strategies see the first numbers
    again = study_of(evaluator, Exhaustive(), storage=tmp_path / "s.db")
    assert again.best.string == "width=16,depth=4"


def test_what_no_goal_needs_is_not_measured_once_more() -> None:
    evaluator = Combined(Function(accuracy, ["accuracy"]), Careful(latency, ["latency_ms"]))
    study = study_of(evaluator, constraints=[]).run(4)
    assert study.confirmations == ()
    assert [m.name for m in evaluator.metrics] == ["accuracy", "latency_ms"]
    assert Metric("latency_ms").direction == "minimize"
