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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from archrank.tasks.augmentation import augment
from archrank.tasks.base import Recipe, Split, Splits, Task

EVAL_BATCH = 1024


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
    """

    valid: float
    test: float
    train_loss: float
    valid_loss: float
    test_loss: float
    epochs: int
    seconds: float
    diverged: str | None = None


def initialise(build: Callable[[], nn.Module], seed: int) -> nn.Module:
    """Call ``build`` so that the initial weights depend on ``seed`` alone.

    The global generator of torch is put back afterwards.
    """
    with _seeded(seed, torch.device("cpu")):
        return build()


def train(
    network: nn.Module, task: Task, *, seed: int, device: str | torch.device = "cpu"
) -> TrainingResult:
    """Train ``network`` in place with the task's recipe, then measure it once.

    The same network, task and seed give the same result bit for bit on one machine with one
    thread. The global generators of torch are put back afterwards.

    Args:
        network: Freshly initialised, see :func:`initialise`.
        task: Data, loss, metric and recipe.
        seed: Of the order of the images, of augmentation and of the network's own dropout.
        device: Where the data and the network are put.

    Returns:
        Metrics and losses. Never raises because a network diverged.
    """
    device = torch.device(device)
    splits = _resident(task, device)
    network.to(device)
    _channels_last(network)
    start = time.perf_counter()
    with _seeded(seed, device):
        train_loss, epochs, diverged = _fit(network, task, splits.train, seed)
    if diverged is None:
        valid, valid_loss = _measure(network, task, splits.valid)
        test, test_loss = _measure(network, task, splits.test)
        if not math.isfinite(valid_loss + test_loss):
            diverged = "the trained network's loss is not finite on validation or test data"
    if diverged is not None:
        valid = test = valid_loss = test_loss = math.nan
    seconds = time.perf_counter() - start
    return TrainingResult(valid, test, train_loss, valid_loss, test_loss, epochs, seconds, diverged)


def _fit(network: nn.Module, task: Task, data: Split, seed: int) -> tuple[float, int, str | None]:
    """Run all epochs; the last one's mean loss, how many ran and why it stopped early."""
    recipe = task.recipe
    generator = torch.Generator(data.x.device).manual_seed(seed)
    params = [p for p in network.parameters() if p.requires_grad]
    optimizer = _optimizer(params, recipe)
    batches = math.ceil(len(data.y) / recipe.batch_size)
    schedule = _learning_rates(recipe, batches)
    network.train()
    mean_loss = math.nan
    for epoch in range(recipe.epochs):
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
    return mean_loss, recipe.epochs, None


@torch.inference_mode()
def _measure(network: nn.Module, task: Task, data: Split) -> tuple[float, float]:
    """The metric and the loss on a whole split."""
    network.eval()
    outputs = torch.cat(
        [network(_layout(x)) for x in torch.split(data.x, EVAL_BATCH)]
    )  # (b, classes)
    return task.score(outputs, data.y), float(task.loss(outputs, data.y))


def _optimizer(params: list[nn.Parameter], recipe: Recipe) -> torch.optim.Optimizer:
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


def _learning_rates(recipe: Recipe, batches: int) -> Iterator[float]:
    """The learning rate of every step: linear warm-up, then cosine to 0 over all steps."""
    steps = recipe.epochs * batches
    warmup = recipe.warmup_epochs * batches
    for step in range(steps):
        ramp = min(1.0, (step + 1) / warmup) if warmup > 0 else 1.0
        yield ramp * recipe.lr * 0.5 * (1 + math.cos(math.pi * step / steps))


def _resident(task: Task, device: torch.device) -> Splits:
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


@contextmanager
def _seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Seed torch's global generators of the CPU and of ``device``, and put them back at the end."""
    accelerators = [] if device.type == "cpu" else [device]
    with torch.random.fork_rng(accelerators, device_type=device.type if accelerators else "cuda"):
        torch.default_generator.manual_seed(seed)
        if device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield
