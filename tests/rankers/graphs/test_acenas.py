from __future__ import annotations

import pickle
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn

from archrank.criteria import kendall_tau, ndcg
from archrank.errors import ArchrankError, LabelError, UnknownNameError
from archrank.losses import lambdarank, relevance
from archrank.rankers import AceNAS, Ensemble
from archrank.rankers.graphs.layers import DGCNN, sort_pool
from archrank.spaces import NASBench201
from archrank.testing import check_ranker


@pytest.fixture(scope="module")
def pretrained(space: NASBench201) -> AceNAS:
    archs = space.sample(200, rng=np.random.default_rng(0))
    return AceNAS(space, pretrain_epochs=20, epochs=3).pretrain(archs, space.cost(archs))


@pytest.mark.parametrize(("pooling", "objective"), [("dgl", "lambdarank"), ("dgcnn", "ranknet")])
def test_contract(space: NASBench201, pooling: str, objective: str) -> None:
    small = partial(AceNAS, pooling=pooling, objective=objective, rank_by="true_asc")
    check_ranker(partial(small, width=32, epochs=40), space)


def test_published_shapes(space: NASBench201) -> None:
    network = AceNAS(space)._network()
    assert isinstance(network, DGCNN)
    shapes = {name: tuple(p.shape) for name, p in network.named_parameters()}
    assert [shapes[f"convs.{i}.linear.weight"] for i in range(4)] == [(64, 7)] + [(64, 64)] * 3
    assert shapes["per_node.weight"] == (32, 64)
    assert shapes["over_nodes.weight"] == (64, 32 * 5)
    assert shapes["fusion.weight"] == (128, 64)
    assert shapes["heads.0.0.weight"] == (128, 128)
    assert shapes["heads.0.3.weight"] == (1, 128)
    assert [m.p for m in network.modules() if isinstance(m, nn.Dropout)] == [0.5]
    dgcnn = AceNAS(space, pooling="dgcnn")._network()
    assert isinstance(dgcnn, DGCNN)
    assert dgcnn.convs[-1].linear.weight.shape == (1, 64)
    assert dgcnn.per_node.in_features == 3 * 64 + 1


@pytest.mark.parametrize("k", [3, 5, 12])
def test_sort_pool_against_a_loop(k: int) -> None:
    x = torch.randn(4, 6, 3)
    mask = torch.rand(4, 6) < 0.7
    mask[0] = False
    ours = sort_pool(x, mask, k)
    for g in range(4):
        nodes = sorted(x[g][mask[g]].tolist(), key=lambda node: -node[-1])[:k]
        nodes += [[0.0] * 3] * (k - len(nodes))
        torch.testing.assert_close(ours[g], torch.tensor(nodes))


def test_network_against_one_graph_at_a_time(space: NASBench201) -> None:
    ranker = AceNAS(space, width=8)
    network = ranker._network().eval()
    assert isinstance(network, DGCNN)
    flow, x, mask, extra = ranker._inputs(space.sample(5, rng=np.random.default_rng(0)))
    a = space.graph(np.zeros((1, 6), dtype=np.uint8)).adjacency[0] | np.eye(8, dtype=bool)
    a = torch.from_numpy(a / np.sqrt(a.sum(1)[:, None] * a.sum(0))).float()  # row = source
    with torch.no_grad():
        ours = network(flow, x, mask, extra)
        for g in range(5):
            h = x[g]
            for conv in network.convs:
                h = (a.T @ h @ conv.linear.weight.T + conv.linear.bias).relu()
            h = h.sort(1).values
            h = h[h[:, -1].argsort(descending=True)]
            h = torch.cat([h, torch.zeros(2, 8)])  # 8 nodes, k = 10
            first = nn.Conv1d(1, 4, 8, 8)
            first.weight.copy_(network.per_node.weight[:, None])
            first.bias.copy_(network.per_node.bias)  # type: ignore[union-attr]
            z = nn.functional.max_pool1d(first(h.reshape(1, 1, 80)).relu(), 2, 2)
            second = network.over_nodes
            z = nn.functional.conv1d(z, second.weight.view(8, 4, 5), second.bias)
            z = network.fusion(z.relu().flatten(1))
            torch.testing.assert_close(ours[g], network.heads[0](z)[0, 0])


