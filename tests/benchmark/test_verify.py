from __future__ import annotations

import numpy as np
import pytest

from archrank.benchmark.verify import Verification, distance, verify
from archrank.errors import BudgetError, UnknownNameError


def test_a_rebuilt_sample_agrees_with_the_table() -> None:
    found = verify("digits201", 3, seed=0)
    assert found.agrees, found.rows()  # identical on the same kind of processor
    assert len(found.rows()) == 1 + 12  # a heading; accuracy and loss, twice, at three epochs


COLUMN = "valid_accuracy_ep12_seed0"
SEEDS = np.random.default_rng(0).normal(0, 0.02, (2, 5000))  # of a table's rows
NOISE = {COLUMN: np.abs(SEEDS[0] - SEEDS[1])}


def verification(differences: np.ndarray) -> Verification:
    table = np.full(len(differences), 0.5)
    return Verification({COLUMN: table}, {COLUMN: table + differences}, NOISE)


def test_identical_and_within_noise_and_beyond() -> None:
    same = verification(np.zeros(2))
    assert same.identical
    assert same.agrees
    assert same.probability(COLUMN) == 1
    near = verification(np.full(2, 0.005))
    assert not near.identical
    assert near.agrees
    assert "within the noise" in near.verdict
    far = verification(np.full(2, 0.15))
    assert not far.agrees
    assert "differs by more" in far.verdict


def test_small_faults_show_with_more_architectures() -> None:
    assert verification(np.full(2, 0.05)).agrees
    assert not verification(np.full(40, 0.05)).agrees


@pytest.mark.parametrize("n", [1, 2, 5, 50])
def test_another_seed_is_refused_once_in_a_thousand_at_most(n: int) -> None:
    """The worst that another processor can do: differences as between two seeds."""
    rng = np.random.default_rng(n)
    found = [
        verification(rng.choice(NOISE[COLUMN], n) * rng.choice([-1, 1], n)).probability(COLUMN)
        for _ in range(2000)
    ]
    for level in (0.5, 0.1, 0.01):
        refused = np.mean(np.array(found) < level)
        assert refused < level + 4 * np.sqrt(level / 2000)
    assert np.mean(np.array(found) < 0.1) > 0.05  # and not only because none is ever refused


def test_many_columns_are_judged_together() -> None:
    names = [f"valid_loss_ep{i}_seed0" for i in range(100)]
    table = {name: np.full(2, 0.5) for name in names}
    noise = dict.fromkeys(names, NOISE[COLUMN])
    largest = np.sort(NOISE[COLUMN])[-20:][:2]  # of one column, this happens once in 20,000 times
    again = table | {names[3]: 0.5 + largest}
    assert 1e-3 / 100 < Verification(table, again, noise).probability(names[3]) < 1e-3
    assert Verification(table, again, noise).agrees
    one = ({names[3]: x[names[3]]} for x in (table, again, noise))
    assert not Verification(*one).agrees


def test_failures_are_compared() -> None:
    nan = float("nan")
    assert distance(np.array([nan, nan, 1.0]), np.array([nan, 0.5, nan])).tolist() == [
        0,
        np.inf,
        np.inf,
    ]
    table = np.full(20, 0.5)
    lost = np.where(np.arange(20) < 8, nan, table)
    assert not Verification({COLUMN: table}, {COLUMN: lost}, NOISE).agrees
    assert Verification({COLUMN: lost}, {COLUMN: lost.copy()}, NOISE).agrees


def test_one_seed_does_not_tell_what_noise_is() -> None:
    table = {"valid_accuracy_ep6_seed0": np.array([0.5, 0.6])}
    noise = {"valid_accuracy_ep6_seed0": np.empty(0)}
    assert Verification(table, table, noise).agrees
    near = Verification(table, {name: v + 0.001 for name, v in table.items()}, noise)
    assert not near.agrees
    assert "one seed" in near.verdict
    assert near.rows()[1][-2:] == ("-", "-")


def test_what_is_not_there() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'digits201'"):
        verify("digits20")
    with pytest.raises(BudgetError, match="archs 0"):
        verify("digits201", 0)
