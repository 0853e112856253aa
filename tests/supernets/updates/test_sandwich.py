"""The sandwich rule against its definition by hand, and the scale of in-place distillation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy, kl_div

from archrank.errors import SettingsError
from archrank.supernets import Supernet, SupernetTraining, train_supernet
from archrank.supernets.samplers import Uniform
from archrank.supernets.updates import Sandwich, Session, UpdateRule
from archrank.tasks import Digits, Recipe
from archrank.testing import check_update_rule
from archrank.training.step import Step
from tests.supernets.elastic import TASK, space, supernet
from tests.supernets.transformers import SPACES, made, task_of

Weights = dict[str, torch.Tensor]
PLAIN = Recipe(lr=0.1, momentum=0.0, weight_decay=0.0, schedule="constant")
SPACE = space()
SMALLEST, LARGEST = np.array([0, 0], dtype=np.uint8), np.array([2, 3], dtype=np.uint8)
BETWEEN = np.array([[1, 1], [2, 0]], dtype=np.uint8)
BATCH = TASK.load().train.take(slice(0, 100))


def gradients(net: Any, loss: torch.Tensor) -> Weights:
    """Gradients of a loss, zero where it does not depend on a weight."""
    names, weights = zip(*net.named_parameters(), strict=True)
    found = torch.autograd.grad(loss, weights, allow_unused=True)
    return {
        n: torch.zeros_like(w) if g is None else g
        for n, w, g in zip(names, weights, found, strict=True)
    }


def norm(found: Weights) -> float:
    return float(torch.cat([g.flatten() for g in found.values()]).norm())


@pytest.mark.parametrize("distil", [True, False])
def test_an_update_is_the_sum_of_four_gradients(distil: bool) -> None:
    net = supernet()
    step = Step(net.parameters(), PLAIN, 10)
    update = Sandwich(distil).start(Session(net.train(), TASK, step))
    before = {n: w.detach().clone() for n, w in net.named_parameters()}
    outputs = net(BATCH.x, LARGEST)
    losses = [cross_entropy(outputs, BATCH.y)]
    soft = outputs.detach().softmax(1)
    for arch in (*BETWEEN, SMALLEST):
        logits = net(BATCH.x, arch)
        by_hand = -(soft * logits.log_softmax(1)).sum(1).mean()
        losses.append(by_hand if distil else cross_entropy(logits, BATCH.y))
    expected = gradients(net, sum(losses))  # type: ignore[arg-type]
    labels = [cross_entropy(net(BATCH.x, a), BATCH.y) for a in (LARGEST, *BETWEEN, SMALLEST)]
    told = update(BATCH, BETWEEN)
    assert float(told) == pytest.approx(torch.stack(labels).mean().item(), rel=1e-5)
    for name, weight in net.named_parameters():
        assert torch.allclose(weight, before[name] - 0.1 * expected[name], atol=1e-6)


def test_soft_labels_get_no_gradient() -> None:
    outputs, teacher = torch.randn(2, 5, 10), torch.randn(5, 10, requires_grad=True)
    loss = TASK.soft_loss(outputs[0].requires_grad_(), teacher.softmax(1), BATCH.y)
    loss.backward()  # type: ignore[no-untyped-call]
    assert teacher.grad is None


def trained(distil: bool) -> Supernet:
    """A supernet that has learnt for some seconds."""
    task = Digits(recipe=Recipe(epochs=60, batch_size=100, lr=0.05), copies=1)
    return train_supernet(SupernetTraining(supernet(), task, Uniform(2), rule=Sandwich(distil)))


def test_small_networks_are_not_starved() -> None:
    """Their gradient is as large as that by labels, not that of a tiny term, and they learn."""
    nets = {distil: trained(distil) for distil in (True, False)}
    net, held_out, accuracy = nets[True], TASK.load().valid, {}
    soft = net(BATCH.x, LARGEST).detach().softmax(1)
    for arch in (SMALLEST, *BETWEEN):
        loss, by_labels = TASK.soft_loss(net(BATCH.x, arch), soft, BATCH.y), net(BATCH.x, arch)
        labels = cross_entropy(by_labels, BATCH.y)
        assert 1 / 3 < loss.item() / labels.item() < 3
        of_batch = kl_div(net(BATCH.x, arch).log_softmax(1), soft, reduction="batchmean")
        size = norm(gradients(net, loss))
        assert size == pytest.approx(norm(gradients(net, of_batch)), rel=1e-3)
        assert size > norm(gradients(net, labels)) / 3
    for distil, found in nets.items():
        right = found(held_out.x, SMALLEST).argmax(1) == held_out.y
        accuracy[distil] = right.float().mean().item()
    assert accuracy[True] > max(0.35, accuracy[False] - 0.12)


def test_sure_answers_are_labels() -> None:
    logits, y = torch.randn(8, 10, requires_grad=True), torch.arange(8)
    soft = (50 * torch.eye(10)[y]).softmax(1)
    assert torch.allclose(TASK.soft_loss(logits, soft, y), cross_entropy(logits, y))


def test_only_the_largest_is_regularised() -> None:
    seen: list[tuple[bool, int]] = []
    net = supernet(drop=0.5)
    inner = net.module.forward  # type: ignore[union-attr, operator]

    def spy(x: torch.Tensor, config: Any) -> torch.Tensor:
        seen.append((net.module.training, config["width"]))  # type: ignore[union-attr, arg-type]
        return inner(x, config)  # type: ignore[no-any-return, operator]

    net.module.forward = spy  # type: ignore[union-attr, assignment]
    update = Sandwich().start(Session(net.train(), TASK, Step(net.parameters(), PLAIN, 1)))
    update(BATCH, BETWEEN)
    assert seen == [(True, 32), (False, 8), (False, 4), (False, 4)]
    assert net.training


@pytest.mark.parametrize("rule", [Sandwich(), Sandwich(distil=False)])
def test_contract(rule: UpdateRule) -> None:
    torch.set_num_threads(1)
    check_update_rule(rule, lambda: supernet(drop=0.3), TASK, Uniform(2))
    assert Sandwich().describe() == {"class": "Sandwich"}


@pytest.mark.parametrize("name", ["hat", "language"])
def test_tokens_are_learnt_from_the_largest(name: str) -> None:
    """The smallest gets the gradient of soft labels, averaged over tokens that are no padding."""
    torch.set_num_threads(1)
    space = SPACES[name]
    task, net = task_of(space), made(space)
    check_update_rule(Sandwich(), lambda: made(space), task, Uniform(1))
    batch = task.load().train.take(slice(0, 16))
    smallest, largest = (getattr(space.networks(task), end) for end in ("smallest", "largest"))
    real = batch.y != (-100 if task.padding is None else task.padding)
    first, last = net(*batch.inputs, largest), net(*batch.inputs, smallest)
    each = -(first.detach().softmax(1) * last.log_softmax(1)).sum(1)  # (b, t)
    expected = gradients(net, task.loss(first, batch.y) + each[real].mean())
    before = {n: w.detach().clone() for n, w in net.named_parameters()}
    update = Sandwich().start(Session(net.train(), task, Step(net.parameters(), PLAIN, 10)))
    update(batch, np.empty((0, len(smallest)), dtype=np.uint8))
    for weight_name, weight in net.named_parameters():
        moved = before[weight_name] - 0.1 * expected[weight_name]
        assert torch.allclose(weight, moved, atol=1e-5), weight_name


def test_clipping_by_value_and_half_precision() -> None:
    recipe = Recipe(lr=1.0, momentum=0.0, weight_decay=0.0, grad_clip_value=1e-4)
    for precision in ("float32", "bfloat16", "float16"):
        net = supernet()
        step = Step(net.parameters(), Recipe(**{**vars(recipe), "precision": precision}), 10)
        before = [w.detach().clone() for w in net.parameters()]
        Sandwich().start(Session(net.train(), TASK, step))(BATCH, BETWEEN)
        moved = [(w - b).abs().max().item() for w, b in zip(net.parameters(), before, strict=True)]
        assert max(moved) == pytest.approx(1e-4, rel=1e-2)


class NoCrossEntropy(Digits):
    """Digits with a loss of one's own."""

    def loss(self, outputs: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return 2 * super().loss(outputs, y)


def test_refusals() -> None:
    with pytest.raises(SettingsError, match="is True or False, got 'yes'"):
        Sandwich(distil="yes")  # type: ignore[arg-type]
    task = NoCrossEntropy(recipe=TASK.recipe, copies=1)
    with pytest.raises(SettingsError, match=r"no cross entropy; use Sandwich\(distil=False\)"):
        SupernetTraining(supernet(), task, rule=Sandwich())
    SupernetTraining(supernet(), task, rule=Sandwich(distil=False)).run_epoch()
