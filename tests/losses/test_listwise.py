"""LambdaRank against the published gradient, and ApproxNDCG against NDCG."""

from __future__ import annotations

from functools import partial
from math import exp, log2

import numpy as np
import pytest
import torch

from archrank.criteria import ndcg
from archrank.losses import approx_ndcg, lambdarank, relevance
from tests.losses.helpers import RANK_BY, draws, gradient, tensor


def brute_lambda(s, y, rank_by, sigma):
    """The reference's formula for dL/ds, entry by entry."""
    n = len(s)
    key = {"predicted": [-x for x in s], "true_desc": [-x for x in y], "true_asc": y}[rank_by]
    rank = [0] * n
    for position, i in enumerate(sorted(range(n), key=lambda i: key[i])):
        rank[i] = position + 1
    ideal = sum((2**x - 1) / log2(r + 2) for r, x in enumerate(sorted(y, reverse=True)))
    if ideal == 0:
        return [0.0] * n
    lambdas = []
    for i in range(n):
        total = 0.0
        for j in range(n):
            sij = (y[i] > y[j]) - (y[i] < y[j])
            logistic = 0.5 * (1 - sij) - 1 / (1 + exp(sigma * (s[i] - s[j])))
            gain = (2 ** y[i] - 2 ** y[j]) / ideal
            total += sigma * logistic * abs(gain * (1 / log2(rank[i] + 1) - 1 / log2(rank[j] + 1)))
        lambdas.append(total)
    return lambdas


@pytest.mark.parametrize("rank_by", RANK_BY)
@pytest.mark.parametrize("sigma", [1.0, 0.5])
@pytest.mark.parametrize("n", [2, 4, 6])
@pytest.mark.parametrize("seed", range(4))
def test_gradient_is_lambda(rank_by, sigma: float, n: int, seed: int) -> None:
    s, y = draws(seed, n)
    found = gradient(partial(lambdarank, rank_by=rank_by, sigma=sigma), s, y)
    np.testing.assert_allclose(found, brute_lambda(s, y, rank_by, sigma), atol=1e-12)


@pytest.mark.parametrize("rank_by", RANK_BY)
def test_lambdas_sum_to_zero(rank_by) -> None:
    s = np.random.default_rng(0).normal(size=20)
    y = relevance(np.random.default_rng(1).normal(size=20))
    found = gradient(partial(lambdarank, rank_by=rank_by), s.tolist(), y.tolist())
    assert found.sum().item() == pytest.approx(0, abs=1e-12)
    assert found[int(y.argmax())] < 0  # descent raises the best one's score
    assert found.abs().max() > 1e-3


@pytest.mark.parametrize("level", [0.0, 7.0])
def test_equal_relevances_give_nothing(level: float) -> None:
    assert gradient(lambdarank, [0.1, 0.2, 0.3], [level] * 3).tolist() == [0, 0, 0]
    assert lambdarank(tensor([0.1, 0.2]), tensor([level] * 2)).item() == 0


def test_higher_relevance_gets_a_negative_lambda() -> None:
    for s in ([0.5, 0.1], [0.1, 0.5]):
        better, worse = gradient(lambdarank, s, [3.0, 1.0]).tolist()
        assert better < 0 < worse
        assert better == pytest.approx(-worse)


def test_constant_scores_still_learn() -> None:
    """Positions of tied scores are the worst ones for the targets, whatever the rows' order."""
    found = gradient(lambdarank, [0.0] * 4, [0.0, 5.0, 2.0, 9.0])
    assert found[3] < 0 < found[0]
    moved = gradient(lambdarank, [0.0] * 4, [9.0, 2.0, 0.0, 5.0])
    np.testing.assert_allclose(moved, found[[3, 2, 0, 1]])


def test_acenas_barely_weighs_neighbours_at_the_top() -> None:
    """The released code's ascending positions; median weights of 0.002 and 0.2 in the reference."""
    y = relevance(np.random.default_rng(0).normal(size=20))
    s = y / 10
    first, second = np.argsort(-y)[:2]
    apart = {r: brute_lambda(s.tolist(), y.tolist(), r, 1.0) for r in ("true_asc", "true_desc")}
    assert abs(apart["true_asc"][second]) < abs(apart["true_desc"][second])
    for r, expected in apart.items():
        found = gradient(partial(lambdarank, rank_by=r), s.tolist(), y.tolist())
        np.testing.assert_allclose(found, expected, atol=1e-12)
        assert found[first] < 0


def test_large_relevances_do_not_overflow() -> None:
    found = lambdarank(torch.tensor([0.0, 1.0, 2.0]), torch.tensor([3000.0, 2999.0, 0.0]))
    assert found.isfinite()
    tiny = torch.tensor([0.0, 1e-30], requires_grad=True)
    lambdarank(torch.tensor([1.0, 0.0], requires_grad=True), tiny).backward()


def test_approx_ndcg_approaches_ndcg() -> None:
    rng = np.random.default_rng(3)
    s, y = rng.normal(size=30), rng.uniform(0, 5, 30)
    exact = ndcg(s, y, relevance=lambda x: x)
    found = approx_ndcg(tensor(s), tensor(y), temperature=1e-4).item()
    assert 1 - found == pytest.approx(exact, abs=1e-3)
