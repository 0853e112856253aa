from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from archrank.rankers.kit import targets
from archrank.rankers.kit.targets import gap_scores, normal_scores, standard_scores
from archrank.types import Floats


def log_stretch(scores: Floats) -> float:
    return targets.log_stretch(normal_scores(scores), standard_scores(scores))


def test_normal_scores_are_the_quantiles_of_the_ranks() -> None:
    scores = normal_scores(np.array([3.0, -100.0, 7.0, 7.0]))
    np.testing.assert_allclose(scores, norm.ppf([1.5 / 4, 0.5 / 4, 3 / 4, 3 / 4]))


def test_standard_scores_have_mean_0_and_variance_1() -> None:
    np.testing.assert_allclose(
        standard_scores(np.array([1.0, 3.0, 5.0])), [-(1.5**0.5), 0, 1.5**0.5]
    )


def test_the_stretch_is_the_change_of_variables_of_a_known_distribution() -> None:
    x = norm.ppf((np.arange(2000) + 0.5) / 2000)
    scores = np.exp(x)  # normal scores are its logarithm: their slope is 1 / scores
    exact = np.log(scores.std() / scores).sum()
    assert exact > 1000
    assert log_stretch(scores) == pytest.approx(exact, rel=0.1)  # densities are smoothed


def test_normal_labels_need_no_stretch() -> None:
    x = norm.ppf((np.arange(500) + 0.5) / 500)
    assert -20 < log_stretch(x) <= 0  # .04 per label


def test_failures_far_below_speak_for_ranks() -> None:
    rng = np.random.default_rng(0)
    fine = rng.normal(90, 1, 45)
    assert log_stretch(np.r_[fine, rng.normal(10, 1, 5)]) > log_stretch(np.r_[fine, fine[:5]]) + 10


def test_the_stretch_of_some_scores_is_that_of_the_scale_of_all() -> None:
    scores = np.r_[np.random.default_rng(0).normal(0.91, 0.02, 400), 0.1]
    normal, standard = normal_scores(scores), standard_scores(scores)
    all_but_the_failure = targets.log_stretch(normal[:-1], standard[:-1])
    assert all_but_the_failure == pytest.approx(log_stretch(scores), abs=50)
    assert all_but_the_failure > log_stretch(scores[:-1]) + 100  # they lie closer to each other


def test_the_stretch_ignores_units() -> None:
    scores = np.random.default_rng(1).gamma(2, size=40)
    assert log_stretch(1e6 * scores - 3) == pytest.approx(log_stretch(scores))


def test_two_labels_are_enough() -> None:
    assert np.isfinite(log_stretch(np.array([1.0, 2.0])))


@pytest.mark.parametrize("margin", [0.1, 1.0])
def test_gap_scores_are_minus_logarithms_of_gaps(margin: float) -> None:
    scores = np.random.default_rng(6).normal(size=31)
    gaps, slopes = gap_scores(scores, margin)
    bound = scores.max() + margin * (scores.max() - np.median(scores))
    logs = -np.log(bound - scores)
    np.testing.assert_allclose(gaps, (logs - logs.mean()) / logs.std())
    step = 1e-6  # derivatives by standard scores, by differences
    moved = (-np.log(bound - scores - step) - logs) / logs.std() / (step / scores.std())
    np.testing.assert_allclose(slopes, np.log(moved), atol=1e-5)


@given(st.floats(-1e3, 1e3), st.floats(1e-3, 1e3))
def test_gap_scores_know_neither_unit_nor_origin(origin: float, unit: float) -> None:
    scores = np.random.default_rng(7).exponential(size=20)
    for part, moved in zip(
        gap_scores(scores, 0.3), gap_scores(origin + unit * scores, 0.3), strict=True
    ):
        np.testing.assert_allclose(part, moved, atol=1e-6)


def test_gaps_are_finite_where_most_are_the_best() -> None:
    gaps, slopes = gap_scores(np.array([1.0, 1.0, 1.0, 0.0]), 0.1)
    assert np.isfinite(gaps).all()
    assert np.isfinite(slopes).all()
    assert gaps[0] == gaps[2] > gaps[3]
