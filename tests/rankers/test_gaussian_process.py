from __future__ import annotations

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, Sum, WhiteKernel

from archrank.criteria import kendall_tau
from archrank.errors import UnknownNameError
from archrank.rankers import GaussianProcess
from archrank.rankers.kit.kernels import JITTER
from archrank.rankers.kit.targets import gap_scores, normal_scores, standard_scores
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


def test_posterior_agrees_with_scikit_learn_at_the_same_hyper_parameters(
    space: NASBench201,
) -> None:
    rng = np.random.default_rng(2)
    archs = space.sample(60, rng=rng)
    scores = space.cost(archs)["macs"] + rng.normal(0, 1e7, 60)
    ranker = GaussianProcess(space, groups=("depth",)).fit(archs[:40], scores[:40])
    forms = {
        "ranks": normal_scores(scores[:40]),
        "gaps": gap_scores(scores[:40], ranker.margin_)[0],
        "values": standard_scores(scores[:40]),
    }
    columns = ranker.columns_["depth"]
    train, test = (ranker._standardised(a)[:, columns] for a in (archs[:40], archs[40:]))
    means, variances, weights = [], [], []
    for member in ranker.members_:
        amplitude, length, noise = np.exp(member.theta)
        kernel = Sum(
            ConstantKernel(amplitude) * Matern(length, nu=2.5), WhiteKernel(noise + JITTER)
        )
        oracle = GaussianProcessRegressor(kernel, alpha=0.0, optimizer=None)
        oracle.fit(train, forms[member.form])
        mean, noisy_std = oracle.predict(test, return_std=True)
        means.append(mean)
        variances.append(noisy_std**2 - noise - JITTER)  # of the noise-free value
        weights.append(member.weight)
    assert sum(weights) == pytest.approx(1)
    expected = np.average(means, axis=0, weights=weights)
    spread = np.average((means - expected) ** 2 + variances, axis=0, weights=weights)
    mean, std = ranker.predict(archs[40:], return_std=True)
    np.testing.assert_allclose(mean, expected, atol=1e-6)
    np.testing.assert_allclose(std**2, spread, atol=1e-6)


def test_failed_networks_far_below_make_it_learn_ranks(space: NASBench201) -> None:
    rng = np.random.default_rng(3)
    archs = space.sample(60, rng=rng)
    scores = space.cost(archs)["macs"] / 1e8 + rng.normal(0, 0.2, 60)
    scores[:5] -= 80
    ranker = GaussianProcess(space).fit(archs, scores)
    assert {member.form for member in ranker.members_} == {"ranks"}


def runs(member: object) -> bool:
    """Whether a kernel looks at what networks run."""
    return any(term.linear for term in member.kernel.terms)  # type: ignore[attr-defined]


def test_costs_of_dead_edges_are_seen(space: NASBench201) -> None:
    archs = space.sample(400, rng=np.random.default_rng(3))
    macs = space.cost(archs)["macs"]
    ranker = GaussianProcess(space).fit(archs[:50], -macs[:50])
    assert all(runs(member) and member.form == "values" for member in ranker.members_)
    assert kendall_tau(ranker.predict(archs[50:]), -macs[50:]) > 0.93  # MACs have ties
    blind = GaussianProcess(space, groups=("count", "depth", "path", "state"))
    blind.fit(archs[:50], -macs[:50])
    assert kendall_tau(blind.predict(archs[50:]), -macs[50:]) < 0.85


