"""A study in several processes: the same as in one."""

from __future__ import annotations

import math
import signal
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from archrank.errors import EvaluationError
from archrank.evaluators import Evaluations, Function
from archrank.parallel import Processes
from archrank.strategies import Random, RegularizedEvolution, Strategy
from archrank.study import evaluating
from archrank.types import Archs
from tests.study.deadly import DyingGroups
from tests.study.helpers import (
    BUDGET,
    Deaths,
    Dying,
    FirstWaits,
    guided,
    make,
    score,
    small_space,
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
    monkeypatch.setattr(evaluating, "IN_FLIGHT", in_flight)
    with ThreadPoolExecutor(3) as threads:
        assert told(make(executor=threads).run(BUDGET)) == uninterrupted


DEATHS = {6: signal.SIGSEGV, 7: 3, 9: signal.SIGKILL}
REASONS = {
    6: "the worker process crashed (SIGSEGV, Segmentation fault)",
    7: "the worker process ended itself with exit status 3",
    9: "the worker process was killed (SIGKILL)",
}


def deaths_of(records: list[tuple[Any, ...]]) -> Deaths:
    """Make some of the last architectures of a run deadly."""
    return {tuple(records[place][2]): how for place, how in DEATHS.items()}


@pytest.fixture(scope="module")
def random_run() -> list[tuple[Any, ...]]:
    """A run whose proposals do not depend on its results."""
    return told(make(strategy=Random(batch_size=BUDGET)).run(BUDGET))


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_deadly_architectures_fail_alone(workers: int, random_run: list[tuple[Any, ...]]) -> None:
    with Processes(workers) as executor:
        evaluator = Dying(score, deaths_of(random_run))
        study = make(evaluator, Random(batch_size=BUDGET), executor=executor).run(BUDGET)
    for place, (found, expected) in enumerate(zip(told(study), random_run, strict=True)):
        if place in DEATHS:
            assert found[:4] == expected[:4]
            assert found[-1] == REASONS[place]
            assert math.isnan(study.records[place].values["score"])
        else:
            assert found == expected
    assert study.best.reason is None


@pytest.mark.parametrize("strategy", [guided(), RegularizedEvolution(4, 2, 2)])
def test_deaths_change_the_same_however_many_workers(strategy: Strategy, tmp_path: Path) -> None:
    deaths = deaths_of(told(make(strategy=strategy).run(BUDGET)))
    found = []
    for workers in (1, 2, 4):
        with Processes(workers) as executor:
            study = make(Dying(score, deaths), strategy, executor=executor)
            found.append(told(study.run(BUDGET)))
    assert found[0] == found[1] == found[2]
    assert REASONS[6] in [row[-1] for row in found[0]]
    path = tmp_path / "study.db"  # stopped within the round that holds a death, then gone on
    with Processes(2) as executor:
        make(Dying(score, deaths), strategy, path=path, executor=executor).run(6)
        make(Dying(score, deaths), strategy, path=path, executor=executor).run(8)
        study = make(Dying(score, deaths), strategy, path=path, executor=executor).run(BUDGET)
    assert told(study) == found[0]


def test_one_death_is_forgiven(tmp_path: Path, random_run: list[tuple[Any, ...]]) -> None:
    evaluator = Dying(score, deaths_of(random_run), once=tmp_path)
    with Processes(2) as executor:
        study = make(evaluator, Random(batch_size=BUDGET), executor=executor).run(BUDGET)
    assert told(study) == random_run
    assert len(list(tmp_path.iterdir())) == len(DEATHS)


class OneShort(Function):
    """Has too little memory for one architecture while another process evaluates it, once."""

    def __init__(self, fn: Callable[..., Any], short: list[int], once: Path) -> None:
        super().__init__(fn)
        self.short, self.once = short, once

    def evaluate(self, archs: Archs) -> Evaluations:
        if archs[0].tolist() == self.short and not self.once.exists():
            self.once.touch()
            raise MemoryError("cannot allocate 8 GB")
        return super().evaluate(archs)


def test_memory_that_others_used_up_is_forgiven(
    pool: Executor, tmp_path: Path, random_run: list[tuple[Any, ...]]
) -> None:
    evaluator = OneShort(score, random_run[5][2], tmp_path / "once")
    study = make(evaluator, Random(batch_size=BUDGET), executor=pool).run(BUDGET)
    assert told(study) == random_run
    assert (tmp_path / "once").exists()


def test_a_group_with_a_deadly_member_is_evaluated_one_by_one(
    random_run: list[tuple[Any, ...]],
) -> None:
    with Processes(2) as executor:
        evaluator = DyingGroups(score, deaths_of(random_run))
        study = make(evaluator, Random(batch_size=BUDGET), executor=executor).run(BUDGET)
    failed = {place: row[-1] for place, row in enumerate(told(study)) if row[-1]}
    assert failed == REASONS
    assert [r[4] for i, r in enumerate(told(study)) if i not in DEATHS] == [
        r[4] for i, r in enumerate(random_run) if i not in DEATHS
    ]


def test_a_run_of_which_every_evaluation_dies_gives_up() -> None:
    everyone: Deaths = {tuple(row): 5 for row in small_space().enumerate().tolist()}
    with Processes(2) as executor:
        study = make(Dying(score, everyone), Random(batch_size=6), executor=executor)
        with pytest.raises(EvaluationError, match=r"all of the first 6.*exit status 5"):
            study.run(BUDGET)


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


def test_what_finished_in_an_executor_that_broke_is_kept() -> None:
    study = make(executor=Broken())
    with pytest.raises(EvaluationError, match=r"Broken broke: died; finished .* are kept"):
        study.run(BUDGET)
    assert [r.slot for r in study.records] == [1, 2, 3]
