"""Beliefs about noisy scores, against brute force by multivariate normal distributions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

from archrank.study.beliefs import NOISE, SHARES, WEIGHT, Beliefs, _share_of_noise, believe


def some(n: int = 40, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    expected = rng.normal(size=n)
    return 60 + 2 * expected + rng.normal(size=n), expected


def test_a_belief_lies_between_what_is_expected_and_what_was_measured() -> None:
    scores, expected = some()
    beliefs = believe(scores, expected, [()] * 40)
    value, slope = beliefs.line
    middle = value + slope * expected
    assert (np.minimum(scores, middle) <= beliefs.mean).all()
    assert (beliefs.mean <= np.maximum(scores, middle)).all()
    nearer = np.abs(beliefs.mean - middle) < np.abs(beliefs.mean - scores)
    assert nearer.all()  # most of what is left is noise


def test_the_belief_is_that_of_a_normal_prior_and_normal_noise() -> None:
    scores, expected = some()
    again = [(61.0, 62.5, 60.0), *[()] * 39]
    beliefs = believe(scores, expected, again)
    value, slope = beliefs.line
    level = value + slope * expected[0]
    noise = beliefs.noise**2
    own = 1 / (1 / beliefs.sd[0] ** 2 - 4 / noise)
    # posterior of the mean of a normal by conditioning the joint distribution
    covariance = own * np.ones((5, 5)) + np.diag([0, noise, noise, noise, noise])
    seen = np.array([scores[0], *again[0]]) - level
    weights = np.linalg.solve(covariance[1:, 1:], covariance[1:, 0])
    assert beliefs.mean[0] == pytest.approx(level + weights @ seen)
    assert beliefs.sd[0] ** 2 == pytest.approx(own - weights @ covariance[1:, 0])


def test_the_share_of_noise_has_the_likelihood_of_repetitions_given_the_first() -> None:
    first, middle, spread = np.array([1.0, -0.5, 2.0]), np.array([3.0, 4.0, 5.0]), 1.5
    again = [(3.5, 4.5), (), (6.0,)]
    log = WEIGHT * (NOISE * np.log(SHARES) + (1 - NOISE) * np.log(1 - SHARES))
    for j, share in enumerate(SHARES):
        for one, more, level in zip(first, again, middle, strict=True):
            k = 1 + len(more)
            covariance = spread**2 * ((1 - share) * np.ones((k, k)) + share * np.eye(k))
            whole = [one, *(np.array(more) - level)]
            log[j] += multivariate_normal.logpdf(whole, np.zeros(k), covariance)
            log[j] -= multivariate_normal.logpdf(one, 0, spread**2)
    weights = np.exp(log - log.max())
    expected = float(weights @ SHARES / weights.sum())
    assert _share_of_noise(first, again, middle, spread) == pytest.approx(expected)


def test_repetitions_tell_that_there_is_no_noise() -> None:
    scores, expected = some()
    best = np.argsort(-scores)[:20]
    again = [(float(y),) * 2 if i in best else () for i, y in enumerate(scores)]
    once, often = believe(scores, expected, [()] * 40), believe(scores, expected, again)
    assert often.noise < 0.5 * once.noise
    assert often.mean.argmax() == scores.argmax()


def test_equal_scores_leave_nothing_to_believe() -> None:
    beliefs = believe(np.full(10, 0.5), np.arange(10.0), [()] * 10)
    assert (beliefs.mean == 0.5).all()
    assert (beliefs.sd == 0).all()
    assert (beliefs.worth() == 0).all()


def test_worth_is_what_one_more_training_adds_on_average() -> None:
    mean, sd = np.array([1.0, 0.8, 0.1]), np.array([0.3, 0.4, 0.2])
    beliefs = Beliefs(mean, sd, 0.5, np.ones(3, dtype=np.int64))
    rng = np.random.default_rng(0)
    for i in range(3):
        draws = mean[i] + sd[i] * rng.standard_normal(400_000)
        seen = draws + 0.5 * rng.standard_normal(400_000)
        after = (mean[i] / sd[i] ** 2 + seen / 0.25) / (1 / sd[i] ** 2 + 4)
        gain = np.maximum(after, np.delete(mean, i).max()).mean() - mean.max()
        assert beliefs.worth()[i] == pytest.approx(gain, abs=2e-3)


@given(st.integers(2, 60), st.integers(0, 1000), st.floats(0.01, 100), st.floats(-100, 100))
def test_the_unit_of_scores_does_not_matter(n: int, seed: int, scale: float, shift: float) -> None:
    scores, expected = some(n, seed)
    once = believe(scores, expected, [()] * n)
    other = believe(scale * scores + shift, expected, [()] * n)
    assert other.mean == pytest.approx(scale * once.mean + shift, rel=1e-6, abs=1e-6 * scale)
    assert other.sd == pytest.approx(scale * once.sd, rel=1e-6, abs=1e-9 * scale)
