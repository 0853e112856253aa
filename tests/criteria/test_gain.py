"""NDCG against scikit-learn."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from archrank.criteria import (
    ndcg,
    relevance,
)
from archrank.errors import LabelError


@pytest.mark.parametrize("k", [1, 3, 10, 30, None])
@pytest.mark.parametrize("levels", [4, 1000])
@pytest.mark.parametrize("seed", range(5))
def test_ndcg_is_scikit_learns(seed: int, levels: int, k: int | None) -> None:
    rng = np.random.default_rng(seed)
    scores, truth = rng.integers(0, levels, (2, 30)).astype(float)
    gains = 2 ** relevance(truth) - 1  # scikit-learn takes gains, and averages over ties too
    assert ndcg(scores, truth, k=k) == pytest.approx(ndcg_score([gains], [scores], k=k))


def test_ndcg_by_hand() -> None:
    found = ndcg([3.0, 2, 1], [1.0, 0, 2], relevance=lambda x: x)
    ideal = 3 + 1 / np.log2(3)
    assert found == pytest.approx((1 + 3 / 2) / ideal)
    assert ndcg([3.0, 2, 1], [1.0, 0, 2], k=1, relevance=lambda x: x) == pytest.approx(1 / 3)


def test_ndcg_with_fixed_bounds() -> None:
    rng = np.random.default_rng(0)
    truth = rng.uniform(0.7, 0.78, 50)
    scores = truth + rng.normal(0, 0.02, 50)
    bounds = partial(relevance, scale=15, lower=0.73, upper=0.76)
    gains = 2 ** (15 * np.clip((truth - 0.73) / 0.03, 0, 1)) - 1
    found = ndcg(scores, truth, k=10, relevance=bounds)
    assert found == pytest.approx(ndcg_score([gains], [scores], k=10))


@pytest.mark.parametrize(
    ("truth", "options", "message"),
    [
        ([0.1, 0.9, 0.9, 0.9, 0.9, 0.9], {}, "maximum 0.9 is not above the 20% quantile"),
        ([0.1, 0.2], {"relevance": lambda x: x * 0}, "got 0 to 0"),
        ([0.1, -0.2], {"relevance": lambda x: x}, "got -0.2 to 0.1"),
        ([0.1, 0.2], {"relevance": lambda x: x[:1]}, "expected 2 relevances"),
        ([0.1, 0.2], {"k": 3}, "k=3: choose from 1 to 2"),
    ],
)
def test_unusable_relevances(truth, options, message: str) -> None:
    with pytest.raises(LabelError, match=message):
        ndcg(np.arange(len(truth)), truth, **options)


def test_ndcg_of_huge_relevances() -> None:
    assert ndcg([1.0, 2], [4000.0, 3999], relevance=lambda x: x) == pytest.approx(
        (0.5 + 1 / np.log2(3)) / (1 + 0.5 / np.log2(3))
    )
