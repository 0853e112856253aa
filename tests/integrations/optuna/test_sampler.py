"""RankSampler beside brute force: what is proposed, how often, and by what it is decided."""

from __future__ import annotations

import copy
import itertools
import math
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from archrank.errors import ArgumentError, BudgetError, UnknownNameError
from archrank.integrations.optuna import RankSampler

Objective = Callable[[optuna.Trial], float]


def study_of(seed: int = 0, **settings: Any) -> optuna.Study:
    return optuna.create_study(sampler=RankSampler(seed=seed, n_startup_trials=3, **settings))


def tried(study: optuna.Study) -> list[tuple[tuple[str, Any], ...]]:
    return [tuple(sorted(trial.params.items())) for trial in study.get_trials()]


# ---- no repetition -----------------------------------------------------------------------------


def plain(trial: optuna.Trial) -> float:
    x = trial.suggest_categorical("x", ["a", "b", None])
    y = trial.suggest_int("y", 0, 6, step=3)
    z = trial.suggest_float("z", 0.0, 0.3, step=0.1)
    return y + z - (x == "b")


def conditional(trial: optuna.Trial) -> float:
    """3 * (2 + 2 * 2 + 2 ** 3): layers tell which widths exist."""
    layers = trial.suggest_int("layers", 1, 3)
    kind = trial.suggest_categorical("kind", ["a", "b", "c"])
    widths = [trial.suggest_categorical(f"width{k}", [1, 2]) for k in range(layers)]
    return sum(widths) + (kind == "b")


def nested(trial: optuna.Trial) -> float:
    """1 + 2 + 2 * 3 + 4 ways."""
    kind = trial.suggest_categorical("kind", ["none", "some", "more", "rest"])
    if kind == "none":
        return 3.0
    if kind == "rest":
        return float(trial.suggest_int("rest", 0, 3))
    part = trial.suggest_categorical("part", [0, 1])
    return float(part if kind == "some" else part + trial.suggest_int("much", 0, 2))


def two_parents(trial: optuna.Trial) -> float:
    """2 * 3 + 2 more where both others agree: no single parameter tells."""
    a = trial.suggest_categorical("a", [0, 1])
    b = trial.suggest_int("b", 0, 2)
    return float(trial.suggest_int("c", 0, 2) if a and b > 1 else a + b)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(
    ("objective", "size"),
    [(plain, 3 * 3 * 4), (conditional, 3 * 14), (nested, 13), (two_parents, 8)],
)
def test_every_configuration_once_before_any_twice(
    objective: Objective, size: int, seed: int
) -> None:
    study = study_of(seed)
    study.optimize(objective, size)
    assert len(set(tried(study))) == size
    study.optimize(objective, 2)  # and then again
    assert len(study.trials) == size + 2


def test_what_is_exhausted_repeats_the_best(caplog: pytest.LogCaptureFixture) -> None:
    study = study_of()
    study.optimize(plain, 36)
    study.optimize(plain, 3)
    again = [t.value for t in study.trials[36:]]
    assert again == sorted(t.value for t in study.trials[:36] if t.value is not None)[:3]
    assert "every configuration" in caplog.text
    assert len([r for r in caplog.records if "every configuration" in r.message]) == 1


@pytest.mark.parametrize(("objective", "size"), [(plain, 36), (nested, 13), (two_parents, 8)])
def test_what_is_exhausted_stops_the_study(objective: Objective, size: int) -> None:
    study = study_of(when_exhausted="stop")
    study.optimize(objective, 100)
    assert len(study.trials) == len(set(tried(study))) == size


def test_asked_and_told_there_is_nothing_to_stop() -> None:
    study = study_of(when_exhausted="stop")
    for _ in range(3):
        trial = study.ask()
        study.tell(trial, trial.suggest_categorical("x", [0, 1]))
    assert len(study.trials) == 3


def test_a_range_of_more_values_than_a_grid_is_tried_whole() -> None:
    study = study_of(exact=20)
    study.optimize(lambda trial: abs(trial.suggest_int("x", 0, 299) - 77), 300)
    assert len(set(tried(study))) == 300


def test_failed_and_pruned_trials_are_not_repeated() -> None:
    def objective(trial: optuna.Trial) -> float:
        x = trial.suggest_int("x", 0, 3)
        y = trial.suggest_int("y", 0, 3)
        if x == 0:
            raise ValueError
        if x == 1:
            trial.report(1.0, 0)
            raise optuna.TrialPruned
        return math.nan if x == 2 else y

    study = study_of()
    study.optimize(objective, 16, catch=ValueError)
    assert len(set(tried(study))) == 16


def test_running_trials_are_not_proposed_again() -> None:
    study = study_of()
    study.optimize(plain, 1)
    asked = [study.ask() for _ in range(35)]
    for trial in asked:
        plain(trial)
    assert len(set(tried(study))) == 36


