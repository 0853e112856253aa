"""Samplers: distributions against their definitions, on spaces of every kind."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chisquare

from archrank.errors import SettingsError
from archrank.spaces import CustomSpace, NASBench201, Space
from archrank.supernets.samplers import SAMPLERS, DeIsomorphic, FairNAS, Sampler, Subset, Uniform

UNEVEN = CustomSpace({"width": [1, 2], "depth": [1, 2, 3, 4, 5]}, build=lambda config, task: None)
SPACES = {"nasbench201": NASBench201(), "uneven": UNEVEN}
P = 1e-4  # of a right sampler to fail


@pytest.fixture(params=SPACES)
def space(request: pytest.FixtureRequest) -> Space:
    return SPACES[request.param]


def drawn(sampler: Sampler, space: Space, updates: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.concatenate([sampler.sample(space, rng=rng) for _ in range(updates)])


@pytest.mark.parametrize("name", SAMPLERS.names())
def test_contract(name: str, space: Space) -> None:
    sampler = SAMPLERS.get(name)()
    rows = drawn(sampler, space, 5, seed=3)
    assert np.array_equal(rows, drawn(SAMPLERS.get(name)(), space, 5, seed=3))
    assert not np.array_equal(rows, drawn(sampler, space, 5, seed=4))
    assert np.array_equal(space.validate(rows), rows)
    assert sampler.describe()["name"] == type(sampler).__name__


@pytest.mark.parametrize("m", [1, 7])
def test_uniform_rows(m: int) -> None:
    rows = drawn(Uniform(m), UNEVEN, 2000 // m)
    assert len(rows) == 2000 // m * m
    counts = np.bincount(UNEVEN.index(rows), minlength=10)
    assert chisquare(counts).pvalue > P


def test_every_option_once_per_update(space: Space) -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        rows = FairNAS().sample(space, rng=rng)
        assert len(rows) == 5
        for column, options in enumerate(space.radices):
            counts = np.bincount(rows[:, column], minlength=options)
            assert counts.max() - counts.min() <= 1


def test_fair_columns_are_independent() -> None:
    rows = drawn(FairNAS(), UNEVEN, 400)
    counts = np.bincount(UNEVEN.index(rows), minlength=10)
    assert chisquare(counts).pvalue > P


def test_classes_alike() -> None:
    space = NASBench201()
    rows = drawn(DeIsomorphic(50), space, 500)
    assert (space.canonical(rows) == rows).all()
    classes, counts = np.unique(space.canonical(space.enumerate()), axis=0, return_counts=True)
    assert len(classes) == 6466
    found = np.bincount(np.searchsorted(space.index(classes), space.index(rows)), minlength=6466)
    by_size = [found[counts == k].sum() for k in (1, 2)]  # classes of one row and of two
    shares = np.array([(counts == k).sum() for k in (1, 2)])
    assert chisquare(by_size, shares / shares.sum() * sum(by_size)).pvalue > P


def test_a_subset() -> None:
    space = NASBench201()
    archs = space.sample(4, rng=np.random.default_rng(0))
    rows = drawn(Subset(archs, m=3), space, 30)
    assert {tuple(r) for r in rows.tolist()} == {tuple(r) for r in archs.tolist()}
    other = Subset(archs[::-1])
    assert Subset(archs).describe() != other.describe()
    assert Subset(archs).describe() == Subset(archs.copy()).describe()


@pytest.mark.parametrize("kind", [Uniform, DeIsomorphic])
@pytest.mark.parametrize("m", [0, -1, 1.5, True, "2"])
def test_a_number_that_cannot_be(kind: type[Sampler], m: object) -> None:
    with pytest.raises(SettingsError, match=f"{kind.__name__} trains at least 1"):
        kind(m)  # type: ignore[call-arg]


def test_subsets_that_cannot_be() -> None:
    with pytest.raises(SettingsError, match=r"got an array of shape \(0, 6\)"):
        Subset(np.empty((0, 6), dtype=np.uint8))
    with pytest.raises(SettingsError, match="Subset: "):
        Subset(np.full((1, 6), 9)).sample(NASBench201(), rng=np.random.default_rng(0))
