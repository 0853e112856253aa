"""Rounds that begin before the ones before them are complete."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archrank.errors import ArgumentError, EvaluationError, ResumeError
from archrank.evaluators import Combined, Evaluations, Function
from archrank.spaces import CustomSpace
from archrank.strategies import Guided, Random, RegularizedEvolution, Strategy
from archrank.strategies.history import History
from archrank.study import Study
from archrank.types import Archs
from tests.strategies.helpers import Weights, build
from tests.study.helpers import BUDGET, Stopping, guided, make, never, score, small_space, told

# evaluators here are replaced by others when a run goes on, which is told
pytestmark = pytest.mark.filterwarnings("ignore::archrank.errors.ChangedRunWarning")

STRATEGIES = [guided(), RegularizedEvolution(4, 2, 2), Random(batch_size=2)]


class Uneven(Function):
    """Takes times that have nothing to do with the order."""

    def __init__(self, fn: Any, seed: int) -> None:
        super().__init__(fn)
        self.rng = np.random.default_rng(seed)

    def evaluate(self, archs: Archs) -> Evaluations:
        time.sleep(float(self.rng.choice([0.0, 0.02])))
        return super().evaluate(archs)


class Together(Function):
    """No evaluation ends before ``n`` have begun, or all that are left have."""

    def __init__(self, fn: Any, n: int) -> None:
        super().__init__(fn)
        self.barrier = threading.Barrier(n)

    def evaluate(self, archs: Archs) -> Evaluations:
        self.barrier.wait(timeout=60)
        return super().evaluate(archs)


@pytest.mark.parametrize("strategy", STRATEGIES, ids=type)
@pytest.mark.parametrize("ahead", [1, 3])
def test_the_same_whoever_is_faster(strategy: Strategy, ahead: int) -> None:
    alone = told(make(strategy=strategy, ahead=ahead).run(BUDGET))
    for seed in range(3):
        with ThreadPoolExecutor(3) as threads:
            study = make(Uneven(score, seed), strategy, ahead=ahead, executor=threads)
            assert told(study.run(BUDGET)) == alone


@pytest.mark.parametrize("ahead", [0, 1, 2])
def test_proposals_know_no_results_of_the_rounds_before(ahead: int) -> None:
    """Follows the rule by hand: values of all but the last rounds, and of these the rows."""
    study = make(ahead=ahead).run(BUDGET)
    space, strategy = small_space(), guided()
    records = study.records
    for number in range(1, records[-1].round + 1):
        before = [r for r in records if r.round < number]
        seen = np.array([r.round < number - ahead for r in before])
        values = np.where(seen, [r.values["score"] for r in before], np.nan)
        history = History(
            space,
            np.array([r.arch for r in before]),
            values[:, None],
            np.where(seen, 0.0, np.nan),
            study._engine.limits.region,
        )
        rng = np.random.default_rng(np.random.SeedSequence([0, number]))
        expected = strategy.propose(history, strategy.batch(history), rng=rng)
        found = [r.arch.tolist() for r in records if r.round == number]
        assert found == expected[: len(found)].tolist()


def test_workers_do_not_wait_for_the_slowest() -> None:
    """Rounds of 2 with 6 workers: nothing would ever end if a round waited for the one before."""
    with ThreadPoolExecutor(6) as threads:
        study = make(Together(score, 6), Random(batch_size=2), ahead=2, executor=threads)
        assert len(study.run(BUDGET).records) == BUDGET


@pytest.mark.parametrize("stop", range(1, BUDGET))
def test_a_run_goes_on_wherever_it_was_stopped(stop: int, tmp_path: Path) -> None:
    whole = told(make(ahead=2).run(BUDGET))
    path = tmp_path / "study.db"
    with ThreadPoolExecutor(2) as threads, pytest.raises(KeyboardInterrupt):
        make(Stopping(score, stop), path=path, ahead=2, executor=threads).run(BUDGET)
    assert len(make(path=path, ahead=2).records) >= stop - 1
    assert told(make(path=path, ahead=2).run(BUDGET)) == whole


def test_a_budget_that_ends_within_a_round_is_extended(tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    whole = told(make(ahead=1).run(BUDGET))
    with ThreadPoolExecutor(3) as threads:
        for budget in (2, 5, 6, BUDGET):
            study = make(Uneven(score, budget), path=path, ahead=1, executor=threads)
            assert told(study.run(budget)) == [*whole[:budget]]


def boxes() -> CustomSpace:
    return CustomSpace({"width": [8, 16, 32, 64], "depth": [1, 2, 3, 4, 5, 6]}, build, "boxes")


def slow_ones(config: dict[str, Any]) -> float:
    return config["width"] * config["depth"] / 10


def with_limit(**settings: Any) -> Study:
    """Return a study in which most architectures break a limit before they are trained."""
    accuracy = Uneven(lambda config: float(config["width"] * config["depth"]), 0)
    accuracy.metrics = Function(slow_ones, ["accuracy"]).metrics
    evaluator = Combined(accuracy, Function(slow_ones, ["latency_ms"]))
    strategy = Guided(Weights(boxes()), initial=4, batch_size=2)
    return Study(boxes(), evaluator, strategy, constraints="latency_ms<=6.4", ahead=2, **settings)


def test_what_breaks_a_limit_is_made_up_for_in_the_same_order() -> None:
    alone = with_limit().run(9)
    kept = [r for r in alone.records if not alone.goals.rejects(r.values)]
    assert len(kept) == 9
    assert len(alone.records) > 9
    for _ in range(3):
        with ThreadPoolExecutor(4) as threads:
            assert told(with_limit(executor=threads).run(9)) == told(alone)


def test_a_space_that_ends() -> None:
    with ThreadPoolExecutor(3) as threads:
        study = make(ahead=4, executor=threads)
        size = study.evaluator.capacity
        study.run(size)
    assert len({bytes(r.arch) for r in study.records}) == size
    assert told(study) == told(make(ahead=4).run(size))


def test_a_run_in_which_all_fail_ends() -> None:
    failed = pytest.raises(EvaluationError, match=r"evaluations failed.*no such device")
    with ThreadPoolExecutor(3) as threads, failed:
        make(Function(never), ahead=3, executor=threads).run(BUDGET)


def test_a_strategy_that_fails_loses_no_evaluation(tmp_path: Path) -> None:
    class Failing(Random):
        def propose(self, history: History, n: int, *, rng: np.random.Generator) -> Archs:
            if len(history) >= 4:
                raise ZeroDivisionError("a fault of the strategy")
            return super().propose(history, n, rng=rng)

    path = tmp_path / "study.db"
    with ThreadPoolExecutor(6) as threads:
        study = make(Uneven(score, 0), Failing(2), path=path, ahead=3, executor=threads)
        with pytest.raises(ZeroDivisionError):
            study.run(BUDGET)
    assert len(make(strategy=Failing(2), path=path, ahead=3).records) == 4


def test_running_ahead_is_part_of_a_run(tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    make(path=path).run(3)
    with pytest.raises(ResumeError, match="ahead"):
        make(path=path, ahead=1).run(5)
    make(path=path).run(5)


@pytest.mark.parametrize("ahead", [-1, 1.5, "1", 1001])
def test_a_number_that_is_none(ahead: Any) -> None:
    with pytest.raises(ArgumentError, match="Study: ahead"):
        make(ahead=ahead)


@pytest.mark.parametrize("stop", range(2, BUDGET))
def test_the_rest_of_begun_rounds_can_be_asked_for(stop: int, tmp_path: Path) -> None:
    """A killed run with several open rounds is finished by hand, with the same architectures."""
    whole = told(make(ahead=2).run(BUDGET))
    path = tmp_path / "study.db"
    with ThreadPoolExecutor(4) as threads, pytest.raises(KeyboardInterrupt):
        make(Stopping(score, stop), path=path, ahead=2, executor=threads).run(BUDGET)
    study = make(path=path, ahead=2)
    last = max(record.round for record in study.records)
    incomplete = [r for r in {w[0][0] for w in whole} if r <= last]
    rest = {w[0]: w[3] for w in whole if w[0][0] in incomplete} if last < whole[-1][0][0] else {}
    missing = {k: s for k, s in rest.items() if k not in {r.key for r in study.records}}
    if not missing:
        return
    asked = study.ask()
    assert {each.key: each.string for each in asked} == missing
    study.tell([each.arch for each in asked], [score(each.config) for each in asked])
    assert told(study.run(BUDGET)) == whole


class Interrupted(Function):
    """Ctrl-C arrives in some architectures, once ``n`` others are stored; watches the run."""

    def __init__(self, fn: Any, where: set[bytes], n: int) -> None:
        super().__init__(fn)
        self.where = where
        self.left = n
        self.stored = threading.Event()

    def evaluate(self, archs: Archs) -> Evaluations:
        if archs.tobytes() in self.where:
            assert self.stored.wait(timeout=60)
            raise KeyboardInterrupt
        return super().evaluate(archs)

    def finished_one(self, *args: Any) -> None:
        self.left -= 1
        if self.left == 0:
            self.stored.set()


def test_a_replaced_evaluation_closes_all_begun_rounds(tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    strategy = Random(batch_size=2)
    seconds = {bytes(r.arch) for r in make(strategy=strategy).run(6).records if r.slot == 1}
    evaluator = Interrupted(score, seconds, 3)
    with ThreadPoolExecutor(6) as threads:
        study = make(evaluator, strategy, path=path, ahead=2, executor=threads)
        with pytest.raises(KeyboardInterrupt):
            study.run(BUDGET, callbacks=[evaluator])
    study = make(strategy=strategy, path=path, ahead=2)
    assert [r.key for r in study.records] == [(0, 0), (1, 0), (2, 0)]
    study.tell(study.records[0].arch, 0.5, replace=True)
    again = make(strategy=strategy, path=path, ahead=2).run(BUDGET)
    assert [r.key for r in again.records[3:]] == [(r, s) for r in range(3, 9) for s in (0, 1)][:9]
    assert again.records[0].values["score"] == 0.5
