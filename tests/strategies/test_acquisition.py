from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from archrank.errors import UnknownNameError
from archrank.rankers import GaussianProcess
from archrank.spaces import NASBench201
from archrank.strategies import Guided
from archrank.strategies.acquisition import (
    ACQUISITIONS,
    expected_improvement,
    thompson,
    upper_confidence_bound,
)
from archrank.testing import check_strategy


@pytest.mark.parametrize(("mean", "std", "best"), [(0.0, 1.0, 0.5), (2.0, 0.3, 0.5), (-1, 2, 1)])
def test_expected_improvement_is_the_integral(mean: float, std: float, best: float) -> None:
    expected, _ = quad(lambda f: (f - best) * norm.pdf(f, mean, std), best, best + 20)
    found = expected_improvement(np.array([mean]), np.array([std]), best)
    assert found[0] == pytest.approx(expected, abs=1e-7)


def test_expected_improvement_without_doubt_is_the_plain_improvement() -> None:
    found = expected_improvement(np.array([1.0, 0.0]), np.zeros(2), 0.25)
    np.testing.assert_allclose(found, [0.75, 0.0])


def test_the_bound_prefers_doubt_the_more_the_larger_kappa() -> None:
    mean, std = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    assert upper_confidence_bound(mean, std, 0.5).argmax() == 0
    assert upper_confidence_bound(mean, std, 2.0).argmax() == 1


def test_thompson_draws_have_the_given_moments() -> None:
    rng = np.random.default_rng(0)
    draws = thompson(np.full(50_000, 3.0), np.full(50_000, 2.0), rng)
    assert draws.mean() == pytest.approx(3.0, abs=0.05)
    assert draws.std() == pytest.approx(2.0, abs=0.05)


@pytest.mark.parametrize("acquisition", ACQUISITIONS)
def test_guided_keeps_the_contract_with_every_acquisition(
    space: NASBench201, acquisition: str
) -> None:
    check_strategy(
        lambda: Guided(GaussianProcess(space, max_iter=3), initial=4, acquisition=acquisition),
        space,
    )


def test_an_unknown_acquisition_lists_the_known() -> None:
    with pytest.raises(UnknownNameError, match="unknown acquisition 'ucbb', did you mean 'ucb'"):
        Guided(acquisition="ucbb")  # type: ignore[arg-type]