def test_first_trials_at_once_differ() -> None:
    """All parameters are new to all of them, so that values are drawn one by one."""
    study = study_of()
    asked = [study.ask() for _ in range(36)]
    for trial in asked:
        plain(trial)
    assert len(set(tried(study))) == 36


def test_threads_do_not_repeat_each_other() -> None:
    study = study_of()
    study.optimize(plain, 1)
    study.optimize(plain, 35, n_jobs=4)
    assert len(set(tried(study))) == 36


def test_workers_of_one_database_see_what_the_others_run(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'study.db'}"
    studies = [
        optuna.create_study(
            storage=RDBStorage(url),
            study_name="one",
            load_if_exists=True,
            sampler=RankSampler(seed=seed),
        )
        for seed in (0, 1)
    ]
    studies[0].optimize(conditional, 14)  # by now it is known which widths exist
    running = []
    for study in itertools.islice(itertools.cycle(studies), 20):
        trial = study.ask()
        trial.suggest_int("layers", 1, 3)  # the rest is known from what was proposed
        running.append(trial)
    for trial in running:
        conditional(trial)
    assert len(set(tried(studies[0]))) == 34


# ---- seeds -------------------------------------------------------------------------------------


def test_same_seed_same_proposals_and_a_stopped_study_goes_on(tmp_path: Path) -> None:
    whole = study_of(7)
    whole.optimize(conditional, 16)
    again = study_of(7)
    again.optimize(conditional, 16)
    assert tried(again) == tried(whole)
    url = f"sqlite:///{tmp_path / 'study.db'}"
    for _ in range(2):
        part = optuna.create_study(
            storage=url,
            study_name="x",
            load_if_exists=True,
            sampler=RankSampler(seed=7, n_startup_trials=3),
        )
        part.optimize(conditional, 8)
    assert tried(part) == tried(whole)


def test_seeds_differ_and_can_be_drawn_anew() -> None:
    def first(sampler: RankSampler) -> float:
        study = optuna.create_study(sampler=sampler)
        return float(study.ask().suggest_float("x", 0, 1))

    sampler = RankSampler(seed=0)
    before = first(sampler)
    sampler.reseed_rng()
    assert len({before, first(sampler), first(RankSampler()), first(RankSampler())}) == 4


def test_samplers_can_be_copied_and_sent() -> None:
    study = study_of(3)
    study.optimize(plain, 6)
    for sampler in (pickle.loads(pickle.dumps(study.sampler)), copy.deepcopy(study.sampler)):
        other = optuna.create_study(sampler=sampler)
        other.add_trials(study.trials)
        assert other.ask().suggest_int("y", 0, 6, step=3) in (0, 3, 6)


# ---- what it learns from -----------------------------------------------------------------------


def test_it_finds_what_random_search_does_not() -> None:
    """Of 4,096 configurations one is at 0; the best of 40 random ones is at 4 on average."""

    def objective(trial: optuna.Trial) -> float:
        return sum(abs(trial.suggest_int(f"x{k}", 0, 3) - k % 4) for k in range(6))

    for seed in range(3):
        study = study_of(seed)
        study.optimize(objective, 40)
        assert study.best_value == 0


def test_continuous_parameters_come_close() -> None:
    def objective(trial: optuna.Trial) -> float:
        x = trial.suggest_float("x", -5, 5)
        rate = trial.suggest_float("rate", 1e-5, 1.0, log=True)
        return (x - 1.234) ** 2 + (math.log10(rate) + 2.345) ** 2

    study = study_of()
    study.optimize(objective, 40)
    assert study.best_value < 0.01


@pytest.mark.parametrize("way", ["set_constraint", "constraints_func"])
def test_constraints_are_kept(way: str) -> None:
    """Both best values lie at x = y = 7; of those with x + y <= 6, the best is -6."""

    def objective(trial: optuna.Trial) -> float:
        x, y = trial.suggest_int("x", 0, 7), trial.suggest_int("y", 0, 7)
        if way == "set_constraint":
            trial.set_constraint("sum", float(x + y - 6))
        return -x - y

    def outside(trial: FrozenTrial) -> list[float]:
        return [trial.params["x"] + trial.params["y"] - 6.0]

    given = {"constraints_func": outside} if way == "constraints_func" else {}
    study = study_of(**given)
    study.optimize(objective, 25)
    assert study.best_value == -6  # of those that are feasible, as Optuna says
    later = [t.params["x"] + t.params["y"] <= 6 for t in study.trials[12:]]
    assert sum(later) > len(later) / 2


def test_several_objectives_find_the_front() -> None:
    def objective(trial: optuna.Trial) -> tuple[float, float]:
        x, y = trial.suggest_int("x", 0, 15), trial.suggest_int("y", 0, 15)
        return x + 2 * abs(y - 4), -x + abs(y - 4)

    study = optuna.create_study(
        directions=["minimize", "minimize"], sampler=RankSampler(seed=0, n_startup_trials=3)
    )
    study.optimize(objective, 40)
    assert len({t.params["x"] for t in study.best_trials if t.params["y"] == 4}) >= 13  # of 16


