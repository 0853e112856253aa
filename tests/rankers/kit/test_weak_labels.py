from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import rankdata, zscore
from sklearn.base import clone

from archrank.criteria import kendall_tau
from archrank.errors import LabelError
from archrank.rankers import GaussianProcess
from archrank.rankers.kit.kernels import Kernel
from archrank.rankers.kit.weak_labels import WeakLabels
from archrank.spaces import CustomSpace, NASBench201
from archrank.strategies.guided import describe_ranker
from archrank.tables import load_table


def nothing(config: dict[str, object], task: object) -> None:
    """Stands for a build function that these tests never call."""


PLAIN = CustomSpace({"a": [1, 2, 3, 4], "b": [1, 2, 3]}, build=nothing)


def standard_ranks(values: np.ndarray) -> np.ndarray:
    return zscore(rankdata(values))


def test_known_architectures_have_their_ranks_of_mean_0_and_variance_1() -> None:
    archs = PLAIN.enumerate()[[3, 7, 1, 9]]
    weak = WeakLabels(PLAIN, archs, {"acc": [0.1, 0.4, 0.2, 0.3]})
    expected = np.array([-1.5, 1.5, -0.5, 0.5]) / np.sqrt(1.25)
    np.testing.assert_allclose(weak.features(archs)[:, 0], expected)
    np.testing.assert_allclose(weak.features(archs[::-1])[:, 0], expected[::-1])
    np.testing.assert_allclose(weak.features(archs)[:, 1], expected)  # no two are isomorphic


def test_isomorphic_architectures_share_the_mean_and_keep_their_own(space: NASBench201) -> None:
    every = space.enumerate()
    classes = space.classes(every)
    big = np.flatnonzero(classes == np.bincount(classes).argmax())[:6]
    values = np.arange(6.0)
    weak = WeakLabels(space, every[big], {"acc": values})
    features = weak.features(every[big])[:, 0]
    np.testing.assert_allclose(features, features[0], atol=1e-12)
    np.testing.assert_allclose(features[0], 0.0, atol=1e-12)
    own = weak.features(every[big])[:, 1]
    np.testing.assert_allclose(own, standard_ranks(values))
    labelled, labels = weak.some()
    assert set(space.classes(labelled)) == set(classes[big])
    np.testing.assert_allclose(labels, 0.0, atol=1e-12)


def test_some_are_labelled_architectures(space: NASBench201) -> None:
    archs = space.sample(900, rng=np.random.default_rng(0))
    costs = space.cost(archs)
    macs = np.where(np.arange(900) < 500, costs["macs"], np.nan)
    weak = WeakLabels(space, archs, {"macs": macs, "params": costs["params"]})
    labelled, labels = weak.some()
    assert labels.shape == (256, 2)
    known = {row.tobytes() for row in space.canonical(archs[:500])}
    assert {row.tobytes() for row in space.canonical(labelled)} <= known
    np.testing.assert_array_equal(labels, weak.features(labelled)[:, :2])


def test_several_labels_have_in_common_what_orders_most_of_them(space: NASBench201) -> None:
    archs = space.sample(400, rng=np.random.default_rng(0))
    macs, noise = space.cost(archs)["macs"], np.random.default_rng(1).normal(size=400)
    one = WeakLabels(space, archs, {"macs": macs})
    np.testing.assert_array_equal(one.common(archs), one.features(archs)[:, 0])
    three = WeakLabels(space, archs, {"noise": noise, "macs": macs, "error": -(macs**2)})
    assert abs(kendall_tau(three.common(archs), macs)) > 0.8


def test_costs_of_isomorphic_architectures_help_to_rank_costs(space: NASBench201) -> None:
    gains = []
    for draw in range(6):
        archs = space.sample(1500, rng=np.random.default_rng(draw))
        latency = space.cost(archs)["macs"]
        other = latency + space.cost(archs)["params"] * 30  # another device
        taus = [
            kendall_tau(ranker.fit(archs[:15], latency[:15]).predict(archs[15:]), latency[15:])
            for ranker in (
                GaussianProcess(space),
                GaussianProcess(space).pretrain(archs, {"other": other}),
            )
        ]
        gains.append(taus[1] - taus[0])
    assert np.mean(gains) > 0.01


def test_missing_and_nan_labels_are_guessed_from_the_features() -> None:
    every = PLAIN.enumerate()
    values = every[:, 0] * 10.0 + every[:, 1]
    holes = values.copy()
    holes[5] = np.nan
    weak = WeakLabels(PLAIN, every[:10], {"acc": holes[:10]})
    guessed = weak.features(every)[:, 0]
    assert np.isfinite(guessed).all()
    assert kendall_tau(guessed, values) > 0.7


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({}, "none given"),
        ({"acc": [1.0, 2.0]}, "weak label 'acc': expected 3 numbers"),
        ({"acc": [1.0, 1.0, 1.0]}, "'acc' is the same"),
        ({"acc": [np.nan, np.nan, np.nan]}, "'acc' is the same, or NaN"),
        ({"acc": ["a", "b", "c"]}, "expected 3 numbers"),
    ],
)
def test_unusable_labels_are_refused(labels: dict[str, list[float]], message: str) -> None:
    with pytest.raises(LabelError, match=message):
        WeakLabels(PLAIN, PLAIN.enumerate()[:3], labels)


