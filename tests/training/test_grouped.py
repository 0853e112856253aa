from __future__ import annotations

import copy
import math
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from archrank.errors import SettingsError
from archrank.metrics import Metric
from archrank.networks import NASBench201Network
from archrank.networks.grouped import GroupedNASBench201
from archrank.tasks import Augmentation, Digits, Recipe, Split, Splits
from archrank.training.grouped import _shared_draws, clip_each, train_many
from archrank.training.loop import TrainingResult, initialise, train

NAMES = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"]
CELLS = [
    ["nor_conv_3x3", "skip_connect", "nor_conv_1x1", "avg_pool_3x3", "none", "nor_conv_1x1"],
    ["none"] * 6,
    ["skip_connect"] * 6,
    ["nor_conv_3x3"] * 6,
]
VALID = "valid_accuracy"


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@dataclass(frozen=True)
class Double(Digits):
    """Digits in double precision, where rounding cannot grow into a difference; fewer images."""

    def load(self) -> Splits:
        return Splits(*(Split(s.x[:130].double(), s.y[:130]) for s in super().load()))


@dataclass(frozen=True)
class Margin(Double):
    """A user's own loss and metric."""

    metrics = (Metric("margin"),)

    def loss(self, outputs: Tensor, y: Tensor) -> Tensor:
        return nn.functional.multi_margin_loss(outputs, y)

    def measure(self, outputs: Tensor, y: Tensor) -> dict[str, Tensor]:
        return {"margin": outputs.gather(1, y[:, None]).mean()}


def build(cells: list[list[str]], seed: int = 0, channels: int = 4) -> list[NASBench201Network]:
    def one(cell: list[str]) -> NASBench201Network:
        return NASBench201Network(cell, channels=channels, cells=1, in_channels=1, reduction="pool")

    found: list[Any] = [initialise(partial(one, c), seed + i) for i, c in enumerate(cells)]
    return found


def numbers(result: TrainingResult) -> list[float]:
    return list(result.metrics.values())


PLAIN = Recipe(epochs=2, batch_size=64)
NOISE = Augmentation(noise=0.5)
SETTINGS = {
    "plain": (PLAIN, NOISE),
    "all": (
        replace(PLAIN, label_smoothing=0.1, grad_clip=0.5, warmup_epochs=1),
        Augmentation(noise=0.5, shift=1, flip=True),
    ),
    "adamw": (replace(PLAIN, optimizer="adamw", lr=0.01, grad_clip=1.0), Augmentation()),
}


@pytest.mark.parametrize("kind", [Double, Margin])
@pytest.mark.parametrize(("recipe", "augmentation"), SETTINGS.values(), ids=SETTINGS)
def test_a_group_is_trained_as_each_network_alone(
    kind: type[Digits], recipe: Recipe, augmentation: Augmentation
) -> None:
    task = kind(recipe=recipe, augmentation=augmentation, copies=1)
    networks = [n.double() for n in build(CELLS)]
    alone = copy.deepcopy(networks)
    seeds = [11, -12, 13, 14]
    results = train_many(networks, task, seeds=seeds, checkpoints=[1])
    for i, network in enumerate(alone):
        wanted = train(network, task, seed=seeds[i], checkpoints=[1])
        assert numbers(results[i]) == pytest.approx(numbers(wanted), rel=1e-7)
        assert list(results[i].checkpoints) == [1]
        assert results[i].checkpoints[1] == pytest.approx(wanted.checkpoints[1], rel=1e-7)
        assert results[i].epochs == wanted.epochs == recipe.epochs
        assert results[i].diverged is None
        torch.testing.assert_close(  # written back
            networks[i].classifier.weight, network.classifier.weight, rtol=1e-6, atol=1e-9
        )


def test_single_precision_agrees_as_far_as_rounding_allows() -> None:
    task = Digits(recipe=Recipe(epochs=1), augmentation=NOISE, copies=1)
    networks = build(CELLS)
    alone = [train(n, task, seed=i) for i, n in enumerate(copy.deepcopy(networks))]
    together = train_many(networks, task, seeds=range(4))
    for wanted, found in zip(alone, together, strict=True):
        assert found.metrics["train_loss"] == pytest.approx(wanted.metrics["train_loss"], rel=1e-3)
        assert found.metrics["valid_loss"] == pytest.approx(wanted.metrics["valid_loss"], rel=1e-3)
        assert found.metrics[VALID] == pytest.approx(wanted.metrics[VALID], abs=0.01)


@pytest.mark.parametrize("shared", [False, True])
def test_each_network_diverges_by_itself(shared: bool) -> None:
    task = Double(recipe=Recipe(epochs=2), copies=1)
    networks = [n.double() for n in build([CELLS[0], CELLS[3], CELLS[0]])]
    clean, poisoned = networks, copy.deepcopy(networks)
    nn.init.constant_(poisoned[1].classifier.weight, math.nan)
    options: dict[str, Any] = {"seeds": [1, 2, 3], "per_network_draws": not shared}
    wanted = train_many(clean, task, **options)
    found = train_many(poisoned, task, checkpoints=[1, 2], **options)
    for i in (0, 2):
        assert numbers(found[i]) == numbers(wanted[i])
        assert list(found[i].checkpoints) == [1, 2]
        assert found[i].checkpoints[2].items() <= found[i].metrics.items()
    assert found[1].diverged == "the training loss became nan in epoch 1"
    assert found[1].epochs == 1
    assert found[1].checkpoints == {}
    assert math.isnan(found[1].metrics[VALID])
    assert math.isnan(found[1].metrics["test_loss"])


