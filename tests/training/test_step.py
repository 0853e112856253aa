"""The step: schedule, accumulation, clipping, and resuming bit for bit."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from archrank.errors import SettingsError
from archrank.networks.inputs import run
from archrank.tasks import Augmentation, Digits, Recipe
from archrank.torch_state import seeded
from archrank.training.data import Draws, resident
from archrank.training.loop import initialise
from archrank.training.step import Step

CPU = torch.device("cpu")


def line() -> nn.Module:
    return initialise(lambda: nn.Linear(3, 2), 0)


def rates_of(recipe: Recipe, updates: int) -> list[float]:
    """Learning rate of each update."""
    network, rates = line(), []
    step = Step(network.parameters(), recipe, updates)
    for _ in range(updates):
        step(network(torch.ones(1, 3)).sum())
        rates.append(float(step.optimizer.param_groups[0]["lr"]))
    return rates


def test_learning_rate_warms_up_and_falls_to_zero() -> None:
    recipe = Recipe(epochs=10, lr=0.2, warmup_epochs=2)
    rates = rates_of(recipe, 50)
    assert rates[0] == pytest.approx(0.2 / 10)
    assert max(rates) < 0.2
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] < 0.001
    assert rates[25] == pytest.approx(0.1)  # half way, cos(pi / 2) = 0


def test_an_update_may_have_a_decay_of_its_own() -> None:
    network = line()
    step = Step(network.parameters(), Recipe(epochs=4, lr=0.2, warmup_epochs=2), 4)
    assert step.decay == 1
    for decay in (0.5, None):
        step.backward(network(torch.ones(1, 3)).sum())
        expected = 0.2 * (step.done + 1) / 2 * (step.decay if decay is None else decay)
        step.update(decay)
        assert step.optimizer.param_groups[0]["lr"] == pytest.approx(expected)


def test_the_first_update_is_that_of_plain_sgd() -> None:
    network, x = line(), torch.arange(6.0).view(2, 3)
    before = copy.deepcopy(network)
    recipe = Recipe(epochs=1, lr=0.5, momentum=0.0, weight_decay=0.0)
    step = Step(network.parameters(), recipe, updates=1)
    step(network(x).square().sum())
    before(x).square().sum().backward()
    for new, old in zip(network.parameters(), before.parameters(), strict=True):
        assert old.grad is not None
        assert torch.allclose(new, old - 0.5 * old.grad)  # the cosine begins at the peak
        assert new.grad is None


def test_plain_momentum_is_that_of_torch() -> None:
    ours, theirs = line(), line()
    step = Step(ours.parameters(), Recipe(lr=0.1, nesterov=False, schedule="constant"), 3)
    plain = torch.optim.SGD(theirs.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    for x in torch.randn(3, 4, 3, generator=torch.Generator().manual_seed(0)):
        step(ours(x).square().sum())
        plain.zero_grad()
        theirs(x).square().sum().backward()
        plain.step()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-7)


def test_several_losses_make_one_update() -> None:
    x = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    recipe = Recipe(grad_clip=0.1)
    whole, parts = line(), line()
    Step(whole.parameters(), recipe, 5)(whole(x).square().sum())
    step = Step(parts.parameters(), recipe, 5)
    for row in x:
        step.backward(parts(row).square().sum())
    step.update()
    assert step.done == 1
    for a, b in zip(whole.parameters(), parts.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-7)


def test_adamw_is_that_of_torch() -> None:
    """With the published second moment of Transformers."""
    ours, theirs = line(), line()
    theirs.load_state_dict(ours.state_dict())
    recipe = Recipe(optimizer="adamw", lr=0.01, weight_decay=0.1, beta2=0.98, schedule="constant")
    step = Step(ours.parameters(), recipe, 5)
    reference = torch.optim.AdamW(theirs.parameters(), 0.01, (0.9, 0.98), weight_decay=0.1)
    for i in range(5):
        x = torch.full((1, 3), float(i - 1))
        step(ours(x).square().sum())
        theirs(x).square().sum().backward()
        reference.step()
        reference.zero_grad()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-7)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_weights_without_a_gradient_stay(optimizer: Any) -> None:
    paths = nn.ModuleList([nn.Linear(3, 1) for _ in range(3)])
    before = copy.deepcopy(paths)
    recipe = Recipe(optimizer=optimizer, weight_decay=0.1, grad_clip=1.0)
    step = Step(paths.parameters(), recipe, 2)
    step(paths[0](torch.ones(1, 3)).sum())
    step(paths[2](torch.ones(1, 3)).sum())
    for new, old, moved in zip(paths, before, (True, False, True), strict=True):
        assert torch.equal(new.weight, old.weight) != moved  # type: ignore[arg-type]


def test_clipping_limits_the_norm_or_is_your_own() -> None:
    network = line()
    seen: list[float] = []

    def halve() -> None:
        for p in network.parameters():
            assert p.grad is not None
            p.grad.mul_(0.5)
            seen.append(float(p.grad.abs().max()))

    recipe = Recipe(lr=1.0, momentum=0.0, weight_decay=0.0, grad_clip=1e-3)
    before = [p.detach().clone() for p in network.parameters()]
    Step(network.parameters(), recipe, 1)(network(torch.ones(1, 3)).square().sum())
    moved = torch.cat(
        [(p.detach() - b).flatten() for p, b in zip(network.parameters(), before, strict=True)]
    )
    assert float(moved.norm()) == pytest.approx(1e-3, rel=1e-3)
    Step(network.parameters(), recipe, 1, clip=halve)(network(torch.ones(1, 3)).square().sum())
    assert len(seen) == 2
    assert max(seen) > 1e-3


def test_single_numbers_are_clipped_before_the_norm() -> None:
    x = torch.tensor([[3.0, 0.01, -5.0]])
    for limit, norm in ((None, None), (0.1, None), (0.1, 0.15)):
        network = line()
        network(x).sum().backward()
        expected = [p.grad.clone() for p in network.parameters() if p.grad is not None]
        if limit is not None:
            expected = [g.clamp(-limit, limit) for g in expected]
        if norm is not None:
            total = torch.cat([g.flatten() for g in expected]).norm()
            expected = [g * min(1, norm / float(total)) for g in expected]
        before = [p.detach().clone() for p in network.parameters()]
        network.zero_grad()
        recipe = Recipe(
            lr=1.0, momentum=0.0, weight_decay=0.0, grad_clip_value=limit, grad_clip=norm
        )
        Step(network.parameters(), recipe, 1)(network(x).sum())
        for p, b, g in zip(network.parameters(), before, expected, strict=True):
            assert torch.allclose(b - p, g, atol=1e-5)


def test_biases_and_norms_need_not_decay() -> None:
    network = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    before = copy.deepcopy(network)
    recipe = Recipe(lr=0.5, momentum=0.0, weight_decay=0.1, decay_norms=False)
    step = Step(network.parameters(), recipe, 2)
    step(sum((0 * p).sum() for p in network.parameters()))  # type: ignore[arg-type]
    expected = before[0].weight * 0.95
    assert torch.allclose(network[0].weight, expected)  # type: ignore[arg-type]
    for name, weight in network.named_parameters():
        assert (name == "0.weight") != torch.equal(weight, before.get_parameter(name))
    state = step.state_dict()
    again = Step(before.parameters(), recipe, 2)
    again.load_state_dict(state)
    assert again.done == 1


def test_groups_have_rates_of_their_own() -> None:
    network = line()
    groups = [{"params": [network.weight], "lr": 0.4}, {"params": [network.bias], "lr": 0.1}]
    step = Step(groups, Recipe(lr=0.2, epochs=4, warmup_epochs=1), 8)
    for _ in range(3):
        step(network(torch.ones(1, 3)).sum())
    fast, slow = (group["lr"] for group in step.optimizer.param_groups)
    assert fast == pytest.approx(4 * slow)
    assert fast == pytest.approx(2 * rates_of(step.recipe, 8)[2])


def test_frozen_weights_and_nothing_to_train() -> None:
    network = line()
    network.bias.requires_grad_(False)  # type: ignore[operator, union-attr]
    step = Step(network.parameters(), Recipe(), 1)
    assert len(step.optimizer.param_groups[0]["params"]) == 1
    with pytest.raises(SettingsError, match="nothing to train"):
        Step(network.requires_grad_(False).parameters(), Recipe(), 1)


def test_the_schedule_ends() -> None:
    network = line()
    step = Step(network.parameters(), Recipe(), 1)
    step(network(torch.ones(1, 3)).sum())
    with pytest.raises(SettingsError, match="ends after 1 updates"):
        step(network(torch.ones(1, 3)).sum())


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_lower_precision_learns(precision: Any) -> None:
    network = line()
    step = Step(network.parameters(), Recipe(lr=0.01, precision=precision), 40)
    x = torch.eye(3)
    first = last = 0.0
    for i in range(40):
        with step.forward_context():
            outputs = network(x)
            loss = (outputs.float() - 1).square().mean()
        value = loss.item()
        assert outputs.dtype == getattr(torch, precision)
        step(loss)
        first, last = (value, value) if i == 0 else (first, value)
    assert last < 0.5 * first
    assert network.weight.dtype == torch.float32  # type: ignore[union-attr]


class Session:
    """A training with everything that its next step depends on."""

    def __init__(self, recipe: Recipe) -> None:
        self.task = Digits(
            recipe=recipe, augmentation=Augmentation(noise=0.3, shift=1, flip=True), copies=1
        )
        data = resident(self.task, CPU).train.take(slice(0, 300))
        self.network = initialise(
            lambda: nn.Sequential(
                nn.Conv2d(1, 4, 3),
                nn.BatchNorm2d(4),
                nn.Flatten(),
                nn.Dropout(0.3),
                nn.Linear(144, 10),
            ),
            1,
        )
        self.draws = Draws(self.task, data, recipe, torch.Generator().manual_seed(2))
        self.step = Step(self.network.parameters(), recipe, recipe.epochs * self.draws.batches)
        self.losses: list[float] = []

    def run(self, steps: int) -> None:
        while steps:
            for batch in self.draws.epoch():
                self.network.train()
                with self.step.forward_context():
                    loss = self.task.loss(run(self.network, batch.x), batch.y)
                self.step(loss)
                self.losses.append(loss.item())
                steps -= 1
                if not steps:
                    return

    def save(self) -> dict[str, Any]:
        return copy.deepcopy(
            {
                "network": self.network.state_dict(),
                "step": self.step.state_dict(),
                "draws": self.draws.state_dict(),
                "dropout": torch.get_rng_state(),
            }
        )

    def load(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.step.load_state_dict(state["step"])
        self.draws.load_state_dict(state["draws"])
        torch.set_rng_state(state["dropout"])


RECIPES = {
    "sgd": Recipe(epochs=4, batch_size=100, warmup_epochs=1, grad_clip=1.0),
    "adamw": Recipe(epochs=4, batch_size=100, optimizer="adamw", lr=0.01),
    "float16": Recipe(epochs=4, batch_size=100, lr=0.01, precision="float16"),
}


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
@pytest.mark.parametrize("stop", [3, 4])  # at the end of an epoch, and inside one
def test_resumed_training_goes_on_bit_for_bit(recipe: Recipe, stop: int) -> None:
    torch.set_num_threads(1)
    with seeded(5, CPU):
        whole = Session(recipe)
        whole.run(10)
    with seeded(5, CPU):
        first = Session(recipe)
        first.run(stop)
        state = first.save()
    with seeded(99, CPU):  # another process has other generators
        torch.rand(7)
        second = Session(replace(recipe))
        second.draws.generator.manual_seed(8)
        second.load(state)
        second.run(10 - stop)
    assert first.losses + second.losses == whole.losses
    ended: dict[str, Tensor] = second.network.state_dict()
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, ended[name]), name


def test_every_example_once_per_epoch_also_of_one_that_was_begun() -> None:
    session = Session(RECIPES["sgd"])
    assert session.draws.batches == 3
    plain = Draws(
        replace(session.task, augmentation=Augmentation()),
        session.draws.data,
        Recipe(batch_size=100),
        torch.Generator().manual_seed(0),
    )
    begun = plain.epoch()
    seen = [next(begun)]
    seen += list(plain.epoch())  # the rest of it
    x = torch.cat([b.x for b in seen]).flatten(1)
    assert len(x) == 300
    assert sorted(map(tuple, x.tolist())) == sorted(
        map(tuple, session.draws.data.x.flatten(1).tolist())
    )
    assert len(list(plain.epoch())) == 3


@pytest.mark.parametrize("fails", [False, True])
def test_weights_that_were_not_used_are_the_optimisers_still(fails: bool) -> None:
    network, spare = line(), nn.Parameter(torch.ones(2))
    weights = [*network.parameters(), spare]

    def clip() -> None:
        if fails:
            raise RuntimeError("clip")

    step = Step(weights, Recipe(lr=0.1), 5, clip=clip)
    loss = network(torch.ones(1, 3)).sum()
    if fails:
        with pytest.raises(RuntimeError, match="clip"):
            step(loss)
    else:
        step(loss)
    (group,) = step.optimizer.param_groups
    assert [id(w) for w in group["params"]] == [id(w) for w in weights]
    assert torch.equal(spare, torch.ones(2))