def test_pretraining_survives_cloning_and_enters_the_description(space: NASBench201) -> None:
    archs = space.sample(50, rng=np.random.default_rng(0))
    plain = GaussianProcess(space)
    ranker = GaussianProcess(space).pretrain(archs, space.cost(archs))
    assert clone(ranker).pretrained_ is ranker.pretrained_
    assert not hasattr(clone(ranker), "n_labels_")
    assert describe_ranker(clone(ranker)) == describe_ranker(ranker) != describe_ranker(plain)


def test_weak_labels_help_most_where_labels_are_few(space: NASBench201, data_dir) -> None:
    table = load_table(data_dir / "nb201.csv.gz", space)
    supernet = load_table(data_dir / "nb201_supernet.csv.gz", space)
    weak = {name: supernet.column(name)[supernet.rows(table.archs)] for name in supernet.metrics}
    weak |= space.cost(table.archs)
    pretrained = GaussianProcess(space).pretrain(table.archs, weak)
    gains = []
    for draw in range(4):
        rows = np.random.default_rng([draw, 20]).choice(len(table), 20, replace=False)
        taus = []
        for ranker in (GaussianProcess(space), pretrained):
            ranker.fit(table.archs[rows], table.column("c10_val")[rows])
            taus.append(kendall_tau(ranker.predict(table.archs), table.column("c10_test")))
        gains.append(taus[1] - taus[0])
    assert np.mean(gains) > 0.02


def test_priors_are_those_that_explain_the_weak_labels(space: NASBench201) -> None:
    """A label of operation counts alone makes counts large and smooth, against other groups."""
    archs = np.unique(space.canonical(space.sample(400, rng=np.random.default_rng(0))), axis=0)
    convs = (archs == 3).sum(axis=1) + 0.01 * np.arange(len(archs)) / len(archs)
    ranker = GaussianProcess(space).pretrain(archs, {"convolutions": convs})
    shuffled = GaussianProcess(space)
    shuffled.pretrain(archs, {"noise": np.random.default_rng(1).permutation(convs)})
    plain = [Kernel(terms) for terms, _, _ in _scaled(GaussianProcess(space))._kernels()]
    found, blind = (
        [Kernel(terms, learnt=learnt) for terms, learnt, _ in each._kernels() if learnt is not None]
        for each in (ranker, shuffled)
    )
    views = len(ranker._views())  # groups that add up, and two kernels of all of them together
    assert len(ranker._kernels()) == len(found) + views == 2 * views + 1  # the usual priors, too
    count = list(ranker.columns_).index("count") - 1  # after edges, which are not used
    others = [t for t in range(4) if t != count]
    for kernel in (found[0], found[-1]):  # that of costs has the same smooth terms
        assert kernel.prior_mean[count] > kernel.prior_mean[others].max()
        assert kernel.prior_mean[len(kernel.terms) + count] > 1.0
    groups = found[1]._relevance  # of the kernel that compares all groups at once
    relevances = found[1].prior_mean[groups]
    assert relevances.argmax() == count
    for before, after in zip(plain, blind, strict=True):
        g = len(before.terms)
        assert len(after.terms) > g
        assert np.abs(np.ptp(after.prior_mean[: min(g, 4)])) < 0.6  # no ratio is preferred by much


def _scaled(ranker: GaussianProcess) -> GaussianProcess:
    ranker._set_scale()
    return ranker


def test_a_shuffled_label_costs_little(space: NASBench201) -> None:
    table = load_table("digits201", space)
    labels, truth = table.column("valid_accuracy"), table.column("test_accuracy")
    shuffled = GaussianProcess(space)
    shuffled.pretrain(table.archs, {"shuffled": np.random.default_rng(9).permutation(truth)})
    losses = []
    for draw in range(4):
        rows = np.random.default_rng(draw).choice(len(table), 20, replace=False)
        taus = []
        for ranker in (GaussianProcess(space), shuffled):
            ranker.fit(table.archs[rows], labels[rows])
            taus.append(kendall_tau(ranker.predict(table.archs), truth))
        losses.append(taus[0] - taus[1])
    assert np.mean(losses) < 0.03


def test_labels_decide_whether_weak_labels_tell_what_matters(space: NASBench201) -> None:
    """MACs depend on counts alone, accuracy does not: with some labels, that is noticed."""
    table = load_table("digits201", space)
    labels = table.column("valid_accuracy")
    rows = np.random.default_rng(0).choice(len(table), 60, replace=False)
    ranker = GaussianProcess(space).pretrain(table.archs, {"macs": table.column("macs")})
    ranker.fit(table.archs[rows], labels[rows])
    weights = {True: 0.0, False: 0.0}
    for member in ranker.members_:
        told = {
            learnt is not None
            for terms, learnt, _ in ranker._kernels()
            if np.array_equal(
                Kernel(terms, learnt=learnt).prior_mean[:-1], member.kernel.prior_mean[:-1]
            )
        }
        weights[told.pop()] += member.weight
        assert not told
    assert weights[False] > 0.9
