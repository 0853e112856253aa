from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.stats import multivariate_normal
from sklearn.gaussian_process.kernels import ConstantKernel, DotProduct, Matern

from archrank.rankers.kit.kernels import JITTER, NOISE, Kernel, Term, squared_distances

DECISIONS = np.array([0, 0, 1, 2, 2, 3])
MIXED = Kernel(
    [
        Term(np.arange(5)),
        Term(np.arange(3, 9), decisions=DECISIONS),
        Term(np.arange(6, 12), linear=True, decisions=DECISIONS[::-1].copy()),
        Term(np.arange(2), linear=True),
    ]
)


@pytest.fixture
def x() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(14, 12)) / 3


@pytest.fixture
def theta() -> np.ndarray:
    rng = np.random.default_rng(1)
    return MIXED.prior_mean + rng.normal(size=len(MIXED.prior_mean)) * 0.5


def covariance(kernel: Kernel, theta: np.ndarray, x: np.ndarray) -> np.ndarray:
    blocks = kernel.scaled(theta, x)
    return kernel.between(theta, blocks, blocks)


def test_squared_distances_agree_with_brute_force() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(5, 3)), rng.normal(size=(4, 3))
    brute = ((a[:, None] - b[None]) ** 2).sum(-1)
    np.testing.assert_allclose(squared_distances(a, b), brute, atol=1e-12)


def test_covariances_agree_with_scikit_learn(x: np.ndarray, theta: np.ndarray) -> None:
    amplitude, length = np.exp(theta[:4]), np.exp(theta[4:6])
    relevance = np.exp(theta[6:10])
    weighed = x[:, 6:12] * relevance[DECISIONS[::-1]]
    expected = (
        (ConstantKernel(amplitude[0]) * Matern(length[0], nu=2.5))(x[:, :5])
        + (ConstantKernel(amplitude[1]) * Matern(length[1] / relevance[DECISIONS], nu=2.5))(
            x[:, 3:9]
        )
        + (ConstantKernel(amplitude[2]) * DotProduct(1))(weighed)
        + (ConstantKernel(amplitude[3]) * DotProduct(1))(x[:, :2])
    )
    np.testing.assert_allclose(covariance(MIXED, theta, x), expected, atol=1e-10)
    variances = MIXED.variances(theta, MIXED.scaled(theta, x))
    np.testing.assert_allclose(variances, np.diag(expected), atol=1e-10)


def test_loss_is_the_density_of_the_labels_and_the_priors(x: np.ndarray, theta: np.ndarray) -> None:
    y = np.random.default_rng(2).normal(size=len(x))
    noise = (np.exp(theta[-1]) + JITTER) * np.eye(len(x))
    density = multivariate_normal(cov=covariance(MIXED, theta, x) + noise).logpdf(y)
    prior = -0.5 * np.sum(((theta - MIXED.prior_mean) / MIXED.prior_sd) ** 2)
    loss = MIXED.loss(theta, x, y)[0] + 0.5 * len(y) * np.log(2 * np.pi)
    assert loss == pytest.approx(-density - prior)


def test_gradient_agrees_with_finite_differences(x: np.ndarray, theta: np.ndarray) -> None:
    y = np.random.default_rng(3).normal(size=len(x))
    numeric = approx_fprime(theta, lambda t: MIXED.loss(t, x, y)[0], 1e-6)
    np.testing.assert_allclose(MIXED.loss(theta, x, y)[1], numeric, rtol=1e-4, atol=1e-4)


def test_slopes_agree_with_finite_differences(x: np.ndarray, theta: np.ndarray) -> None:
    slopes = MIXED._slopes(theta, MIXED._parts(theta, x, MIXED._bases(x)))
    for k, step in enumerate(np.eye(len(theta)) * 1e-5):
        up, down = covariance(MIXED, theta + step, x), covariance(MIXED, theta - step, x)
        if k < len(theta) - 1:  # the last is the noise, which covariances leave out
            np.testing.assert_allclose(slopes[k], (up - down) / 2e-5, atol=1e-8)
    np.testing.assert_allclose(slopes[-1], np.exp(theta[-1]) * np.eye(len(x)))


