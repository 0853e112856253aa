from __future__ import annotations

import numpy as np
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from archrank.integrations.optuna.axes import Axis
from archrank.integrations.optuna.learned import depths, learn

NAN = float("nan")
KIND = Axis("kind", CategoricalDistribution("abc"))
LAYERS = Axis("layers", IntDistribution(1, 9))
RATE = Axis("rate", FloatDistribution(0, 1))


def test_a_choice_that_tells() -> None:
    numbers = np.array([[0, 5, 0.1], [1, 5, NAN], [0, 2, 0.7], [1, 9, NAN]])
    rules = learn([KIND, LAYERS, RATE], numbers, np.ones(len(numbers), dtype=bool))
    assert rules[:2] == [None, None]
    rule = rules[2]
    assert rule is not None
    assert rule.parent == 0
    assert rule.on(KIND, np.arange(3.0)).tolist() == [True, False, False]  # c: no trial had it


def test_a_threshold_reaches_to_numbers_that_no_trial_had() -> None:
    numbers = np.array([[1, NAN], [4, 0.3], [2, NAN], [7, 0.5]])
    (_, rule) = learn([LAYERS, RATE], numbers, np.ones(len(numbers), dtype=bool))
    assert rule is not None
    assert rule.on(LAYERS, np.arange(9.0)).tolist() == [False] * 4 + [True] * 5


def test_the_simplest_condition_is_believed() -> None:
    """A float could explain everything value by value; one threshold of the layers does so, too."""
    rng = np.random.default_rng(0)
    layers = rng.integers(0, 9, 30)
    child = np.where(layers >= 4, 1.0, NAN)
    numbers = np.column_stack([rng.random(30), layers, child])
    rule = learn([RATE, LAYERS, LAYERS], numbers, np.ones(len(numbers), dtype=bool))[2]
    assert rule is not None
    assert rule.parent == 1


def test_chains_and_what_contradicts() -> None:
    numbers = np.array([[0, 0, 3.0], [0, 1, NAN], [1, NAN, NAN], [0, 0, 5.0], [1, NAN, NAN]])
    rules = learn([KIND, KIND, LAYERS], numbers, np.ones(len(numbers), dtype=bool))
    assert [rule and rule.parent for rule in rules] == [None, 0, 1]
    assert depths(rules) == [0, 1, 2]
    both = np.array([[0, 0, 3.0], [0, 0, NAN], [1, 0, NAN], [1, 0, 4.0]])
    assert learn([KIND, KIND, LAYERS], both, np.ones(len(both), dtype=bool)) == [None] * 3


def test_trials_that_go_on_show_what_exists_but_not_what_does_not() -> None:
    numbers = np.array([[0, 0.1], [1, NAN], [2, 0.3]])
    assert learn([KIND, RATE], numbers, np.array([True, False, True])) == [None, None]
    (_, rule) = learn([KIND, RATE], numbers, np.array([False, True, False]))
    assert rule is not None
    assert rule.on(KIND, np.arange(3.0)).tolist() == [True, False, True]
