from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.stats import norm
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, Sum, WhiteKernel

from archrank.criteria import kendall_tau
from archrank.rankers import GaussianProcess
from archrank.rankers.gaussian_process import JITTER, squared_distances
from archrank.rankers.kit.weak_labels import normal_scores
from archrank.spaces import CustomSpace, NASBench201
from archrank.tables import load_table
from archrank.testing import check_ranker


def nothing(config: dict[str, object], task: object) -> None:
    """Stands for a build function that these tests never call."""


def test_keeps_the_contract(space: NASBench201) -> None:
    check_ranker(GaussianProcess, space)


def test_keeps_the_contract_on_a_space_without_feature_groups() -> None:
    space = CustomSpace(
        {"a": [1, 2, 3, 4], "b": [1, 2, 3, 4], "c": list(range(8)), "d": list(range(6))},
        build=nothing,
    )
    check_ranker(GaussianProcess, space)


def test_normal_scores_are_the_quantiles_of_the_ranks() -> None:
    scores = normal_scores(np.array([3.0, -100.0, 7.0, 7.0]))
    np.testing.assert_allclose(scores, norm.ppf([1.5 / 4, 0.5 / 4, 3 / 4, 3 / 4]))


def test_squared_distances_agree_with_brute_force() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(5, 3)), rng.normal(size=(4, 3))
    brute = ((a[:, None] - b[None]) ** 2).sum(-1)
    np.testing.assert_allclose(squared_distances(a, b), brute, atol=1e-12)


def test_gradient_of_the_loss_agrees_with_finite_differences() -> None:
    rng = np.random.default_rng(1)
    blocks = [rng.normal(size=(12, 3)), rng.normal(size=(12, 2))]
    squared = np.stack([squared_distances(b, b) for b in blocks])
    y = rng.normal(size=12)
    mean, sd = np.array([-0.7, -0.7, 1.0, 1.0, -2.0]), np.array([0.5, 0.5, 1.0, 1.0, 1.0])
    theta = mean + rng.normal(size=5) * 0.5
    _, gradient = GaussianProcess._loss(theta, squared, y, mean, sd)
    numeric = approx_fprime(
        theta, lambda t: GaussianProcess._loss(t, squared, y, mean, sd)[0], 1e-6
    )
    np.testing.assert_allclose(gradient, numeric, rtol=1e-4, atol=1e-4)


def test_posterior_agrees_with_scikit_learn_at_the_same_hyper_parameters(
    space: NASBench201,
) -> None:
    rng = np.random.default_rng(2)
    archs = space.sample(60, rng=rng)
    scores = space.cost(archs)["macs"] + rng.normal(0, 1e7, 60)
    ranker = GaussianProcess(space, groups=("depth",)).fit(archs[:40], scores[:40])
    kernel = Sum(
        ConstantKernel(ranker.amplitude_[0]) * Matern(ranker.length_[0], nu=2.5),
        WhiteKernel(ranker.noise_ + JITTER),
    )
    oracle = GaussianProcessRegressor(kernel, alpha=0.0, optimizer=None)
    oracle.fit(ranker.train_[0], normal_scores(scores[:40]))
    mean, std = ranker.predict(archs[40:], return_std=True)
    (block,) = ranker._blocks(archs[40:])
    expected, noisy_std = oracle.predict(block, return_std=True)
    np.testing.assert_allclose(mean, expected, atol=1e-6)
    # scikit-learn's std is of a noisy observation, ours of the noise-free value
    np.testing.assert_allclose(std**2, noisy_std**2 - ranker.noise_ - JITTER, atol=1e-6)


def test_only_the_order_of_scores_matters(space: NASBench201) -> None:
    archs = space.sample(30, rng=np.random.default_rng(3))
    scores = space.cost(archs)["macs"] + np.arange(30)
    straight = GaussianProcess(space).fit(archs, scores).predict(archs)
    bent = GaussianProcess(space).fit(archs, np.exp(scores / 1e8)).predict(archs)
    np.testing.assert_array_equal(straight, bent)


def test_cells_that_compute_the_same_get_the_same_score(space: NASBench201) -> None:
    archs = space.enumerate()
    twins = np.flatnonzero(space.classes(archs, "live") != space.index(archs))[:200]
    rng = np.random.default_rng(4)
    train = space.sample(40, rng=rng)
    ranker = GaussianProcess(space).fit(train, rng.normal(size=40))
    there = ranker.predict(space.canonical(archs[twins], "live"))
    np.testing.assert_allclose(ranker.predict(archs[twins]), there, atol=1e-5)


def test_uncertainty_is_small_where_it_has_seen_labels_and_larger_elsewhere(
    space: NASBench201,
) -> None:
    rng = np.random.default_rng(5)
    archs = space.sample(300, rng=rng)
    ranker = GaussianProcess(space).fit(archs[:30], space.cost(archs[:30])["params"])
    _, seen = ranker.predict(archs[:30], return_std=True)
    _, unseen = ranker.predict(archs[30:], return_std=True)
    assert np.median(seen) < np.median(unseen)


@pytest.mark.parametrize("draw", range(3))
def test_beats_gates_on_the_real_table(space: NASBench201, data_dir, draw: int) -> None:
    table = load_table(data_dir / "nb201.csv.gz", space)
    rows = np.random.default_rng([draw, 78]).choice(len(table), 78, replace=False)
    ranker = GaussianProcess(space).fit(table.archs[rows], table.column("c10_val")[rows])
    tau = kendall_tau(ranker.predict(table.archs), table.column("c10_test"))
    assert tau > 0.75  # GATES, in the mean over draws: .7645
