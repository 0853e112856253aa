"""A study in several processes: the same as in one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from archrank.errors import EvaluationError
from archrank.parallel import process_pool
from archrank.strategies import RegularizedEvolution, Strategy
from archrank.study import engine
from tests.study.helpers import (
    BUDGET,
    Dying,
    FirstWaits,
    guided,
    make,
    score,
    told,
)

# evaluators here are replaced by others when a run goes on, which is told
pytestmark = pytest.mark.filterwarnings("ignore::archrank.errors.ChangedRunWarning")


def test_workers_change_nothing(pool: Executor, uninterrupted: list[tuple[Any, ...]]) -> None:
    assert told(make(executor=pool).run(BUDGET)) == uninterrupted


def test_workers_go_on_where_one_stopped(
    pool: Executor, tmp_path: Path, uninterrupted: list[tuple[Any, ...]]
) -> None:
    path = tmp_path / "study.db"
    make(path=path).run(6)
    assert told(make(path=path, executor=pool).run(BUDGET)) == uninterrupted


@pytest.mark.parametrize("strategy", [guided(), RegularizedEvolution(4, 2, 2)])
def test_results_are_folded_in_proposal_order(strategy: Strategy, tmp_path: Path) -> None:
    expected = told(make(strategy=strategy).run(BUDGET))
    slow = bytes(expected[0][2])
    path = tmp_path / "study.db"
    with ThreadPoolExecutor(2) as threads:
        evaluator = FirstWaits(score, slow)
        study = make(evaluator, strategy, path=path, executor=threads)
        study.run(BUDGET, watcher=evaluator)
    assert told(study) == expected
    assert study.records[0].elapsed > study.records[1].elapsed  # it was the later one
    assert told(make(strategy=strategy, path=path)) == expected


@pytest.mark.parametrize("in_flight", [1, 2, 256])
def test_a_bound_on_evaluations_in_flight(
    in_flight: int, monkeypatch: pytest.MonkeyPatch, uninterrupted: list[tuple[Any, ...]]
) -> None:
    monkeypatch.setattr(engine, "IN_FLIGHT", in_flight)
    with ThreadPoolExecutor(3) as threads:
        assert told(make(executor=threads).run(BUDGET)) == uninterrupted


def test_a_dead_worker(tmp_path: Path, uninterrupted: list[tuple[Any, ...]]) -> None:
    path = tmp_path / "study.db"
    executor = process_pool(2)
    assert executor is not None
    deadly = uninterrupted[6][2]  # the last of the second round
    with executor:
        study = make(Dying(score, deadly), path=path, executor=executor)
        with pytest.raises(EvaluationError, match=r"a worker process died.*are kept"):
            study.run(BUDGET)
    stored = make(path=path)
    kept = told(stored)
    assert 4 <= len(kept) <= 6
    assert kept[:4] == uninterrupted[:4]
    assert set(map(repr, kept)) <= set(map(repr, uninterrupted))
    assert told(stored.run(BUDGET)) == uninterrupted


class Broken(Executor):
    """The first submitted evaluation dies, but the second has finished by then."""

    def __init__(self) -> None:
        self.first = True

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        from concurrent.futures import Future
        from concurrent.futures.process import BrokenProcessPool

        future: Future[Any] = Future()
        if self.first:
            self.first = False
            future.set_exception(BrokenProcessPool("died"))
        else:
            future.set_result(fn(*args, **kwargs))
        return future


def test_what_finished_beside_a_dead_worker_is_kept() -> None:
    study = make(executor=Broken())
    with pytest.raises(EvaluationError, match="a worker process died"):
        study.run(BUDGET)
    assert [r.slot for r in study.records] == [1, 2, 3]
