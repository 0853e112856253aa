"""Contract check of update rules."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from archrank.supernets.training import SupernetTraining
from archrank.supernets.updates.base import UpdateRule
from archrank.testing._require import require, require_description

if TYPE_CHECKING:
    from archrank.supernets.base import Supernet
    from archrank.supernets.samplers.base import Sampler
    from archrank.tasks.base import Task


def check_update_rule(
    rule: UpdateRule,
    make: Callable[[], Supernet],
    task: Task,
    sampler: Sampler | None = None,
) -> None:
    """Check that ``rule`` keeps the contract of :class:`~archrank.supernets.updates.UpdateRule`.

    Every call is one update that leaves no gradients and returns a loss; trainings with one rule do
    not meet; and one that goes on from a checkpoint is the same bit for bit.

    Args:
        rule: The rule to check.
        make: Returns a new supernet, always with the same weights.
        task: What it is trained on; its recipe has at least two epochs.
        sampler: Draws the architectures; ``None``: uniformly, one per update.

    Raises:
        AssertionError: It breaks a rule; the message names it.
    """
    name = type(rule).__name__
    described = rule.describe()
    require_description(described, name)
    require(task.recipe.epochs >= 2, f"{name}: the recipe needs two epochs to be checked")

    def new() -> SupernetTraining:
        return SupernetTraining(make(), task, sampler, rule=rule)

    whole, other = new(), new()
    _check_one_update(other, name)
    for training in (whole, other):
        training.run_epoch()
    with TemporaryDirectory() as folder:
        whole.save(Path(folder, "checkpoint"))
        resumed = new()
        resumed.load(Path(folder, "checkpoint"))
    for training in (whole, resumed):
        training.run_epoch()
    require(
        _equal(whole, resumed),
        f"{name}: a training that goes on from a checkpoint differs; its state_dict() lacks "
        "something, or the rule itself has a state",
    )
    require(rule.describe() == described, f"{name}: describe() changes when it is used")


def _check_one_update(training: SupernetTraining, name: str) -> None:
    """Check a call; the training is then of no use but to disturb others."""
    step, before = training._step, [p.detach().clone() for p in training.supernet.parameters()]
    training.supernet.train()
    loss = training._update(next(iter(training._draws.epoch())), lambda: training._drawn(0))
    require(isinstance(loss, Tensor) and loss.dim() == 0, f"{name}: an update returns its loss")
    require(not loss.requires_grad, f"{name}: detach the loss, it keeps the batch in memory")
    require(step.done == 1, f"{name}: an update must call step.update once, not {step.done} times")
    left = [p for p in training.supernet.parameters() if p.grad is not None]
    require(not left, f"{name}: an update leaves {len(left)} gradients to the next")
    moved = any(
        not torch.equal(p, b) for p, b in zip(training.supernet.parameters(), before, strict=True)
    )
    require(moved, f"{name}: an update changes no weight")


def _equal(a: SupernetTraining, b: SupernetTraining) -> bool:
    """Tell whether two trainings have the same weights, bit for bit."""
    other = b.supernet.state_dict()
    return all(torch.equal(w, other[name]) for name, w in a.supernet.state_dict().items())