def measured(archs: np.ndarray, effects: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Scores that add up effects ``(d, options)``, with some noise."""
    return effects[np.arange(archs.shape[1]), archs].sum(axis=1) + rng.normal(0, 0.1, len(archs))


@pytest.mark.parametrize("ordered", [True, False])
def test_the_order_of_numbers_is_used_where_there_is_one(ordered: bool) -> None:
    rng = np.random.default_rng(4)
    options = [8, 16, 32, 64, 128, 256, 512]
    numbers = CustomSpace({f"w{j}": options for j in range(4)}, build=nothing)
    names = CustomSpace({f"w{j}": [str(o) for o in options] for j in range(4)}, build=nothing)
    taus = []
    for _ in range(4):
        effects = rng.normal(size=(4, 7))
        if ordered:
            effects = np.outer(rng.normal(size=4), np.linspace(-1, 1, 7))
        archs = numbers.sample(500, rng=rng)
        scores = measured(archs, effects, rng)
        taus.append(
            [
                kendall_tau(
                    GaussianProcess(space).fit(archs[:30], scores[:30]).predict(archs[30:]),
                    scores[30:],
                )
                for space in (numbers, names)
            ]
        )
    gain = np.mean([a - b for a, b in taus])
    assert gain > 0.1 if ordered else gain > -0.08


def test_two_labels_are_enough(space: NASBench201) -> None:
    archs = space.sample(10, rng=np.random.default_rng(5))
    mean, std = GaussianProcess(space).fit(archs[:2], [0.1, 0.2]).predict(archs, return_std=True)
    assert np.isfinite(mean).all()
    assert (std > 0).all()


def test_cells_that_compute_the_same_get_the_same_score(space: NASBench201) -> None:
    archs = space.enumerate()
    twins = np.flatnonzero(space.classes(archs, "live") != space.index(archs))[:200]
    rng = np.random.default_rng(4)
    train = space.sample(60, rng=rng)
    lengths = space.features(train)[:, space.feature_names.index("depth:mean all")]
    ranker = GaussianProcess(space).fit(train, lengths + 0.01 * rng.normal(size=60))
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


def test_without_weak_labels_it_remembers_what_matters(space: NASBench201) -> None:
    rng = np.random.default_rng(0)
    archs = space.sample(300, rng=rng)
    macs = space.cost(archs)["macs"]
    plain = GaussianProcess(space)
    taught = GaussianProcess(space).pretrain(archs, {"macs": macs})
    weaned = taught.without_weak_labels()
    assert taught.can_foresee
    assert not weaned.can_foresee
    other = GaussianProcess(space).pretrain(archs, {"macs": -macs}).without_weak_labels()
    gains = []
    for seed in range(3):
        few = np.random.default_rng(seed).choice(300, 12, replace=False)
        for ranker in (plain, weaned, other):
            ranker.fit(archs[few], macs[few])
        assert np.allclose(weaned.predict(archs), other.predict(archs))  # not which way is better
        taus = [kendall_tau(ranker.predict(archs), macs) for ranker in (plain, weaned)]
        gains.append(taus[1] - taus[0])
    assert np.mean(gains) > 0.02


def test_errors_that_multiply_are_learnt_by_their_gaps(space: NASBench201) -> None:
    """Accuracies saturate: each convolution divides the error, and labels are told apart by it."""
    archs = space.sample(60, rng=np.random.default_rng(4))
    convolutions = (archs == 2).sum(axis=1) + (archs == 3).sum(axis=1)
    scores = 1 - np.exp(-convolutions + np.random.default_rng(5).normal(0, 0.1, 60))
    ranker = GaussianProcess(space).fit(archs, scores)
    assert sum(m.weight for m in ranker.members_ if m.form == "gaps") > 0.9


def test_forms_and_joint_kernels_can_be_chosen(space: NASBench201) -> None:
    archs = space.sample(40, rng=np.random.default_rng(6))
    scores = space.cost(archs)["macs"] + np.random.default_rng(7).normal(0, 1e7, 40)
    some = GaussianProcess(space, forms=("gaps",), joint=False).fit(archs, scores)
    assert {member.form for member in some.members_} == {"gaps"}
    assert all(len(member.kernel.terms) > 1 for member in some.members_)
    assert len(GaussianProcess(space, joint=False).fit(archs, scores)._views()) == 1
    with pytest.raises(UnknownNameError, match="form of the labels 'rank', did you mean 'ranks'"):
        GaussianProcess(space, forms=("rank",)).fit(archs, scores)


def test_guided_search_fits_what_tells_the_best_apart(space: NASBench201) -> None:
    archs = space.sample(40, rng=np.random.default_rng(8))
    pretrained = GaussianProcess(space).pretrain(archs, space.cost(archs))
    searched = pretrained.for_search()
    assert (searched.forms, searched.joint) == (("ranks", "values"), False)
    assert searched.pretrained_ is pretrained.pretrained_
    searched.fit(archs[:20], space.cost(archs[:20])["params"])  # priors of fewer kernels
    assert GaussianProcess(space, forms=("gaps",)).for_search().forms == ("gaps",)
