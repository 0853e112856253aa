"""Ranges that change, and ranges that depend on other parameters."""

from __future__ import annotations

import numpy as np
import optuna
import pytest
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, create_trial

from archrank.integrations.optuna import RankSampler
from archrank.integrations.optuna.axes import Axis
from archrank.integrations.optuna.ranges import Memory, Span, depending, ranges


def having(number: int, **asked: BaseDistribution) -> FrozenTrial:
    params = {
        n: d.choices[0] if isinstance(d, CategoricalDistribution) else d.low
        for n, d in asked.items()
    }  # type: ignore[attr-defined]
    found = create_trial(value=1.0, params=params, distributions=asked)
    found.number = number
    return found


def test_the_latest_range_counts_and_single_values_are_left_out() -> None:
    later = having(4, x=FloatDistribution(0, 5))
    first = having(
        1, x=FloatDistribution(0, 3), y=FloatDistribution(1, 1), z=FloatDistribution(0, 1)
    )
    assert ranges([later, first]) == {"x": FloatDistribution(0, 5), "z": FloatDistribution(0, 1)}


def test_what_changes_back_counts_as_a_whole() -> None:
    asked = [(2, 5), (1, 3), (4, 9), (2, 5)]
    trials = [having(k, x=IntDistribution(*ends)) for k, ends in enumerate(asked)]
    slowly = [having(k, x=IntDistribution(*asked[k // 4])) for k in range(12)]
    assert ranges(slowly) == {"x": IntDistribution(4, 9)}
    assert ranges(trials) == {"x": IntDistribution(1, 9)}
    floats = [having(k, x=FloatDistribution(*e, log=True)) for k, e in enumerate(asked)]
    assert ranges(floats) == {"x": FloatDistribution(1, 9, log=True)}


def test_what_always_changes_counts_as_a_whole() -> None:
    """Two floats in order: no range comes back."""
    asked = [(0.3, 1.0), (0.1, 1.0), (0.7, 1.0), (0.5, 1.0)]
    trials = [having(k, x=FloatDistribution(*ends)) for k, ends in enumerate(asked)]
    assert ranges(trials[:2]) == {"x": FloatDistribution(0.1, 1)}
    assert ranges(trials) == {"x": FloatDistribution(0.1, 1)}
    same = [having(k, x=FloatDistribution(*asked[k // 5])) for k in range(20)]
    assert ranges(same) == {"x": FloatDistribution(0.5, 1)}  # chosen anew, now and then


def test_a_single_value_is_one_of_a_range() -> None:
    trials = [having(k, x=IntDistribution(0, most)) for k, most in enumerate((0, 2, 0))]
    assert ranges(trials[:1]) == {}
    assert ranges(trials[1:]) == {"x": IntDistribution(0, 2)}


def test_only_values_of_one_kind_make_a_whole() -> None:
    asked = [
        IntDistribution(0, 8, step=4),
        IntDistribution(1, 9, step=4),
        IntDistribution(0, 8, step=2),
        IntDistribution(4, 12, step=4),
        IntDistribution(0, 8, step=4),
    ]
    trials = [having(k, x=one) for k, one in enumerate(asked)]
    assert ranges(trials) == {"x": IntDistribution(0, 12, step=4)}


def test_the_parameter_that_tells_a_range_is_found() -> None:
    """b is at most a; c tells it, too, but with more values."""
    a, four, ten = [1, 2, 3, 2, 1, 3], IntDistribution(1, 4), IntDistribution(0, 9)
    trials = [having(k, a=four, b=IntDistribution(1, most), c=ten) for k, most in enumerate(a)]
    axes = [Axis("a", four), Axis("b", four), Axis("c", ten)]
    numbers = np.array([[most - 1.0, 0.0, k] for k, most in enumerate(a)])
    rows = numbers.astype(np.uint8)
    (found,) = depending(axes, trials, numbers, rows)
    assert isinstance(found, Span)
    assert (found.child, found.parent, found.high.tolist()) == (1, 0, [0, 1, 2])
    grids = [np.arange(4.0), np.arange(4.0), np.arange(10.0)]
    every = np.array([[i, j, 0] for i in range(4) for j in range(4)], dtype=np.uint8)
    exists = np.ones(every.shape, dtype=bool)
    expected = [j <= i or i == 3 for i, j, _ in every.tolist()]  # nothing is known of a = 4
    assert found.allows(grids, every, exists).tolist() == expected
    exists[:, 1] = False
    assert found.allows(grids, every, exists).all()
    assert found.steady
    numbers[3, 0] = 0.0  # now the same value of a has two ranges, and c alone tells them
    (other,) = depending(axes, trials, numbers, rows)
    assert isinstance(other, Span)
    assert other.parent == 2


def test_between_two_values_ranges_lie_between_theirs() -> None:
    low, whole = [0.2, 0.6, 0.4], FloatDistribution(0, 1)
    trials = [having(k, a=whole, b=FloatDistribution(at, 1)) for k, at in enumerate(low)]
    numbers = np.array([[at, 1.0] for at in low])
    axes = [Axis("a", whole), Axis("b", whole)]
    (found,) = depending(axes, trials, numbers, np.zeros((3, 2), dtype=np.uint8))
    assert isinstance(found, Span)
    a, b = np.array([0.1, 0.3, 0.4, 0.9]), np.array([0.0, 0.19, 0.2, 0.39, 0.4])
    archs = np.array([[i, j] for i in range(4) for j in range(5)], dtype=np.uint8)
    allowed = found.allows([a, b], archs, np.ones(archs.shape, dtype=bool)).reshape(4, 5)
    assert [b[row].min() for row in allowed] == [0.0, 0.2, 0.4, 0.0]


def test_where_none_tells_all_others_do() -> None:
    """Both ranges of b occur with a = 0, and with c = 0."""
    one, two = IntDistribution(1, 2), IntDistribution(1, 4)
    trials = [
        having(k, a=one, b=IntDistribution(1, most), c=one) for k, most in enumerate((3, 1, 3, 3))
    ]
    axes = [Axis("a", one), Axis("b", two), Axis("c", one)]
    rows = np.array([[0, 1, 1], [0, 0, 0], [1, 0, 0], [1, 1, 1]], dtype=np.uint8)
    (found,) = depending(axes, trials, rows.astype(float), rows)
    assert isinstance(found, Memory)
    grids = [np.arange(2.0), np.arange(4.0), np.arange(2.0)]
    archs = np.array([[i, j, k] for i in (0, 1) for j in range(4) for k in (0, 1)], dtype=np.uint8)
    exists = np.ones(archs.shape, dtype=bool)
    most = {(0, 0): 0, (1, 0): 2, (0, 1): 2, (1, 1): 2}
    expected = [j <= most[i, k] for i, j, k in archs.tolist()]
    assert found.allows(grids, archs, exists).tolist() == expected
    assert found.allows(grids, archs, ~exists).all()


def dependent(trial: optuna.Trial) -> float:
    a = trial.suggest_int("a", 1, 5)
    b = trial.suggest_int("b", 1, a)
    return abs(a - 4) - b + (trial.suggest_categorical("c", ["x", "y"]) == "x")


def branches(trial: optuna.Trial) -> float:
    kind = trial.suggest_categorical("kind", ["p", "q"])
    x = trial.suggest_int("x", 0, 3 if kind == "p" else 7)
    return abs(x - 5) + trial.suggest_int("y", 0, 2)


def two_tell(trial: optuna.Trial) -> float:
    """No single parameter tells the range of z: 1 + 2 + 2 + 3 ways."""
    x, y = trial.suggest_int("x", 0, 1), trial.suggest_int("y", 0, 1)
    return trial.suggest_int("z", 0, x + y)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("objective", "size"), [(dependent, 30), (branches, 36), (two_tell, 8)])
def test_each_once_though_ranges_depend_on_others(
    objective: optuna.study.study.ObjectiveFuncType, size: int, seed: int
) -> None:
    study = optuna.create_study(sampler=RankSampler(seed=seed))
    study.optimize(objective, size)
    assert len({tuple(sorted(t.params.items())) for t in study.trials}) == size


@pytest.mark.parametrize(("objective", "size"), [(dependent, 30), (branches, 36)])
def test_the_study_stops_after_the_last(
    objective: optuna.study.study.ObjectiveFuncType, size: int
) -> None:
    study = optuna.create_study(sampler=RankSampler(seed=0, when_exhausted="stop"))
    study.optimize(objective, 2 * size)
    assert len(study.trials) == size


def test_floats_in_order() -> None:
    def objective(trial: optuna.Trial) -> float:
        low = trial.suggest_float("low", 0.0, 1.0)
        high = trial.suggest_float("high", low, 1.0)
        return (low - 0.3) ** 2 + (high - 0.6) ** 2

    study = optuna.create_study(sampler=RankSampler(seed=0))
    study.optimize(objective, 30)
    assert study.best_value < 0.002


def test_a_range_that_depends_on_another_is_learnt_from_all_trials() -> None:
    """Of 210 pairs, y <= x, one is best; trials with any range tell where it is."""

    def objective(trial: optuna.Trial) -> float:
        x = trial.suggest_int("x", 1, 20)
        return abs(x - 15) + abs(trial.suggest_int("y", 1, x) - 11)

    for seed in range(3):
        study = optuna.create_study(sampler=RankSampler(seed=seed))
        study.optimize(objective, 30)
        assert study.best_value == 0
