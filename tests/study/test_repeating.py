"""Repeated trainings of a run's best, and what it recommends."""

from __future__ import annotations

import math
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archrank.errors import BudgetError, SettingsError
from archrank.evaluators import Combined, Cost, Function, Table
from archrank.spaces import CustomSpace, NASBench201
from archrank.strategies import Random
from archrank.study import Study
from archrank.study.recommending import FEWEST
from archrank.study.storage import TrialStore
from archrank.types import Archs
from tests.study.helpers import FirstWaits

DEPTHS, WIDTHS = range(10), range(10)
LUCKY = {"depth": 2, "width": 9}


def nothing(config: dict[str, Any], task: Any) -> Any:
    raise AssertionError("no network is built here")


def space() -> CustomSpace:
    return CustomSpace({"depth": list(DEPTHS), "width": list(WIDTHS)}, build=nothing)


def worth(config: dict[str, Any]) -> float:
    return float(config["depth"] + config["width"])


def noisy(config: dict[str, Any], seed: int) -> float:
    return worth(config) + float(np.random.default_rng(seed).normal(0, 2))


def once_lucky(config: dict[str, Any], seed: int) -> float:
    """The first training of one bad architecture is far better than all else."""
    if config == LUCKY and not seen(config):
        return 30.0
    return worth(config) + 0.3 * float(np.random.default_rng(seed).normal())


CALLS: list[dict[str, Any]] = []


def seen(config: dict[str, Any]) -> bool:
    CALLS.append(config)
    return CALLS.count(config) > 1


def fails_again(config: dict[str, Any], seed: int) -> float:
    """What has the highest score diverges whenever it is trained again."""
    if seen(config) and config == {"depth": 9, "width": 9}:
        raise RuntimeError("diverged")
    return worth(config) + 0.3 * float(np.random.default_rng(seed).normal())


class Interrupted(Function):
    """Ctrl-C arrives after a number of calls, in this process."""

    left = math.inf

    def evaluate(self, archs: Archs) -> Any:
        if self.left == 0:
            raise KeyboardInterrupt
        type(self).left -= 1
        return super().evaluate(archs)


def study(path: Path | None = None, fn: Any = noisy, **more: Any) -> Study:
    evaluator = more.pop("evaluator", None) or Function(fn)
    return Study(space(), evaluator, Random(), storage=path, **more)


def made(run: Study) -> set[tuple[Any, ...]]:
    """Return the repetitions of a run without the time that they took."""
    found = run.results.repetitions
    return {(r.key, r.number, r.batch, tuple(r.values.items()), r.reason) for r in found}


def test_repetitions_are_part_of_the_budget() -> None:
    run = study().run(40, confirm=10)
    assert len(run.records) == 30
    assert len(made(run)) == 10
    again = study().run(30)
    assert [r.string for r in again.records] == [r.string for r in run.records]


def test_repetitions_have_seeds_of_their_own() -> None:
    run = study().run(40, confirm=10)
    first = {r.key: r.values["score"] for r in run.records}
    values = [(r.key, r.values["score"]) for r in run.results.repetitions]
    assert all(value != first[key] for key, value in values)
    assert len(set(values)) == 10


def test_workers_change_nothing(pool: Executor) -> None:
    assert made(study(executor=pool).run(40, confirm=10)) == made(study().run(40, confirm=10))


@pytest.mark.parametrize("calls", [30, 33, 36, 39])
def test_a_stopped_run_makes_the_rest(calls: int, tmp_path: Path) -> None:
    whole = study().run(40, confirm=10)
    path = tmp_path / "study.db"
    Interrupted.left = calls
    with pytest.raises(KeyboardInterrupt):
        study(path, evaluator=Interrupted(noisy)).run(40, confirm=10)
    Interrupted.left = math.inf
    kept = made(study(path, evaluator=Interrupted(noisy)))
    assert len(kept) == calls - 30
    run = study(path, evaluator=Interrupted(noisy)).run(40, confirm=10)
    assert kept <= made(run) == made(whole)
    assert run.results.recommendation == whole.results.recommendation


