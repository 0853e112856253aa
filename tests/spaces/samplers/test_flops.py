from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archrank.errors import SpaceError
from archrank.spaces import AttentiveNAS, CustomSpace, FlopsSampler
from tests.spaces.declared import four_of_24, mixed

SPACE = AttentiveNAS()


@pytest.fixture(scope="module")
def sampler() -> FlopsSampler:
    return FlopsSampler(SPACE, SPACE.mflops, rng=np.random.default_rng(0), sample=200_000)


def bins(mflops: np.ndarray) -> np.ndarray:
    return np.rint(mflops / 25) * 25


def test_histogram(sampler: FlopsSampler) -> None:
    assert sampler.shares.sum() == pytest.approx(1)
    assert (sampler.targets % 25 == 0).all()
    pool = bins(SPACE.mflops(SPACE.sample(50_000, rng=np.random.default_rng(1))))
    share = np.array([(pool == t).mean() for t in sampler.targets])
    assert abs(share - sampler.shares).max() < 0.004


def test_targets_are_met(sampler: FlopsSampler) -> None:
    rng = np.random.default_rng(0)
    targets = sampler.draw_targets(5_000, rng=rng)
    loose = SPACE.mflops(sampler.sample(5_000, rng=rng, targets=targets))
    strict = SPACE.mflops(sampler.sample(5_000, rng=rng, targets=targets, strict=True))
    assert (bins(loose) == targets).mean() > 0.99  # the 101st candidate may miss, as published
    assert (bins(strict) == targets).all()


def test_after_101_tries_anything_is_accepted() -> None:
    space = CustomSpace({"a": [0, 1], "b": [0, 1]}, build=lambda config, task: None)

    def mflops(archs: np.ndarray) -> np.ndarray:
        total: np.ndarray = 100.0 * archs.sum(1)
        return total

    sampler = FlopsSampler(space, mflops, rng=np.random.default_rng(0), sample=1_000)
    sampler.mflops = lambda archs: np.full(len(archs), 1e6)  # nothing is ever inside
    rows = sampler.sample(3, rng=np.random.default_rng(0))
    assert rows.shape == (3, 2)
    with pytest.raises(SpaceError, match="10100 candidates of custom around"):
        sampler.sample(3, rng=np.random.default_rng(0), strict=True)


@settings(max_examples=15, deadline=None)
@given(low=st.floats(300, 1_400), width=st.floats(5, 400), seed=st.integers(0, 2**32 - 1))
def test_bands(sampler: FlopsSampler, low: float, width: float, seed: int) -> None:
    archs = sampler.sample_band(50, (low, low + width), rng=np.random.default_rng(seed))
    assert (SPACE.validate(archs) == archs).all()
    values = SPACE.mflops(archs)
    assert values.min() >= low
    assert values.max() <= low + width
    again = sampler.sample_band(50, (low, low + width), rng=np.random.default_rng(seed))
    assert (archs == again).all()


def test_conditionals_follow_the_bin(sampler: FlopsSampler) -> None:
    rng = np.random.default_rng(2)
    small = sampler.sample(4_000, rng=rng, targets=np.full(4_000, 350.0), strict=True)
    large = sampler.sample(4_000, rng=rng, targets=np.full(4_000, 1_200.0), strict=True)
    assert (small[:, 0] == 0).mean() > 0.5 > (large[:, 0] == 0).mean()
    pool = SPACE.sample(400_000, rng=rng)
    pool = pool[bins(SPACE.mflops(pool)) == 350]
    share = [np.bincount(a[:, 0], minlength=4) / len(a) for a in (small, pool)]
    assert abs(share[0] - share[1]).max() < 0.1  # near, not equal: decisions are independent


def test_impossible_requests(sampler: FlopsSampler) -> None:
    rng = np.random.default_rng(0)
    for band in ((10, 20), (5_000, 6_000), (600, 500)):
        with pytest.raises(SpaceError, match=r"is known; the sample of 200,000 met bins around"):
            sampler.sample_band(1, band, rng=rng)
    with pytest.raises(SpaceError, match="around 7 MFLOPs is known"):
        sampler.sample(1, rng=rng, targets=np.array([7.0]))
    with pytest.raises(SpaceError, match="expected 2 targets"):
        sampler.sample(2, rng=rng, targets=np.array([500.0]))
    with pytest.raises(SpaceError, match="are positive"):
        FlopsSampler(SPACE, SPACE.mflops, rng=rng, sample=0)
    assert sampler.sample(0, rng=rng).shape == (0, 31)


def test_sets_of_limited_size() -> None:
    space = mixed().restrict({"attention": range(8), "attention.3": True})

    def mflops(archs: np.ndarray) -> np.ndarray:
        weights = np.arange(1.0, 1 + space.d)
        total: np.ndarray = archs @ weights
        return total

    sampler = FlopsSampler(
        space, mflops, rng=np.random.default_rng(0), sample=20_000, bin_mflops=100
    )
    rng = np.random.default_rng(1)
    rows = sampler.sample(400, rng=rng)
    assert (space.validate(rows) == rows).all()
    low, high = np.quantile(sampler.targets, [0.3, 0.5])
    band = sampler.sample_band(400, (low, high), rng=rng)
    assert space.valid(band).all()
    assert ((mflops(band) >= low) & (mflops(band) <= high)).all()


def test_members_follow_the_bin() -> None:
    space = four_of_24()

    def mflops(archs: np.ndarray) -> np.ndarray:
        total: np.ndarray = archs[:, 12:].sum(1).astype(float)  # members of the second half
        return total

    sampler = FlopsSampler(space, mflops, rng=np.random.default_rng(0), sample=5_000, bin_mflops=1)
    rng = np.random.default_rng(1)
    rows = sampler.sample(3_000, rng=rng, targets=np.full(3_000, 4.0), strict=True)
    assert (rows.sum(axis=1) == 4).all()
    assert not rows[:, :12].any()
    share = rows[:, 12:].mean(axis=0)  # each is in as often as any other, but for the sample
    assert share == pytest.approx(np.full(12, 1 / 3), abs=0.1)