def test_a_group_stops_when_all_have_diverged() -> None:
    task = Digits(recipe=Recipe(epochs=50, lr=1e30), copies=1)
    networks = build(CELLS[:1] * 2)
    alone = [train(n, task, seed=i) for i, n in enumerate(copy.deepcopy(networks))]
    for wanted, found in zip(alone, train_many(networks, task, seeds=[0, 1]), strict=True):
        assert found.diverged == wanted.diverged
        assert found.epochs == wanted.epochs < 50


def test_finite_in_training_but_not_in_evaluation() -> None:
    task = Digits(recipe=Recipe(epochs=1), copies=1)
    networks = build(CELLS[:1] * 2)
    mean = networks[1].head[0].running_mean
    assert isinstance(mean, Tensor)
    mean.fill_(math.nan)
    fine, broken = train_many(networks, task, seeds=[0, 1])
    assert fine.diverged is None
    assert broken.diverged is not None
    assert "validation" in broken.diverged
    assert math.isnan(broken.metrics[VALID])


def test_clipping_is_per_network() -> None:
    networks = [n.double() for n in build(CELLS)]
    group = GroupedNASBench201(networks)
    x = torch.randn(5, 4, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    weights = torch.tensor([1e-3, 1.0, 10.0, 100.0], dtype=torch.float64)
    (group(x).square().sum((0, 2)) * weights).sum().backward()
    clip_each(group.layers(), 4, max_norm=0.7)
    with torch.no_grad():  # let write_back carry the gradients
        for p in group.parameters():
            p.copy_(torch.zeros_like(p) if p.grad is None else p.grad)
    clipped = copy.deepcopy(networks)
    group.write_back(clipped)
    for i, network in enumerate(networks):
        (network(x[:, i : i + 1]).square().sum() * weights[i]).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 0.7)
        found = dict(clipped[i].named_parameters())
        for name, p in network.named_parameters():
            if p.grad is not None:
                torch.testing.assert_close(found[name].detach(), p.grad, rtol=1e-7, atol=1e-10)


def test_shared_draws_show_each_network_every_image_once_in_its_own_order() -> None:
    n, m = 50, 3
    x = torch.arange(float(n)).view(n, 1, 1, 1).repeat(1, 2, 2, 2)
    data = Split(x, torch.arange(n) * 7)
    task = Digits(recipe=Recipe(batch_size=8), augmentation=Augmentation())
    epoch = _shared_draws(data, task, seeds=[1, -2, 3])
    orders = []
    for _ in range(2):
        batches = list(epoch())
        assert {len(labels) for _, labels in batches} <= {7, 8}
        images = torch.cat([b for b, _ in batches])  # (n, m c, 2, 2)
        labels = torch.cat([b for _, b in batches])  # (n, m)
        for i in range(m):
            own = images[:, 2 * i : 2 * i + 2]
            assert torch.equal(own[:, 0], own[:, 1])
            order = own[:, 0, 0, 0].long()
            assert sorted(order.tolist()) == list(range(n))
            assert torch.equal(labels[:, i], 7 * order)
            orders.append(tuple(order.tolist()))
    assert len(set(orders)) == 2 * m
    again = next(_shared_draws(data, task, seeds=[1, -2, 3])())[1]
    other = next(_shared_draws(data, task, seeds=[1, -2, 4])())[1]
    assert again[:, 0].tolist() == [7 * i for i in orders[0][:8]][: len(again)]
    assert not torch.equal(again, other)


def test_shared_draws_give_statistically_the_same_accuracies() -> None:
    task = Digits(recipe=replace(Digits().recipe, epochs=3), copies=1)
    rows = np.random.default_rng(5).integers(len(NAMES), size=(12, 6))
    cells = [[NAMES[i] for i in row] for row in rows]
    alone = np.array(
        [
            [
                train(net, task, seed=s + i).metrics[VALID]
                for i, net in enumerate(build(cells, s, 8))
            ]
            for s in (0, 100)
        ]
    )  # (2 seeds, 12)
    results = train_many(build(cells, 200, 8), task, seeds=range(200, 212), per_network_draws=False)
    together = np.array([r.metrics[VALID] for r in results])
    spread = (alone[0] - alone[1]).std(ddof=1)  # of a difference of two runs
    assert abs(together.mean() - alone.mean()) < 4 * spread * math.sqrt(0.75 / len(cells))
    between_seeds = np.corrcoef(alone)[0, 1]
    assert np.corrcoef(together, alone.mean(0))[0, 1] > between_seeds - 0.2


def test_global_generators_are_untouched_and_results_repeat() -> None:
    task = Digits(recipe=Recipe(epochs=1), augmentation=NOISE, copies=1)
    before = torch.random.get_rng_state()
    runs = [
        train_many(build(CELLS), task, seeds=range(4), per_network_draws=own)
        for own in (True, True, False, False)
    ]
    assert torch.equal(before, torch.random.get_rng_state())
    values = [[numbers(r) for r in results] for results in runs]
    assert values[0] == values[1]
    assert values[2] == values[3] != values[0]


def test_one_seed_per_network() -> None:
    task = Digits()
    with pytest.raises(SettingsError, match="got 3 seeds for 2 networks"):
        train_many(build(CELLS[:2]), task, seeds=[1, 2, 3])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("own", [True, False])
def test_gpu_trains_and_writes_back(own: bool) -> None:
    task = Digits(recipe=Recipe(epochs=2, grad_clip=5.0), augmentation=NOISE, copies=1)
    networks = build(CELLS)
    before = networks[0].classifier.weight.detach().clone()
    results = train_many(
        networks, task, seeds=range(4), device="cuda", checkpoints=[1], per_network_draws=own
    )
    assert all(0 < r.metrics[VALID] <= 1 and r.diverged is None for r in results)
    assert networks[0].classifier.weight.device.type == "cpu"
    assert not torch.equal(before, networks[0].classifier.weight)
