"""Intervals over architectures, curves over training."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from archrank.criteria import (
    bootstrap,
    bootstrap_all,
    kendall_tau,
    precision_at,
    rank_dynamics,
    spearman,
)
from archrank.errors import LabelError
from tests.criteria.helpers import noisy


def test_bootstrap_of_a_correlation() -> None:
    """Fisher's interval of Spearman's correlation is close."""
    scores, truth = noisy(200)
    low, high = bootstrap(spearman, scores, truth, rng=np.random.default_rng(0), resamples=400)
    middle = spearman(scores, truth)
    assert low < middle < high
    half = 1.96 * np.sqrt((1 + middle**2 / 2) / 197)
    expected = np.tanh(np.arctanh(middle) + np.array([-half, half]))
    np.testing.assert_allclose([low, high], expected, atol=0.04)


def test_bootstrap_leaves_out_as_much_at_either_end() -> None:
    scores, truth = np.arange(50.0), np.arange(50.0)
    rng = np.random.default_rng(5)
    means = [scores[rng.integers(50, size=50)].mean() for _ in range(200)]
    ends = bootstrap(
        lambda s, t: s.mean(), scores, truth, rng=np.random.default_rng(5), resamples=200, level=0.8
    )
    np.testing.assert_allclose(ends, np.quantile(means, [0.1, 0.9]))


def test_bootstrap_is_reproducible_and_takes_options() -> None:
    scores, truth = noisy(40)
    top = partial(precision_at, k=0.25)
    ends = [
        bootstrap(top, scores, truth, rng=np.random.default_rng(3), resamples=50, level=level)
        for level in (0.95, 0.95, 0.5)
    ]
    assert ends[0] == ends[1]
    assert ends[0][0] <= ends[2][0] <= ends[2][1] <= ends[0][1]


def test_bootstrap_of_several_shares_its_draws() -> None:
    scores, truth = noisy()
    both = {"tau": kendall_tau, "spearman": spearman}
    found = bootstrap_all(both, scores, truth, rng=np.random.default_rng(4), resamples=30)
    for name, criterion in both.items():
        rng = np.random.default_rng(4)
        assert found[name] == bootstrap(criterion, scores, truth, rng=rng, resamples=30)


def test_bootstrap_draws_undefined_resamples_again() -> None:
    scores, truth = np.arange(4.0), np.array([0.0, 0, 0, 1])
    ends = bootstrap(kendall_tau, scores, truth, rng=np.random.default_rng(0), resamples=30)
    assert np.isfinite(ends).all()
    rare = np.zeros(4000)
    rare[0] = 1

    def needs_ten(s, t):
        if t.sum() < 6 and len(np.unique(s)) < len(s):
            raise LabelError("too few")
        return 0.0

    with pytest.raises(LabelError, match="defined on only 0 of 50 resamples"):
        bootstrap(needs_ten, np.arange(4000), rare, rng=np.random.default_rng(0), resamples=5)


@pytest.mark.parametrize("options", [{"resamples": 0}, {"level": 0.0}, {"level": 95}])
def test_unusable_bootstraps(options) -> None:
    with pytest.raises(LabelError, match="resamples must be at least 1"):
        bootstrap(kendall_tau, *noisy(), rng=np.random.default_rng(0), **options)


def test_bootstrap_says_what_is_wrong_with_all() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(LabelError, match="k=200: choose from 1 to"):
        bootstrap(partial(precision_at, k=200), *noisy(), rng=rng)


def test_rank_dynamics() -> None:
    _, truth = noisy(50)
    noise = np.random.default_rng(1).normal(size=50)
    scores = np.stack([np.zeros(50), truth + 3 * noise, truth + 0.1 * noise])
    curves = rank_dynamics(scores, truth, {"tau": kendall_tau, "p10": partial(precision_at, k=0.1)})
    assert list(curves) == ["tau", "p10"]
    assert np.isnan(curves["tau"][0])  # untrained: all scores equal
    assert curves["tau"][1] == kendall_tau(scores[1], truth)
    assert curves["tau"][2] > curves["tau"][1]
    for bad in (scores[0], scores[:, :40]):
        with pytest.raises(LabelError, match="checkpoints"):
            rank_dynamics(bad, truth, {"tau": kendall_tau})
    with pytest.raises(LabelError, match="all 50 truth are 0"):
        rank_dynamics(scores, truth * 0, {"tau": kendall_tau})