def test_loss_and_early_stopping_watch_relevance(space: NASBench201) -> None:
    y = np.random.default_rng(0).random(30)
    ranker = AceNAS(space, rank_by="true_desc")
    targets = torch.as_tensor(ranker._targets(y))
    np.testing.assert_allclose(targets, relevance(y))
    scores = torch.randn(30, dtype=torch.double)
    loss = ranker._loss(scores, targets, torch.Generator())
    assert loss == lambdarank(scores, targets, rank_by="true_desc")
    assert ranker._criterion(scores, targets) == pytest.approx(ndcg(scores, y))


def test_ranknet_of_halves_counts_ties_as_inversions(space: NASBench201) -> None:
    ranker = AceNAS(space, objective="ranknet_halves")
    s, y = torch.tensor([1.0, 0.0, 9.0, 0.5, 2.0]), torch.tensor([3.0, 1.0, 9.0, 1.0, 1.0])
    p = torch.sigmoid(torch.tensor([1.0 - 0.5, 0.0 - 2.0]))  # pairs (0, 3) won, (1, 4) tied
    expected = -(p[0].log() + (1 - p[1]).log()) / 2
    torch.testing.assert_close(ranker._loss(s, y, torch.Generator()), expected)


def test_pretraining_helps_and_is_kept(space: NASBench201, pretrained: AceNAS) -> None:
    assert pretrained.pretrained_.r2["macs"] > 0.5
    rng = np.random.default_rng(1)
    archs, test = space.sample(20, rng=rng), space.sample(300, rng=rng)
    y = space.cost(archs)["macs"]
    assert not hasattr(pretrained, "n_labels_")
    other = clone(pretrained).set_params(seed=5)  # what strategies do
    assert other.pretrained_ is pretrained.pretrained_
    thawed = pickle.loads(pickle.dumps(other))
    other.fit(archs, y)
    truth = space.cost(test)["macs"]
    assert kendall_tau(other.predict(test), truth) > 0.6
    fresh = AceNAS(space, epochs=3, seed=5).fit(archs, y)
    assert kendall_tau(fresh.predict(test), truth) < 0.4
    assert np.array_equal(thawed.fit(archs, y).predict(test), other.predict(test))
    before = {k: v.clone() for k, v in pretrained.pretrained_.weights.items()}
    clone(pretrained).fit(archs, y)
    assert all(torch.equal(before[k], v) for k, v in pretrained.pretrained_.weights.items())


def test_pretraining_reaches_the_members_of_an_ensemble(
    space: NASBench201, pretrained: AceNAS
) -> None:
    archs = space.sample(20, rng=np.random.default_rng(1))
    ensemble = clone(Ensemble.of(pretrained, 2)).fit(archs, space.cost(archs)["macs"])
    assert all(member.pretrained_ is pretrained.pretrained_ for member in ensemble.members_)  # type: ignore[attr-defined]


def test_weak_labels_may_have_gaps(space: NASBench201) -> None:
    archs = space.sample(60, rng=np.random.default_rng(0))
    weak = space.cost(archs)
    whole = AceNAS(space, pretrain_epochs=1).pretrain(
        archs[10:], {k: v[10:] for k, v in weak.items()}
    )
    weak["macs"][:10] = np.nan
    gaps = AceNAS(space, pretrain_epochs=1).pretrain(archs, weak)
    assert np.isfinite(list(gaps.pretrained_.r2.values())).all()
    assert gaps.pretrained_.digest == whole.pretrained_.digest
    twin = AceNAS(space, pretrain_epochs=1).pretrain(archs, weak)
    assert gaps.pretrained_.digest == twin.pretrained_.digest
    weak["params"][12:] = np.nan
    with pytest.raises(LabelError, match="only 2 architectures have all weak labels"):
        AceNAS(space).pretrain(archs, weak)


