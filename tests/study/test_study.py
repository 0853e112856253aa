"""What a study is made of: metrics, constraints, watchers, storage."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archrank.errors import (
    ArchrankError,
    BudgetError,
    BudgetWarning,
    EvaluationError,
    ObjectiveError,
    StorageError,
    UnknownNameError,
)
from archrank.evaluators import Combined, Cost, Function
from archrank.spaces import NASBench201
from archrank.strategies import Random, RegularizedEvolution
from archrank.study import Study
from tests.strategies.helpers import huge
from tests.study.helpers import (
    COSTS,
    Stopping,
    make,
    refuse,
    score,
    score_and_cost,
    small_space,
)


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


def test_constraints_that_cost_nothing_keep_candidates_out() -> None:
    calls: list[int] = []

    def measured(config: dict[str, Any]) -> float:
        calls.append(config["width"])
        return score(config)

    def width(config: dict[str, Any]) -> float:
        return float(config["width"])

    both = Combined(Function(measured), Function(width, [COSTS[1]], cheap=True))
    study = make(both, constraints=["ms<=16", "score<=60"])  # type: ignore[arg-type]
    with pytest.warns(BudgetWarning, match="all 16 architectures of custom that keep ms<=16 are"):
        study.run(20)
    assert study.shortfall is not None
    assert study.shortfall.startswith("16 of 20 evaluations: ")
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


def test_a_space_too_large_to_count() -> None:
    def total(config: dict[str, Any]) -> float:
        return float(sum(config.values()))

    study = Study(huge(), Function(total), Random(10), seed=0).run(30)
    assert len(study.records) == 30
    study = Study(huge(), Function(total), RegularizedEvolution(5, 3, 5), seed=0).run(40)
    assert study.best.values["score"] > np.mean([r.values["score"] for r in study.records[:5]])


class Listener:
    def __init__(self) -> None:
        self.heard: list[Any] = []

    def started(self, study: Study, budget: int | None, minutes: float | None) -> None:
        self.heard.append(("started", len(study.records), budget, minutes))

    def works_on(self, study: Study, archs: Sequence[str]) -> None:
        self.heard.append(list(archs))

    def finished_one(self, study: Study, record: Any) -> None:
        assert study.records[-1] is record
        self.heard.append(len(study.records))

    def ended(self, study: Study) -> None:
        self.heard.append("ended")


def test_results_are_made_once_per_record() -> None:
    study = make().run(3)
    before = study.results
    assert study.results is before
    study.run(5)
    assert len(study.results.records) == 5
    assert len(before.records) == 3


def test_watchers_are_told() -> None:
    listener = Listener()
    study = make(Stopping(score, 5)).run(2)
    with pytest.raises(KeyboardInterrupt):
        study.run(8, minutes=10, watcher=listener)
    told = [h for h in listener.heard if not isinstance(h, list)]
    assert told == [("started", 2, 8, 10), 3, 4, 5, "ended"]
    rounds = [h for h in listener.heard if isinstance(h, list)]
    assert rounds[0] == []  # while the strategy proposes
    assert set(rounds[1]) & {r.string for r in study.records[2:]}


def test_the_evaluator_is_bound_to_the_space() -> None:
    evaluator = Function(score)
    space = small_space()
    study = make(evaluator, space=space)
    assert study.space is space
    with pytest.raises(EvaluationError, match="does not know its space"):
        evaluator.space  # noqa: B018


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
