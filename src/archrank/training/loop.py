"""Train one network on one task from scratch, on data that is resident in memory.

The loop is built for networks so small that overhead, not arithmetic, would set the pace: no data
loader, augmentation of whole batches, channels-last tensors (see :mod:`archrank.training.layout`),
one fused optimiser call for all tensors, one look at the loss per epoch, and inference in large
batches. What is left is torch's convolutions and batch norms (``benchmarks/training_speed.py``
measures it).

    >>> from archrank.networks import NASBench201Network
    >>> from archrank.tasks import Digits, Recipe
    >>> task = Digits(recipe=Recipe(epochs=1))
    >>> network = initialise(
    ...     lambda: NASBench201Network(["skip_connect"] * 6, in_channels=1, channels=2, cells=1), 0
    ... )
    >>> result = train(network, task, seed=0)
    >>> 0 <= result.metrics["valid_accuracy"] <= 1
    True
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

import torch
from torch import nn

from archrank.isolation import busy
from archrank.networks.inputs import run
from archrank.torch_state import seeded
from archrank.training.data import Draws, resident
from archrank.training.evaluation import measure, nothing
from archrank.training.layout import Layout, lay_out
from archrank.training.step import Step

if TYPE_CHECKING:
    from archrank.tasks.base import Split, Task

NOT_FINITE = "the trained network's loss is not finite on validation or test data"


@dataclass(frozen=True)
class TrainingResult:
    """Result of one training run. A diverged run has NaN metrics and the reason.

    Attributes:
        metrics: ``valid_`` and ``test_`` of each metric of the task and of its loss, and
            ``train_loss``, the mean over the last epoch.
        seconds: Wall-clock time of training and of the final measurement, without loading data.
        epochs: Epochs run; ``None`` if a loop of your own ran them.
        diverged: The reason why the run was given up, or None.
        checkpoints: Held-out metrics by epoch, for the epochs that were asked for.
    """

    metrics: dict[str, float]
    seconds: float
    epochs: int | None = None
    diverged: str | None = None
    checkpoints: dict[int, dict[str, float]] = field(default_factory=dict)


def initialise(build: Callable[[], nn.Module], seed: int) -> nn.Module:
    """Call ``build`` so that the initial weights depend on ``seed`` alone.

    The global generator of torch is put back afterwards.
    """
    with seeded(seed):
        return build()


def train(
    network: nn.Module,
    task: Task,
    *,
    seed: int,
    device: str | torch.device = "cpu",
    checkpoints: Collection[int] = (),
) -> TrainingResult:
    """Train ``network`` in place with the task's recipe, then measure it.

    The same network, task and seed give the same result bit for bit on one machine with one
    thread. The global generators of torch are put back afterwards.

    Args:
        network: Freshly initialised, see :func:`initialise`.
        task: Data, loss, metrics and recipe.
        seed: Seed of the order of examples, of augmentation and of the network's dropout.
        device: Where the data and the network are put.
        checkpoints: Epochs after which it is measured too; that changes nothing else.

    Returns:
        Metrics and losses. Never raises because a network diverged.

    Raises:
        EvaluationError: The task's meter lacks a metric.
        SettingsError: The network has no weights to train.
    """
    device = torch.device(device)
    layout = lay_out(network.to(device))
    splits = resident(task, device, layout)
    start = time.perf_counter()
    measured: dict[int, dict[str, float]] = {}

    def after(epoch: int) -> None:
        if epoch in checkpoints:
            measured[epoch] = measure(network, task, splits)

    with busy():
        with seeded(seed, device):
            train_loss, epochs, diverged = _fit(network, task, splits.train, layout, seed, after)
        found = {} if diverged else measured.get(epochs) or measure(network, task, splits)
    if diverged is None and not math.isfinite(found["valid_loss"] + found["test_loss"]):
        diverged = NOT_FINITE
    metrics = (nothing(task) if diverged else found) | {"train_loss": train_loss}
    return TrainingResult(metrics, time.perf_counter() - start, epochs, diverged, measured)


def _fit(
    network: nn.Module,
    task: Task,
    data: Split,
    layout: Layout,
    seed: int,
    after: Callable[[int], None],
) -> tuple[float, int, str | None]:
    """Run all epochs; return the last one's mean loss, how many ran and why it stopped early."""
    recipe = task.recipe
    generator = torch.Generator(data.y.device).manual_seed(seed)
    draws = Draws(task, data, recipe, generator, layout)
    step = Step(network.parameters(), recipe, recipe.updates_of(draws.batches))
    mean_loss, epochs = math.nan, recipe.epochs_of(draws.batches)
    for epoch in range(epochs):
        network.train()
        losses = []
        for batch in islice(draws.epoch(), step.updates - step.done):
            with step.forward_context():
                loss = task.loss(run(network, batch.x), batch.y)
            step(loss)
            losses.append(loss.detach())
        mean_loss = float(torch.stack(losses).mean())  # the epoch's only wait for the device
        if not math.isfinite(mean_loss):
            reason = f"the training loss became {mean_loss} in epoch {epoch + 1}"
            return mean_loss, epoch + 1, reason
        step.end_epoch(mean_loss)
        after(epoch + 1)
    return mean_loss, epochs, None
