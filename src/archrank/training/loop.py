"""Train one network on one task, on data that is resident in memory.

The loop is built for networks so small that overhead, not arithmetic, would set the pace: no data
loader, augmentation of whole batches, channels-last tensors, one fused optimiser call for all
tensors, one look at the loss per epoch, and inference in large batches. What is left is torch's
convolutions and batch norms (``benchmarks/training_speed.py`` measures it).

    >>> from archrank.networks import NASBench201Network
    >>> from archrank.tasks import Digits
    >>> task = Digits(recipe=Recipe(epochs=1))
    >>> network = initialise(
    ...     lambda: NASBench201Network(["skip_connect"] * 6, in_channels=1, channels=2, cells=1), 0
    ... )
    >>> result = train(network, task, seed=0)
    >>> 0 <= result.valid <= 1
    True
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor, nn

from archrank.tasks.base import Recipe, Split, Splits, Task
from archrank.torch_state import seeded
from archrank.training.augmentation import augment

EVAL_BATCH = 1024


class Measurement(NamedTuple):
    """A network measured on both held-out splits: the task's metric and its loss on each."""

    valid: float
    test: float
    valid_loss: float
    test_loss: float


NOTHING = Measurement(math.nan, math.nan, math.nan, math.nan)


@dataclass(frozen=True)
class TrainingResult:
    """What one training run gave. A diverged run has NaN metrics and says why.

    Attributes:
        valid: The task's metric on the validation split.
        test: The task's metric on the test split.
        train_loss: Mean training loss of the last epoch.
        valid_loss: The task's loss on the validation split.
        test_loss: The task's loss on the test split.
        epochs: Epochs run.
        seconds: Wall-clock time of training and of the final measurement, without loading data.
        diverged: Why the run was given up, or None.
        checkpoints: What was measured after which epoch, for the epochs that were asked for.
    """

    valid: float
    test: float
    train_loss: float
    valid_loss: float
    test_loss: float
    epochs: int
    seconds: float
    diverged: str | None = None
    checkpoints: dict[int, Measurement] = field(default_factory=dict)


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
        task: Data, loss, metric and recipe.
        seed: Of the order of the images, of augmentation and of the network's own dropout.
        device: Where the data and the network are put.
        checkpoints: Epochs after which it is measured too; that changes nothing else.

    Returns:
        Metrics and losses. Never raises because a network diverged.
    """
    device = torch.device(device)
    splits = resident(task, device)
    network.to(device)
    _channels_last(network)
    start = time.perf_counter()
    measured: dict[int, Measurement] = {}

    def after(epoch: int) -> None:
        if epoch in checkpoints:
            measured[epoch] = _measure(network, task, splits)

    with seeded(seed, device):
        train_loss, epochs, diverged = _fit(network, task, splits.train, seed, after)
    found = NOTHING if diverged else measured.get(epochs) or _measure(network, task, splits)
    if diverged is None and not math.isfinite(found.valid_loss + found.test_loss):
        diverged = "the trained network's loss is not finite on validation or test data"
        found = NOTHING
    seconds = time.perf_counter() - start
    return TrainingResult(
        found.valid,
        found.test,
        train_loss,
        found.valid_loss,
        found.test_loss,
        epochs,
        seconds,
        diverged,
        measured,
    )


def _fit(
    network: nn.Module, task: Task, data: Split, seed: int, after: Callable[[int], None]
) -> tuple[float, int, str | None]:
    """Run all epochs; the last one's mean loss, how many ran and why it stopped early."""
    recipe = task.recipe
    generator = torch.Generator(data.x.device).manual_seed(seed)
    params = [p for p in network.parameters() if p.requires_grad]
    optimizer = make_optimizer(params, recipe)
    batches = math.ceil(len(data.y) / recipe.batch_size)
    schedule = learning_rates(recipe, batches)
    mean_loss = math.nan
    for epoch in range(recipe.epochs):
        network.train()
        order = torch.randperm(len(data.y), generator=generator, device=data.x.device)
        losses = []
        for index in order.tensor_split(batches):  # equal parts: no tiny last batch to normalise
            x = _layout(augment(data.x[index], recipe, generator))  # (b, c, h, w)
            loss = task.loss(network(x), data.y[index])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            if recipe.grad_clip is not None:
                nn.utils.clip_grad_norm_(params, recipe.grad_clip)
            optimizer.param_groups[0]["lr"] = next(schedule)
            optimizer.step()
            losses.append(loss.detach())
        mean_loss = float(torch.stack(losses).mean())  # the epoch's only wait for the device
        if not math.isfinite(mean_loss):
            reason = f"the training loss became {mean_loss} in epoch {epoch + 1}"
            return mean_loss, epoch + 1, reason
        after(epoch + 1)
    return mean_loss, recipe.epochs, None


@torch.inference_mode()
def _measure(network: nn.Module, task: Task, splits: Splits) -> Measurement:
    """The metric and the loss on both held-out splits."""
    network.eval()
    valid, valid_loss = _score(network, task, splits.valid)
    test, test_loss = _score(network, task, splits.test)
    return Measurement(valid, test, valid_loss, test_loss)


def _score(network: nn.Module, task: Task, data: Split) -> tuple[float, float]:
    """The metric and the loss on a whole split."""
    outputs = torch.cat(
        [network(_layout(x)) for x in torch.split(data.x, EVAL_BATCH)]
    )  # (b, classes)
    return task.score(outputs, data.y), float(task.loss(outputs, data.y))


def make_optimizer(params: list[nn.Parameter], recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimiser, one fused call for all ``params``."""
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(params, recipe.lr, weight_decay=recipe.weight_decay, fused=True)
    return torch.optim.SGD(
        params,
        recipe.lr,
        momentum=recipe.momentum,
        nesterov=recipe.momentum > 0,
        weight_decay=recipe.weight_decay,
        fused=True,
    )


def learning_rates(recipe: Recipe, batches: int) -> Iterator[float]:
    """The learning rate of every step: linear warm-up, then cosine to 0 over all steps."""
    steps = recipe.epochs * batches
    warmup = recipe.warmup_epochs * batches
    for step in range(steps):
        ramp = min(1.0, (step + 1) / warmup) if warmup > 0 else 1.0
        yield ramp * recipe.lr * 0.5 * (1 + math.cos(math.pi * step / steps))


def resident(task: Task, device: torch.device) -> Splits:
    """The task's data on ``device``, images channels-last."""
    return Splits(*(Split(_layout(s.x.to(device)), s.y.to(device)) for s in task.load()))


def _layout(x: Tensor) -> Tensor:
    """Channels-last if ``x`` is a batch of images, (b, c, h, w)."""
    if x.dim() != 4:
        return x
    x = x.contiguous(memory_format=torch.channels_last)
    if x.shape[1] == 1:
        # One channel lies the same in both layouts; its stride tells the convolutions which it is.
        # Without this the network mixes layouts and pays for it at every sum.
        _, _, h, w = x.shape
        x = x.as_strided(x.shape, (h * w, 1, w, 1))
    return x


def _channels_last(network: nn.Module) -> None:
    """Lay out the convolutions' weights as the images are: no reordering at every step."""
    for parameter in network.parameters():
        parameter.data = _layout(parameter.data)