def test_only_the_first_head_is_carried_over(space: NASBench201, pretrained: AceNAS) -> None:
    names = set(pretrained.pretrained_.weights)
    assert names == set(AceNAS(space)._network().state_dict())
    for new_head in (False, True):
        ranker = clone(pretrained).set_params(new_head=new_head)
        network = ranker._network()
        head = network.heads[0][0].weight.clone()  # type: ignore[index]
        ranker._start_from_pretraining(network)
        kept = torch.equal(network.heads[0][0].weight, head)  # type: ignore[index]
        assert kept == new_head
        convs = network.state_dict()["convs.0.linear.weight"]
        assert torch.equal(convs, pretrained.pretrained_.weights["convs.0.linear.weight"])


def test_labels_that_tie_at_the_best(space: NASBench201) -> None:
    """Four fifths at the maximum: what is left of the order is the best against the rest."""
    archs = space.enumerate()
    archs = archs[np.random.default_rng(0).permutation(len(archs))[:40]]
    order = np.argsort(space.cost(archs)["macs"], kind="stable")
    y = np.ones(40)
    y[order[:6]] = 0.5
    scores = AceNAS(space, epochs=60).fit(archs, y).predict(archs)
    assert scores[order[6:]].mean() > scores[order[:6]].mean()


def test_mistakes(space: NASBench201, pretrained: AceNAS) -> None:
    archs = space.sample(30, rng=np.random.default_rng(0))
    y = space.cost(archs)["macs"]
    with pytest.raises(LabelError, match="at least 2 labels, got 1"):
        AceNAS(space).fit(archs[:1], y[:1])
    with pytest.raises(LabelError, match="no order to learn"):
        AceNAS(space).fit(archs, np.ones(30))
    for kwargs in ({"objective": "lamdarank"}, {"pooling": "sort"}):
        with pytest.raises(UnknownNameError, match="unknown"):
            AceNAS(space, **kwargs).fit(archs, y)  # type: ignore[arg-type]
    with pytest.raises(ArchrankError, match=r"k=10 or more nodes .*, got k=9"):
        AceNAS(space, k=9).fit(archs, y)
    with pytest.raises(LabelError, match="at least one weak label"):
        AceNAS(space).pretrain(archs, {})
    with pytest.raises(LabelError, match="weak label 'flops': all 30"):
        AceNAS(space).pretrain(archs, {"flops": np.ones(30)})
    with pytest.raises(LabelError, match="30 architectures but values of"):
        AceNAS(space).pretrain(archs, {"flops": y[1:]})
    with pytest.raises(ArchrankError, match="pretrained as another network"):
        clone(pretrained).set_params(width=16).fit(archs, y)


def test_settings_of_the_proxylessnas_code(space: NASBench201) -> None:
    ranker = AceNAS(space, head=256, relevance_scale=15.0, relevance_bounds=(0.73, 0.76))
    targets = ranker._targets(np.array([0.70, 0.73, 0.745, 0.76, 0.80]))
    np.testing.assert_allclose(targets, [0, 0, 7.5, 15, 15])
    free = AceNAS(space, relevance_scale=15.0)._targets(np.arange(11.0))
    np.testing.assert_allclose(free, 15 * np.clip((np.arange(11) - 2) / 8, 0, 1))
    network = ranker._network()
    assert isinstance(network, DGCNN)
    assert network.heads[0][0].out_features == 256  # type: ignore[index]


def test_a_fit_can_go_on_from_the_last_one(space: NASBench201, pretrained: AceNAS) -> None:
    archs = space.sample(40, rng=np.random.default_rng(3))
    y = space.cost(archs)["macs"]
    with pytest.raises(ArchrankError, match="not fitted yet"):
        AceNAS(space).continued()
    for first in (AceNAS(space, epochs=2), clone(pretrained).set_params(new_head=True)):
        first.fit(archs, y)
        again = first.continued()
        network = again._network()
        again._start_from_pretraining(network)
        for name, weights in first.network_.state_dict().items():
            assert torch.equal(network.state_dict()[name], weights)
        assert not hasattr(again, "network_")
