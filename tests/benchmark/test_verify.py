from __future__ import annotations

import numpy as np
import pytest

from archrank.benchmark.verify import Verification, verify
from archrank.errors import BudgetError, UnknownNameError


def test_a_rebuilt_sample_agrees_with_the_table() -> None:
    found = verify("digits201", 2, seed=0)
    assert found.agrees, found.rows()
    assert len(found.rows()) == 1 + 12  # a heading; accuracy and loss, twice, at three epochs


def test_another_seed_is_not_identical() -> None:
    table = {"valid_accuracy_ep12_seed0": np.array([0.5, 0.6])}
    noise = {"valid_accuracy_ep12_seed0": 0.01}
    assert Verification(table, table, noise).identical
    near = {name: values + 0.005 for name, values in table.items()}
    assert not Verification(table, near, noise).identical
    assert Verification(table, near, noise).agrees
    far = {name: values + 0.1 for name, values in table.items()}
    assert not Verification(table, far, noise).agrees
    assert "differs" in Verification(table, far, noise).verdict


def test_one_seed_does_not_tell_what_noise_is() -> None:
    table = {"valid_accuracy_ep6_seed0": np.array([0.5, 0.6])}
    noise = {"valid_accuracy_ep6_seed0": float("nan")}
    assert Verification(table, table, noise).agrees
    near = Verification(table, {name: v + 0.001 for name, v in table.items()}, noise)
    assert not near.agrees
    assert "one seed" in near.verdict


def test_what_is_not_there() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'digits201'"):
        verify("digits20")
    with pytest.raises(BudgetError, match="archs 0"):
        verify("digits201", 0)
