"""Samplers: distributions against their definitions, on spaces of every kind."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

import numpy as np
import pytest
from scipy.stats import chi2_contingency, chisquare

from archrank.errors import ArchitectureError, SettingsError
from archrank.spaces import NDS, CustomSpace, NASBench101, NASBench201, ProxylessNAS, Space
from archrank.spaces.networks import Networks
from archrank.supernets.samplers import (
    SAMPLERS,
    Costliest,
    DeIsomorphic,
    FairNAS,
    Sampler,
    SkipPrior,
    Subset,
    Uniform,
)
from archrank.supernets.samplers.de_isomorphic import representatives
from archrank.testing import check_sampler
from tests.supernets.small import SMALL, TASK

UNEVEN = CustomSpace({"width": [1, 2], "depth": [1, 2, 3, 4, 5]}, build=lambda config, task: None)
SPACES = {"nasbench201": NASBench201(), "uneven": UNEVEN}
P = 1e-4  # of a right sampler to fail


@pytest.fixture(params=SPACES)
def space(request: pytest.FixtureRequest) -> Space:
    return SPACES[request.param]


def drawn(sampler: Sampler, space: Space, updates: int, seed: int = 0) -> np.ndarray:
    rng, networks = np.random.default_rng(seed), space.networks(TASK)
    return np.concatenate([sampler.sample(networks, rng=rng) for _ in range(updates)])


EVERY = [Uniform(3), FairNAS(), DeIsomorphic(2), Costliest(m=2), SkipPrior(m=2)]


@pytest.mark.parametrize("kind", SMALL)
@pytest.mark.parametrize("sampler", EVERY, ids=lambda s: type(s).__name__)
def test_any_sampler_suits_any_supernet(sampler: Sampler, kind: str) -> None:
    space = SMALL[kind].make()
    if isinstance(sampler, SkipPrior) and kind != "proxylessnas":
        with pytest.raises(SettingsError, match="SkipPrior suits spaces whose blocks can be skip"):
            sampler.sample(space.networks(TASK), rng=np.random.default_rng(0))
        return
    check_sampler(sampler, space.networks(TASK))
    drawn_twice = (drawn(sampler, space, 5, seed=s) for s in (3, 4))
    assert not np.array_equal(*drawn_twice)


def test_samplers_by_name() -> None:
    plain = [name for name in SAMPLERS.names() if "up_" not in name and name != "flops_prior"]
    assert {type(SAMPLERS.get(name)()) for name in plain} == {type(s) for s in EVERY}


class Stateful(Uniform):
    """Draws the next row of a list."""

    seen: ClassVar[list[int]] = []

    def sample(self, networks: Networks, *, rng: np.random.Generator) -> np.ndarray:
        self.seen.append(0)
        return networks.space.from_index(np.array([len(self.seen)]))


class Outside(Uniform):
    def sample(self, networks: Networks, *, rng: np.random.Generator) -> np.ndarray:
        return np.zeros((1, networks.space.d), dtype=np.uint8)  # a cell without any edge


class Flat(Uniform):
    def sample(self, networks: Networks, *, rng: np.random.Generator) -> np.ndarray:
        return networks.space.sample(1, rng=rng)[0]


class Unsaid(Uniform):
    def describe(self) -> dict[str, Any]:
        return {"m": 1}


@pytest.mark.parametrize(
    ("sampler", "rule"),
    [
        (Stateful(), "differ with the same generator"),
        (Flat(), r"have shape \(26,\)"),
        (Unsaid(), "must tell the sampler's name"),
    ],
)
def test_faults_of_samplers_are_named(sampler: Sampler, rule: str) -> None:
    space = NASBench201() if isinstance(sampler, Stateful) else NASBench101()
    with pytest.raises(AssertionError, match=rule):
        check_sampler(sampler, space.networks(TASK))


def test_rows_that_are_no_architectures_are_caught() -> None:
    with pytest.raises(ArchitectureError, match="no path from input to output"):
        check_sampler(Outside(), NASBench101().networks(TASK))


@pytest.mark.parametrize("m", [1, 7])
def test_uniform_rows(m: int) -> None:
    rows = drawn(Uniform(m), UNEVEN, 2000 // m)
    assert len(rows) == 2000 // m * m
    counts = np.bincount(UNEVEN.index(rows), minlength=10)
    assert chisquare(counts).pvalue > P


def test_every_option_once_per_update(space: Space) -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        rows = FairNAS().sample(space.networks(TASK), rng=rng)
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


def test_the_table_of_classes() -> None:
    space = NASBench201()
    classes = np.unique(space.canonical(space.enumerate()), axis=0)
    assert np.array_equal(representatives(space), classes)
    rows = drawn(DeIsomorphic(500, table=True), space, 40)
    counts = np.bincount(np.searchsorted(space.index(classes), space.index(rows)), minlength=6466)
    assert chisquare(counts.reshape(-1, 61).sum(axis=1)).pvalue > P  # 6,466 = 106 * 61


def test_representatives_are_random_members_of_their_classes() -> None:
    space = NASBench201()
    rows = representatives(space, seed=0)
    canonical = space.canonical(rows)
    assert np.array_equal(np.unique(canonical, axis=0), representatives(space))
    assert len(rows) == 6466
    labels, sizes = np.unique(space.classes(space.enumerate()), return_counts=True)
    of_two = np.isin(space.classes(rows), labels[sizes == 2])
    own = (canonical == rows).all(axis=1)[of_two]
    assert abs(own.mean() - 0.5) < 4 * 0.5 / np.sqrt(len(own))
    again = DeIsomorphic(5, representatives=0)
    assert {r.tobytes() for r in drawn(again, space, 20)} <= {r.tobytes() for r in rows}
    other = representatives(space, seed=1)
    assert 0.1 < (rows == other).all(axis=1).mean() < 0.9
    assert DeIsomorphic(representatives=1).describe() != again.describe()


@pytest.mark.parametrize("space", [NASBench101(), NDS("nasnet")], ids=["nasbench101", "nasnet"])
def test_classes_of_large_spaces(space: Space) -> None:
    rows = drawn(DeIsomorphic(60), space, 2)
    assert np.array_equal(space.canonical(rows), rows)
    assert len(np.unique(rows, axis=0)) > 100
    with pytest.raises(
        SettingsError, match="too many for a table of their classes; sample without"
    ):
        DeIsomorphic(table=True).sample(space.networks(TASK), rng=np.random.default_rng(0))


def test_classes_of_one_kind_of_cell_are_drawn_alike() -> None:
    space = NDS("darts", widths=(4,), depths=(4,))
    rng = np.random.default_rng(0)
    fair = space.sample(150_000, rng=rng)
    fair = fair[(space.canonical(fair)[:, :16] == fair[:, :16]).all(axis=1)]  # of the normal cell
    rows = drawn(DeIsomorphic(len(fair)), space, 1)
    counts = np.array([np.bincount(r[:, 10], minlength=8) for r in (fair, rows)])
    assert len(fair) > 100
    assert chi2_contingency(counts[:, counts.any(axis=0)]).pvalue > P


def test_skips_as_often_as_they_are_wanted() -> None:
    space = ProxylessNAS()
    rows = drawn(SkipPrior(0.3, m=400), space, 5)
    skippable = space.radices == 7
    assert abs((rows[:, skippable] == 6).mean() - 0.3) < 0.01
    counts = np.bincount(rows[:, skippable].ravel(), minlength=7)[:6]
    assert chisquare(counts).pvalue > P


@pytest.mark.parametrize("skip", [-0.1, 1.5, "half", None])
def test_no_probability(skip: Any) -> None:
    with pytest.raises(SettingsError, match="SkipPrior: skip is"):
        SkipPrior(skip)


@pytest.mark.parametrize(
    ("probability", "share"), [(1.0, 0.25), (0.5, 0.25), (0.0, 0.25), (0.3, 1)]
)
def test_the_costliest_as_often_as_they_are_wanted(probability: float, share: float) -> None:
    space = NASBench201()
    networks = space.networks(TASK)
    classes = np.unique(space.canonical(space.enumerate()), axis=0)
    macs = networks.cost(classes)["macs"]
    least = np.sort(macs)[::-1][int(share * len(macs)) - 1]
    rows = drawn(Costliest(share, probability, m=20), space, 200)
    assert (space.canonical(rows) == rows).all()
    wanted = probability + (1 - probability) * (macs >= least).mean()
    assert abs((networks.cost(rows)["macs"] >= least).mean() - wanted) < 0.03
    costly = rows[networks.cost(rows)["macs"] >= least]
    places = np.searchsorted(space.index(classes), space.index(costly))
    parts = np.array_split(np.bincount(places, minlength=len(classes))[macs >= least], 10)
    sizes = np.array([len(part) for part in parts])
    counts = [part.sum() for part in parts]
    assert chisquare(counts, sizes / sizes.sum() * sum(counts)).pvalue > P  # all of them alike


@pytest.mark.parametrize("value", [-0.5, 1.5, "half", None])
def test_no_share(value: Any) -> None:
    with pytest.raises(SettingsError, match="Costliest: share"):
        Costliest(value)
    with pytest.raises(SettingsError, match="Costliest: probability"):
        Costliest(probability=value)
    with pytest.raises(SettingsError, match="share of the classes is above 0 and at most 1, got 0"):
        Costliest(0)


def test_a_subset() -> None:
    space = NASBench201()
    archs = space.sample(4, rng=np.random.default_rng(0))
    rows = drawn(Subset(archs, m=3), space, 30)
    assert {tuple(r) for r in rows.tolist()} == {tuple(r) for r in archs.tolist()}
    other = Subset(archs[::-1])
    assert Subset(archs).describe() != other.describe()
    assert Subset(archs).describe() == Subset(archs.copy()).describe()


@pytest.mark.parametrize(
    "kind", [Uniform, DeIsomorphic, partial(SkipPrior, 0.5), partial(Costliest, 0.5, 0.5)]
)
@pytest.mark.parametrize("m", [0, -1, 1.5, True, "2"])
def test_a_number_that_cannot_be(kind: Any, m: object) -> None:
    with pytest.raises(SettingsError, match=r"\w+ trains at least 1"):
        kind(m)


def test_a_seed_that_cannot_be() -> None:
    with pytest.raises(SettingsError, match="representatives must be at least 0, got -1"):
        DeIsomorphic(representatives=-1)


def test_subsets_that_cannot_be() -> None:
    with pytest.raises(SettingsError, match=r"got an array of shape \(0, 6\)"):
        Subset(np.empty((0, 6), dtype=np.uint8))
    with pytest.raises(SettingsError, match="Subset: "):
        Subset(np.full((1, 6), 9)).sample(NASBench201().networks(), rng=np.random.default_rng(0))
