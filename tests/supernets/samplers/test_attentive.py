"""Attentive sampling: distributions, winners and fronts against brute force."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

import archrank.spaces.networks as networks_module
from archrank.errors import SettingsError, UnknownNameError
from archrank.rankers import GBDT, AttentiveNASForest
from archrank.spaces import AttentiveNAS
from archrank.spaces.networks import Networks
from archrank.supernets.samplers import (
    SAMPLERS,
    AttentiveLoss,
    AttentiveRanker,
    AttentiveSet,
    FlopsPrior,
)
from archrank.supernets.samplers.attentive_set import pareto_front
from archrank.testing import check_sampler
from archrank.types import Archs, Floats

SPACE = AttentiveNAS()
P = 1e-4  # of a right sampler to fail


@pytest.fixture(scope="module")
def networks() -> Networks:
    """Networks whose prior comes from fewer architectures, which take less time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(networks_module, "SAMPLED", 200_000)
        found = SPACE.networks()
        assert found.flops_prior.bin_mflops == 25
    return found


@pytest.fixture(scope="module")
def forest() -> AttentiveNASForest:
    archs = SPACE.sample(200, rng=np.random.default_rng(0))
    return AttentiveNASForest(SPACE, trees=5).fit(archs, quality(archs))


def quality(archs: Archs) -> Floats:
    """Made-up accuracies, which FLOPs tell in part."""
    return np.log(SPACE.mflops(archs)) + 0.5 * (archs[:, 17] == 1) + 0.1 * archs[:, 3]


def bins(networks: Networks, rows: Archs) -> Floats:
    return np.rint(networks.cost(rows)["macs"] / 25e6) * 25


# ---- the prior -----------------------------------------------------------------------------------


def test_draws_match_the_prior(networks: Networks) -> None:
    prior = networks.flops_prior
    rows = FlopsPrior(m=20_000).sample(networks, rng=np.random.default_rng(1))
    found = np.array([(bins(networks, rows) == t).sum() for t in prior.targets])
    common = prior.shares * len(rows) >= 20
    rest = [found[~common].sum() + len(rows) - found.sum(), prior.shares[~common].sum()]
    counts = [*found[common], rest[0]]
    expected = np.array([*prior.shares[common], rest[1]])
    assert chisquare(counts, expected / expected.sum() * sum(counts)).pvalue > P


def test_candidates_have_the_same_flops(networks: Networks) -> None:
    rows = AttentiveLoss(k=5, m=40).sample(networks, rng=np.random.default_rng(0))
    groups = bins(networks, rows).reshape(40, 5)
    assert (groups == np.median(groups, axis=1)[:, None]).mean() > 0.97  # the 101st may miss
    assert len(np.unique(np.median(groups, axis=1))) > 10
    assert len(np.unique(rows, axis=0)) == 200


def test_limits(networks: Networks) -> None:
    rows = FlopsPrior(200, mflops=(300, 400)).sample(networks, rng=np.random.default_rng(0))
    mflops = SPACE.mflops(rows)
    assert 280 < mflops.min() < mflops.max() < 420
    for low, high in ((10, 20), (2000, 9000), (312, 313)):
        sampler = AttentiveLoss(mflops=(low, high))
        with pytest.raises(SettingsError) as caught:
            sampler.sample(networks, rng=np.random.default_rng(0))
        told = str(caught.value)
        assert f"AttentiveLoss: no bin of architectures of attentivenas is at {low:g}" in told
        assert told.endswith("the smallest network has 203.4, the largest 1939 MFLOPs")


# ---- winners -------------------------------------------------------------------------------------


@given(seed=st.integers(0, 99), k=st.integers(1, 5), m=st.integers(1, 4))
@settings(max_examples=30, deadline=None)
def test_the_lowest_or_highest_loss_wins(seed: int, k: int, m: int) -> None:
    rng = np.random.default_rng(seed)
    rows, losses = SPACE.sample(m * k, rng=rng), rng.random(m * k)
    for front, pick in (("best", min), ("worst", max)):
        sampler = AttentiveLoss(front=front, k=k, m=m)  # type: ignore[arg-type]
        found = sampler.choose(rows, losses)
        expected = [
            rows[pick(range(g * k, (g + 1) * k), key=lambda i: losses[i])] for g in range(m)
        ]
        assert np.array_equal(found, expected)


def test_a_loss_that_is_no_number_never_wins() -> None:
    rows = SPACE.sample(3, rng=np.random.default_rng(0))
    losses = np.array([np.nan, 5.0, 7.0])
    assert np.array_equal(AttentiveLoss(k=3, m=1).choose(rows, losses)[0], rows[1])


@pytest.mark.parametrize("front", ["best", "worst"])
def test_the_ranker_chooses(front: Any, networks: Networks, forest: AttentiveNASForest) -> None:
    sampler = AttentiveRanker(front=front, k=50, m=20, ranker=forest)
    check_sampler(sampler, networks, updates=2)
    rows = sampler.sample(networks, rng=np.random.default_rng(0))
    every = sampler.groups(networks, 50, rng=np.random.default_rng(0))
    scores = forest.predict(every).reshape(20, 50)
    expected = scores.max(axis=1) if front == "best" else scores.min(axis=1)
    assert np.array_equal(forest.predict(rows), expected)


