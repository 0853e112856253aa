from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archrank.errors import SpaceError
from archrank.hardware import pixel1_latency
from archrank.hardware.look_up import PIXEL1_FILE
from archrank.spaces import CustomSpace
from archrank.spaces.mobile.proxylessnas import ProxylessNAS
from archrank.spaces.samplers.latency import LinearLatency
from tests.spaces.declared import four_of_24

SPACE = ProxylessNAS()


@pytest.fixture(scope="module")
def pixel1(data_dir: Path) -> LinearLatency:
    path = data_dir / PIXEL1_FILE
    if not path.is_file():
        pytest.skip(f"no {path}")
    return pixel1_latency(SPACE, path)


def small(seed: int) -> LinearLatency:
    rng = np.random.default_rng(seed)
    options = [list(range(k)) for k in rng.integers(1, 5, size=4)]
    space = CustomSpace({f"c{j}": o for j, o in enumerate(options)}, build=lambda c, task: None)
    return LinearLatency(space, [rng.normal(size=len(o)) for o in options], bias_ms=10)


def test_published_latencies(pixel1: LinearLatency) -> None:
    mobile, m1 = SPACE.named("ProxylessNAS-mobile"), SPACE.named("AceNAS-M1")
    assert abs(pixel1(mobile)[0] - 84.416) < 5e-4
    assert abs(pixel1(m1)[0] - 84.60) < 5e-3
    assert abs(pixel1.range_ms[0] - 30.936) < 1e-3
    rng = np.random.default_rng(0)
    assert abs(pixel1(SPACE.sample(50_000, rng=rng)).mean() - 118.2) < 0.3
    assert abs(pixel1(SPACE.sample(50_000, rng=rng, skip=0.5)).mean() - 87.9) < 0.3


@pytest.mark.parametrize("skip", [None, 0.5])
def test_a_band_is_drawn_as_rejection_would(pixel1: LinearLatency, skip: float | None) -> None:
    rng = np.random.default_rng(1)
    drawn = pixel1.sample(20_000, (83, 85), rng=rng, skip=skip)
    latency = pixel1(drawn)
    assert latency.min() >= 83
    assert latency.max() <= 85
    pool = SPACE.sample(400_000 if skip is None else 100_000, rng=rng, skip=skip)
    pool = pool[(pixel1(pool) >= 83) & (pixel1(pool) <= 85)]
    share = [np.stack([(a == k).mean(0) for k in range(7)]) for a in (drawn, pool)]
    spread = np.sqrt(share[1] * (1 - share[1]) / len(pool)) + 1e-3
    assert (abs(share[0] - share[1]) < 5.5 * spread).all()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_band_is_drawn_uniformly(seed: int) -> None:
    latency = small(seed)
    rows = latency.space.enumerate()
    values = np.sort(latency(rows))
    low, high = values[len(values) // 4] - 1e-6, values[(3 * len(values)) // 4] + 1e-6
    inside = rows[(latency(rows) >= low) & (latency(rows) <= high)]
    drawn = latency.sample(200 * len(inside), (low, high), rng=np.random.default_rng(seed))
    counts = np.bincount(latency.space.index(drawn), minlength=latency.space.size)
    expected = np.zeros(latency.space.size)
    expected[latency.space.index(inside)] = 200
    assert (abs(counts - expected) < 7 * np.sqrt(expected) + 1e-9).all()


def test_narrow_bands_and_the_fastest(pixel1: LinearLatency) -> None:
    rng = np.random.default_rng(0)
    drawn = pixel1.sample(20, (84, 84.0005), rng=rng)
    assert drawn.shape == (20, 21)
    assert ((pixel1(drawn) >= 84) & (pixel1(drawn) <= 84.0005)).all()
    fastest = pixel1.range_ms[0]
    assert len(np.unique(pixel1.sample(5, (0, fastest + 1e-6), rng=rng), axis=0)) == 1
    assert pixel1.sample(0, (83, 85), rng=rng).shape == (0, 21)


def test_same_seed_same_rows(pixel1: LinearLatency) -> None:
    twins = [pixel1.sample(9, (83, 85), rng=np.random.default_rng(3)) for _ in range(2)]
    assert (twins[0] == twins[1]).all()


@pytest.mark.parametrize("band", [(0, 1), (500, 600), (85, 83)])
def test_impossible_bands(pixel1: LinearLatency, band: tuple[float, float]) -> None:
    with pytest.raises(SpaceError, match=r"the space ranges from 30\.936 to 209\.112 ms"):
        pixel1.sample(1, band, rng=np.random.default_rng(0))


def test_a_band_between_two_values_is_empty() -> None:
    space = CustomSpace({"a": [0, 1]}, build=lambda config, task: None)
    latency = LinearLatency(space, [np.array([0.0, 3.0])])
    with pytest.raises(SpaceError, match="widen the band"):
        latency.sample(1, (1, 2), rng=np.random.default_rng(0))
    with pytest.raises(SpaceError, match=r"skip is a probability, got 2"):
        latency.sample(1, (0, 3), rng=np.random.default_rng(0), skip=2)
    with pytest.raises(SpaceError, match=r"latency weights have \[1\] options"):
        LinearLatency(space, [np.array([0.0])])


def test_sets_of_limited_size_are_refused() -> None:
    space = four_of_24()
    with pytest.raises(
        SpaceError, match=r"four_of_24 has 'attention', a set of limited size: draw"
    ):
        LinearLatency(space, [np.zeros(2)] * space.d)