def test_evidence_agrees_with_numerical_integration() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(40, 2))
    y = x @ [0.8, -0.5] + 0.3 * rng.normal(size=40)
    kernel = Kernel([Term(np.arange(2), linear=True)])
    _, evidence = kernel.fit(x, y)
    grid = np.linspace(-5, 5, 121)  # of both hyper-parameters, in prior standard deviations
    values = np.array(
        [
            [kernel.loss(kernel.prior_mean + kernel.prior_sd * [a, b], x, y)[0] for b in grid]
            for a in grid
        ]
    )
    step = grid[1] - grid[0]
    exact = np.log(np.exp(-values + values.min()).sum() * step**2 / (2 * np.pi)) - values.min()
    assert evidence == pytest.approx(exact - 20 * np.log(2 * np.pi), abs=0.2)


def test_evidence_prefers_the_kernel_that_made_the_labels() -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(size=(60, 6)) / 6**0.5
    smooth, linear = Kernel([Term(np.arange(6))]), Kernel([Term(np.arange(6), linear=True)])
    line = x @ rng.normal(size=6)
    bent = np.sin(6 * x[:, 0]) + np.cos(5 * x[:, 1])
    for y, right, wrong in ((line, linear, smooth), (bent, smooth, linear)):
        labels = (y - y.mean()) / y.std() + 0.05 * rng.normal(size=60)
        assert right.fit(x, labels)[1] > wrong.fit(x, labels)[1] + 3


def test_relevances_find_the_decision_that_matters() -> None:
    rng = np.random.default_rng(6)
    x = rng.normal(size=(50, 8)) / 8**0.5
    kernel = Kernel([Term(np.arange(8), decisions=np.repeat(np.arange(4), 2))])
    theta, _ = kernel.fit(x, np.sign(x[:, 4]) + x[:, 5])
    relevance = theta[-5:-1]  # of four decisions, before the noise
    assert relevance.argmax() == 2
    assert relevance[2] > np.delete(relevance, 2).max() + 1


def test_noise_has_the_prior_that_was_asked_for() -> None:
    terms = [Term(np.arange(2))]
    assert Kernel(terms).prior_mean[-1] == NOISE[0]
    other = Kernel(terms, noise=(-4.0, 2.0))
    assert (other.prior_mean[-1], other.prior_sd[-1]) == (-4.0, 2.0)


def test_between_is_positive_definite(x: np.ndarray, theta: np.ndarray) -> None:
    own = covariance(MIXED, theta, x)
    assert np.linalg.eigvalsh(own).min() > -1e-10


def test_priors_are_centred_on_what_was_learnt_elsewhere() -> None:
    first = [Term(np.arange(2)), Term(np.arange(2, 4), decisions=np.array([0, 1]))]
    learnt = np.log([0.6, 0.2, 2.0, 3.0, 0.5, 4.0, 1e-9])  # amplitudes, lengths, relevances, noise
    more = [*first, Term(np.arange(4), linear=True), Term(np.arange(4), amplitude=(-2.0, 0.3))]
    plain, told = Kernel(more), Kernel(more, learnt=learnt)
    amplitude = np.exp(told.prior_mean[:2])
    np.testing.assert_allclose(amplitude, [0.375, 0.125])  # together what they were: 2 / 4
    np.testing.assert_allclose(told.prior_mean[4:6], learnt[2:4])
    np.testing.assert_allclose(told.prior_mean[7:9], learnt[4:6])
    np.testing.assert_allclose(plain.prior_mean[3], np.log(1 / 4) - 2.0)
    assert plain.prior_sd[3] == 0.3
    known, unknown = [0, 1, 4, 5, 7, 8], [2, 3, 6, 9]  # unknown: terms of its own, and the noise
    np.testing.assert_allclose(told.prior_sd[known], plain.prior_sd[known] / 2)
    np.testing.assert_array_equal(told.prior_sd[unknown], plain.prior_sd[unknown])
    np.testing.assert_array_equal(told.prior_mean[unknown], plain.prior_mean[unknown])


def test_priors_stay_where_labels_elsewhere_were_noise() -> None:
    terms = [Term(np.arange(2)), Term(np.arange(2, 4))]
    for noise, share in ((2.0, 0.0), (1.0, 0.0), (0.5, 0.5)):
        plain = Kernel(terms)
        told = Kernel(terms, learnt=np.log([0.3, 0.3, 9.0, 0.1, noise]))
        np.testing.assert_allclose(told.prior_mean[:2], np.log(0.5))
        expected = (1 - share) * plain.prior_mean[2] + share * np.log(9.0)
        np.testing.assert_allclose(told.prior_mean[2], expected)
        np.testing.assert_allclose(told.prior_sd[:4], plain.prior_sd[:4] * 0.5**share)