def test_a_ranker_that_learns(networks: Networks, forest: AttentiveNASForest) -> None:
    fresh = AttentiveNASForest(SPACE, trees=5)
    sampler = AttentiveRanker(m=8, ranker=fresh, learns=(2,))
    check_sampler(sampler, networks, updates=2)
    assert len(sampler.sample(networks, rng=np.random.default_rng(0))) == 8
    archs = SPACE.sample(200, rng=np.random.default_rng(0))
    taught = sampler.taught(archs, quality(archs))
    known = AttentiveRanker(m=8, ranker=forest)
    a, b = (s.sample(networks, rng=np.random.default_rng(3)) for s in (taught, known))
    assert np.array_equal(a, b)
    assert not sampler.knows
    assert not hasattr(fresh, "n_labels_")


def test_descriptions_tell_rankers_apart(forest: AttentiveNASForest) -> None:
    archs = SPACE.sample(200, rng=np.random.default_rng(5))
    other = AttentiveNASForest(SPACE, trees=5).fit(archs, quality(archs))
    plain, same, changed = (
        AttentiveRanker(ranker=r).describe()
        for r in (forest, AttentiveRanker(ranker=forest).ranker, other)
    )
    assert plain == same != changed
    assert plain["ranker"]["trees"] == 5
    learning = AttentiveRanker(ranker=GBDT(SPACE), learns=(1,)).describe()
    assert learning["learns"] == [1]
    assert learning["ranker"]["class"] == "GBDT"


# ---- offline sets --------------------------------------------------------------------------------


@given(seed=st.integers(0, 10**6), n=st.integers(1, 12))
@settings(max_examples=60, deadline=None)
def test_fronts_by_their_definitions(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    mflops, scores = rng.integers(1, 6, n).astype(float), rng.integers(1, 6, n).astype(float)
    every = range(n)

    def larger(i: int) -> list[int]:
        return [j for j in every if mflops[j] >= mflops[i]]

    best = [
        all(
            scores[j] < scores[i] or (mflops[j], scores[j]) == (mflops[i], scores[i])
            for j in every
            if mflops[j] <= mflops[i]
        )
        for i in every
    ]
    repaired = [not any(scores[j] < scores[i] for j in larger(i)) for i in every]
    printed = [any(scores[j] > scores[i] for j in larger(i)) for i in every]
    assert pareto_front(mflops, scores).tolist() == best
    assert pareto_front(mflops, scores, "worst").tolist() == repaired
    assert pareto_front(mflops, scores, "worst", "printed").tolist() == printed


def test_sets(networks: Networks, forest: AttentiveNASForest) -> None:
    sizes = {}
    for front, definition in (("best", "repaired"), ("worst", "repaired"), ("worst", "printed")):
        sampler: Any = AttentiveSet(
            front=front,  # type: ignore[arg-type]
            ranker=forest,
            n=3_000,
            m=300,
            definition=definition,  # type: ignore[arg-type]
        )
        check_sampler(sampler, networks, updates=2)
        rows = sampler.sample(networks, rng=np.random.default_rng(0))
        pool = np.unique(SPACE.sample(3_000, rng=np.random.default_rng(0)), axis=0)
        marks = pareto_front(SPACE.mflops(pool), forest.predict(pool), front, definition)  # type: ignore[arg-type]
        members = {row.tobytes() for row in pool[marks]}
        assert {row.tobytes() for row in rows} <= members
        sizes[front, definition] = len(members)
    assert sizes["best", "repaired"] < 100 < 2_000 < sizes["worst", "printed"]
    with pytest.raises(SettingsError, match="no architecture of the worst front has 1 to 2 MFLOPs"):
        AttentiveSet(front="worst", ranker=forest, n=3_000, mflops=(1, 2)).sample(
            networks, rng=np.random.default_rng(0)
        )


# ---- names and refusals --------------------------------------------------------------------------


def test_names(forest: AttentiveNASForest) -> None:
    assert SAMPLERS.get("bestup-3-loss")() == AttentiveLoss()
    assert SAMPLERS.get("worstup_7_loss")(m=1) == AttentiveLoss(m=1, front="worst", k=7)
    found = SAMPLERS.get("WorstUp-50-ranker")(ranker=forest)
    assert (found.front, found.k, type(found)) == ("worst", 50, AttentiveRanker)
    assert SAMPLERS.get("bestup-1m")(ranker=forest).n == 1_000_000
    for name in SAMPLERS.names():
        assert callable(SAMPLERS.get(name))
    with pytest.raises(UnknownNameError, match="or 'bestup_3_loss'"):
        SAMPLERS.get("bestup-3-los")


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: SAMPLERS.get("bestup-0-loss")(), "AttentiveLoss: k must be at least 1, got 0"),
        (lambda: AttentiveLoss(m=0), "AttentiveLoss trains at least 1 architecture"),
        (lambda: AttentiveLoss(front="middle"), "front is 'middle', expected 'best' or 'worst'"),
        (lambda: FlopsPrior(mflops=(400, 300)), "the lowest and the highest, got 400 and 300"),
        (lambda: FlopsPrior(mflops=300), "mflops are two numbers, got 300"),
        (lambda: AttentiveRanker(), "AttentiveRanker is guided by a ranker, got None"),
        (lambda: AttentiveRanker(ranker=GBDT(SPACE)), "the GBDT is not fitted, and learns after"),
        (lambda: AttentiveRanker(ranker=GBDT(SPACE), learns=(0,)), "learns must be at least 1"),
        (lambda: AttentiveSet(ranker=GBDT(SPACE), learns=(1,), n=0), "n must be at least 1"),
        (
            lambda: AttentiveSet(ranker=GBDT(SPACE), learns=(1,), definition="new"),
            "definition is 'new', expected 'repaired' or 'printed'",
        ),
    ],
)
def test_refusals(make: Any, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        make()