def test_an_objective_that_is_always_the_same_says_nothing() -> None:
    def objective(trial: optuna.Trial) -> tuple[float, float]:
        return sum(abs(trial.suggest_int(f"x{k}", 0, 3) - k % 4) for k in range(6)), 7.0

    study = optuna.create_study(directions=["minimize", "maximize"], sampler=RankSampler(seed=0))
    study.optimize(objective, 40)
    assert min(trial.values[0] for trial in study.trials) == 0


def test_directions_count() -> None:
    study = optuna.create_study(direction="maximize", sampler=RankSampler(seed=0))
    study.optimize(lambda t: t.suggest_int("x", 0, 50) - t.suggest_int("y", 0, 50), 20)
    assert study.best_value == 50


def test_equal_and_infinite_values() -> None:
    study = study_of()
    study.optimize(lambda t: math.inf if t.suggest_float("x", 0, 1) > 0.5 else 1.0, 10)
    assert study.best_value == 1.0
    same = study_of()
    same.optimize(lambda t: 0.0 * t.suggest_float("x", 0, 1), 8)
    assert len(set(tried(same))) == 8


# ---- Optuna's other ways to ask ----------------------------------------------------------------


def test_queued_trials_keep_their_values_and_the_rest_is_proposed() -> None:
    study = study_of()
    study.optimize(conditional, 10)
    study.enqueue_trial({"layers": 2, "kind": "b"})
    study.enqueue_trial({"layers": 3, "width2": 2})
    study.optimize(conditional, 2)
    first, second = (trial.params for trial in study.trials[10:])
    assert (first["layers"], first["kind"]) == (2, "b")
    assert set(first) == {"layers", "kind", "width0", "width1"}
    assert (second["layers"], second["width2"]) == (3, 2)
    assert len(set(tried(study))) == 12
    study.enqueue_trial({"layers": 1, "width2": 2})  # which does not exist then
    study.optimize(conditional, 1)
    assert set(study.trials[-1].params) == {"layers", "kind", "width0"}


def test_queued_values_that_are_off_the_grid_or_out_of_range() -> None:
    study = study_of()

    def objective(trial: optuna.Trial) -> float:
        return trial.suggest_float("x", 0, 1) + trial.suggest_float("y", 0, 1)

    study.optimize(objective, 6)
    study.enqueue_trial({"x": 0.123456789})
    study.optimize(objective, 1)
    assert study.trials[-1].params["x"] == 0.123456789
    study.enqueue_trial({"x": 3.0})
    with pytest.warns(UserWarning, match="out of range"):
        study.optimize(objective, 1)


def test_fixed_parameters() -> None:
    study = study_of()
    study.optimize(plain, 4)
    study.sampler = optuna.samplers.PartialFixedSampler({"y": 3}, study.sampler)
    study.optimize(plain, 12)
    assert {t.params["y"] for t in study.trials[4:]} == {3}


def test_fixed_parameters_tell_trials_apart() -> None:
    """What was tried with another value of y is no reason to leave it out with this one."""

    def objective(trial: optuna.Trial) -> float:
        return trial.suggest_int("x", 0, 3) + trial.suggest_int("y", 0, 3)

    study = study_of()
    study.optimize(objective, 8)
    left = 4 - sum(trial.params["y"] == 3 for trial in study.trials)
    study.sampler = optuna.samplers.PartialFixedSampler({"y": 3}, study.sampler)
    study.optimize(objective, left)
    assert len(set(tried(study))) == 8 + left


def test_ranges_that_change_keep_what_still_lies_in_them() -> None:
    study = study_of()
    study.optimize(lambda t: t.suggest_int("x", 0, 9), 10)
    study.optimize(lambda t: t.suggest_int("x", 5, 12), 3)
    assert {t.params["x"] for t in study.trials[10:]} == {10, 11, 12}  # others were tried


def test_names_and_values_of_any_kind() -> None:
    def objective(trial: optuna.Trial) -> float:
        a = trial.suggest_categorical("rate: a=1\n", [None, "", "a,b", True, 2.5])
        return float(a is None) + trial.suggest_int("größe", 1, 10**15, log=True) * 1e-15

    study = study_of()
    study.optimize(objective, 12)
    assert all(t.state == TrialState.COMPLETE for t in study.trials)


@pytest.mark.parametrize(
    ("settings", "error", "text"),
    [
        ({"acquisition": "best"}, UnknownNameError, "unknown acquisition 'best'"),
        ({"when_exhausted": "halt"}, UnknownNameError, "Known: repeat, stop"),
        ({"n_startup_trials": 0}, BudgetError, "initial"),
        ({"seed": 1.5}, ArgumentError, "RankSampler: seed is 1.5"),
        ({"seed": -1}, ArgumentError, "RankSampler: seed"),
    ],
)
def test_settings_that_cannot_be_used(
    settings: dict[str, Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        RankSampler(**settings)