def test_a_run_that_is_done_is_left_alone_and_can_be_extended(tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    first = made(study(path).run(40, confirm=10))
    assert made(study(path).run(40, confirm=10)) == first
    longer = study(path).run(60, confirm=12)
    assert first < made(longer)
    assert (len(longer.records), len(made(longer))) == (48, 12)
    assert len(study(path).run(60).records) == 48  # repetitions are spent


def test_repetitions_come_after_the_minutes(tmp_path: Path) -> None:
    run = study(tmp_path / "study.db").run(20)
    assert len(made(run.run(minutes=1e-6, confirm=4))) == 4
    assert len(run.records) == 20


def test_luck_is_not_recommended() -> None:
    CALLS.clear()
    run = study(fn=once_lucky).run(100)
    assert run.best.config == LUCKY
    assert run.recommended.config != LUCKY
    assert worth(run.recommended.config) >= 17
    note = run.results.sureness[1]
    assert "depth=2" in note
    assert "scored higher, 30" in note


def test_repetitions_show_luck() -> None:
    CALLS.clear()
    run = study(fn=once_lucky).run(99, confirm=9)
    assert worth(run.recommended.config) >= 17


def test_what_fails_when_it_is_trained_again_is_not_recommended() -> None:
    CALLS.clear()
    run = study(fn=fails_again).run(109, confirm=9)
    repeated = {r.key for r in run.results.repetitions if r.reason}
    assert repeated
    assert run.recommended.key not in repeated
    assert "diverged" in str(next(r.reason for r in run.results.repetitions if r.reason))


def test_who_reads_a_run_is_told_the_same(tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    run = study(path).run(60, confirm=10)
    store = TrialStore(path)
    results = store.results(store.records(), store.description)
    assert results.recommended.string == run.recommended.string
    assert results.sureness == run.results.sureness
    assert results.repetitions == run.results.repetitions


def test_a_recommendation_of_fewer_evaluations_no_longer_counts(tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    study(path).run(40)
    store = TrialStore(path)
    assert store.results(store.records(), store.description).recommendation is not None
    assert store.results(store.records()[:-1], store.description).recommendation is None


def test_few_evaluations_are_judged_by_their_scores() -> None:
    run = study().run(FEWEST - 1)
    assert run.results.recommendation is None
    assert run.recommended is run.best
    assert run.results.sureness == []


def test_equal_scores_are_judged_by_their_scores() -> None:
    run = study(fn=lambda config, seed: 1.0).run(30, confirm=5)
    assert run.recommended is run.best
    assert len(made(run)) == 5


@pytest.mark.parametrize(
    "evaluator", [Function(worth), Table("digits201", "valid_accuracy")], ids=["seedless", "table"]
)
def test_scores_without_noise_are_taken_as_they_are(evaluator: Any) -> None:
    where = NASBench201() if isinstance(evaluator, Table) else space()
    run = Study(where, evaluator, Random()).run(30)
    assert run.results.recommendation is None
    with pytest.raises(SettingsError, match="with other seeds"):
        run.run(40, confirm=5)


def test_only_feasible_architectures_are_recommended() -> None:
    evaluator = Combined(Function(noisy), Function(lambda c: c["depth"], ["ms"], cheap=True))
    run = study(evaluator=evaluator, constraints="ms<=4").run(40)
    assert run.recommended.config["depth"] <= 4
    chosen = {r.key: r for r in run.run(60, confirm=10).records}
    assert all(chosen[r.key].config["depth"] <= 4 for r in run.results.repetitions)


def test_a_table_with_a_column_per_seed_is_looked_up_again() -> None:
    metric = "valid_accuracy_ep12_seed0"
    run = Study(NASBench201(), Table("digits201", metric), Random()).run(40, confirm=30)
    table = run.evaluator.table  # type: ignore[attr-defined]
    other = table.column("valid_accuracy_ep12_seed1")
    where = {r.key: int(table.rows(r.arch[None])[0]) for r in run.records}
    assert len(run.records) == 10
    assert len(run.results.repetitions) == 10  # one more of each is all that the table has
    assert all(r.values[metric] == other[where[r.key]] for r in run.results.repetitions)


@pytest.mark.parametrize("confirm", [-1, 1.5, "many", True, 40, 50])
def test_repetitions_that_make_no_sense_are_refused(confirm: Any) -> None:
    with pytest.raises(BudgetError, match="confirm"):
        study().run(40, confirm=confirm)


def test_several_objectives_are_refused() -> None:
    both = Combined(Function(noisy), Function(worth, ["accuracy"]))
    run = study(evaluator=both, objectives=["score", "accuracy"])
    with pytest.raises(SettingsError, match="2"):
        run.run(40, confirm=5)
    assert Cost().again(1) is None


def test_which_evaluation_ends_first_changes_nothing() -> None:
    """Of equal scores the first proposal counts, while workers make them in another order."""

    def same(config: dict[str, Any], seed: int) -> float:
        return 1.0

    def repeated(found: Study) -> set[tuple[object, int]]:
        return {(each.key, each.number) for each in found.results.repetitions}

    alone = study(fn=same).run(9, confirm=3)
    slow = FirstWaits(same, alone.records[0].arch.tobytes())
    with ThreadPoolExecutor(2) as executor:
        other = study(evaluator=slow, executor=executor)
        other.run(9, confirm=3, watcher=slow)
    assert repeated(other) == repeated(alone)
    assert other.recommended.key == alone.recommended.key
