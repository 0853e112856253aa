"""Pairs that are compared: all of them, or a fair sample."""

from __future__ import annotations

from math import comb, log

import numpy as np
import pytest
import torch

from archrank.losses import approx_ndcg, hinge, kl_pair, lambdarank, listwise, pairs, ranknet
from tests.losses.helpers import draws, tensor


@pytest.mark.parametrize("loss", [hinge, ranknet, kl_pair, lambdarank])
def test_sampled_pairs_have_the_right_mean(loss) -> None:
    s, y = draws(5, 12)
    s, y = tensor(s), tensor(y)
    exact = loss(s, y).item()
    g = torch.Generator().manual_seed(1)
    sampled = [loss(s, y, max_pairs=20, generator=g).item() for _ in range(800)]
    error = np.std(sampled) / np.sqrt(len(sampled))
    assert np.mean(sampled) == pytest.approx(exact, abs=4 * error)
    assert np.std(sampled) > 0
    assert loss(s, y, max_pairs=10_000).item() == exact  # more than there are: all


@pytest.mark.parametrize("loss", [hinge, ranknet, kl_pair, lambdarank, approx_ndcg])
def test_above_the_bound_memory_is_bounded(loss, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "MAX_PAIRS", 2000)
    rng = np.random.default_rng(0)
    y = tensor(rng.uniform(0, 3, 500))
    s = y + tensor(rng.normal(size=500))
    sampled = loss(s, y)  # 124,750 pairs
    assert sampled.item() == loss(s, y).item()  # a fixed seed without a generator
    monkeypatch.setattr(pairs, "MAX_PAIRS", 10**6)
    assert sampled.item() == pytest.approx(loss(s, y).item(), rel=0.15)


def test_a_larger_cap_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "MAX_PAIRS", 10)
    y = tensor(np.arange(30.0))
    better, worse, scale = pairs.compare(y, 0.0, 100, None)
    assert len(better) == 100
    assert scale == pytest.approx(comb(30, 2) / 100)
    assert (y[better] > y[worse]).all()


@pytest.mark.parametrize(("n", "size"), [(7, 21), (7, 20), (200, 50), (5000, 3000)])
def test_distinct_pairs(n: int, size: int) -> None:
    index = pairs.distinct(comb(n, 2), size, torch.Generator().manual_seed(0))
    assert len(index.unique()) == size
    i, j = pairs._unranked(index)
    assert (i >= 0).all()
    assert (i < j).all()
    assert (j < n).all()
    assert len(torch.stack([i, j]).unique(dim=1).T) == size


def test_unranked_pairs_are_exact_at_the_corners() -> None:
    j = torch.tensor([1, 2, 3, 1000, 423_623, 2**25, 2**29 + 3, 2**30])  # roots are rounded up
    corner = j * (j - 1) // 2
    for offset, row in ((corner, torch.zeros_like(j)), (corner + j - 1, j - 1)):
        i, column = pairs._unranked(offset)
        assert torch.equal(column, j)
        assert torch.equal(i, row)


def test_a_million_pairs_are_compared_at_most() -> None:
    n = 1500
    better, worse, scale = pairs.compare(torch.arange(n), None, None, None)
    assert len(better) == 2**20  # 8 MB per column
    assert scale == comb(n, 2) / 2**20
    assert (better > worse).all()


def test_one_pair_will_do() -> None:
    s, y = tensor([1.0, 2.0, 3.0]), tensor([3.0, 2.0, 1.0])
    assert hinge(s, y, margin=0.0, max_pairs=1).item() in (1.0, 2.0)


def test_nearly_all_numbers_are_not_drawn_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last of many would be met by chance only after a long time."""
    monkeypatch.setattr(torch, "randint", lambda *args, **kwargs: pytest.fail("drawn by chance"))
    for size in (250, 999, 1000):
        assert len(pairs.distinct(1000, size, None).unique()) == size


def test_estimated_ranks_are_close_to_the_exact_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = tensor(np.random.default_rng(0).normal(size=3000))
    monkeypatch.setattr(pairs, "MAX_PAIRS", 3000**2)
    exact = listwise._soft_ranks(scores, 0.1)
    monkeypatch.setattr(pairs, "MAX_PAIRS", 3000 * 300)  # 300 opponents each
    estimated = listwise._soft_ranks(scores, 0.1)
    assert not torch.equal(exact, estimated)
    assert ((estimated - exact).abs() / exact).max() < 0.008


def test_large_batch() -> None:
    n = 100_000
    g = torch.Generator().manual_seed(0)
    s = torch.randn(n, generator=g).requires_grad_()
    loss = ranknet(s, torch.randn(n, generator=g), max_pairs=50_000, generator=g)
    (found,) = torch.autograd.grad(loss, s)
    assert found.isfinite().all()
    assert loss.item() == pytest.approx(log(2), abs=0.3)
