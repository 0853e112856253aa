"""Train many NAS-Bench-201 networks at once: :func:`~archrank.training.loop.train` for a group.

Made for GPUs, which one small network leaves idle. A step launches as many kernels as that of one
network (see :mod:`archrank.networks.grouped`); the optimiser sees tensors that hold the weights of
all networks, and since its arithmetic is elementwise, each network is trained as if it were alone.
Gradients are clipped network by network, and one that diverges leaves the others as they are.

    >>> from archrank.networks import NASBench201Network
    >>> from archrank.tasks import Digits, Recipe
    >>> from archrank.training.loop import initialise
    >>> cells = [["skip_connect"] * 6, ["nor_conv_1x1"] * 6]
    >>> networks = [
    ...     initialise(lambda: NASBench201Network(cell, in_channels=1, channels=2, cells=1), seed)
    ...     for seed, cell in enumerate(cells)
    ... ]
    >>> results = train_many(networks, Digits(recipe=Recipe(epochs=1)), seeds=[0, 1])
    >>> [0 <= result.metrics["valid_accuracy"] <= 1 for result in results]
    [True, True]
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from archrank.errors import SettingsError
from archrank.isolation import busy
from archrank.networks.grouped import GroupedNASBench201
from archrank.networks.nasbench201 import NASBench201Network
from archrank.networks.stacked_layers import Stacked
from archrank.training.data import resident
from archrank.training.evaluation import (
    EVAL_BATCH,
    EVAL_OUTPUTS,
    batches,
    measure_held_out,
    nothing,
    read,
)
from archrank.training.layout import channels_last
from archrank.training.loop import NOT_FINITE, TrainingResult
from archrank.training.step import Step

if TYPE_CHECKING:
    from archrank.tasks.base import Split, Splits, Task

EVAL_IMAGES = 16_384  # networks x images of a batch in inference; bounds the memory

Batch = tuple[Tensor, Tensor]
"""Images (b, m * c, h, w), the networks' side by side, and labels (b, m)."""


@dataclass
class _Run:
    """One network of a group, and what is known of its training so far."""

    train_loss: float = math.nan
    epochs: int = 0
    diverged: str | None = None
    checkpoints: dict[int, dict[str, float]] = field(default_factory=dict)

    def finish_epoch(self, epoch: int, mean_loss: float) -> None:
        """Note the mean training loss of ``epoch``, unless the run was given up before."""
        if self.diverged:
            return
        self.train_loss, self.epochs = mean_loss, epoch
        if not math.isfinite(mean_loss):
            self.diverged = f"the training loss became {mean_loss} in epoch {epoch}"

    def result(self, task: Task, found: dict[str, float], seconds: float) -> TrainingResult:
        """Close the run with its final measurement and its share of the group's time."""
        if self.diverged is None and not math.isfinite(found["valid_loss"] + found["test_loss"]):
            self.diverged = NOT_FINITE
        metrics = (nothing(task) if self.diverged else found) | {"train_loss": self.train_loss}
        return TrainingResult(metrics, seconds, self.epochs, self.diverged, self.checkpoints)


def train_many(
    networks: Sequence[NASBench201Network],
    task: Task,
    *,
    seeds: Sequence[int],
    device: str | torch.device = "cpu",
    checkpoints: Collection[int] = (),
    per_network_draws: bool | None = None,
) -> list[TrainingResult]:
    """Train ``m`` networks in place with the task's recipe, then measure them.

    With draws per network, each one sees exactly the images that ``train`` would show it, and its
    results differ from those of ``train`` by what rounding makes of them. Otherwise a result
    depends on all seeds of the group: it is another draw from the same distribution.

    Args:
        networks: Freshly initialised and of one scale; they stay on their device.
        task: Image classification. A loss of its own is called network by network.
        seeds: Seeds of the order of images and of augmentation, one per network.
        device: Where the data is put and the group trained.
        checkpoints: Epochs after which all are measured too; that changes nothing else.
        per_network_draws: A generator for each network, as many small calls per step, or one for
            all. ``None``: one each on a CPU, where calls are cheap, one for all elsewhere.

    Returns:
        One result per network, in order; ``seconds`` is the group's time divided by m.

    Raises:
        ArchitectureError: The networks cannot be grouped.
        SettingsError: Not one seed per network, or a schedule by plateaus.
    """
    device = torch.device(device)
    if len(seeds) != len(networks):
        raise SettingsError(
            f"train_many needs one seed per network, got {len(seeds)} seeds for "
            f"{len(networks)} networks"
        )
    if task.recipe.schedule == "plateau":
        raise SettingsError(
            "networks that train as a group share one learning rate, but plateaus lower that of "
            "each network: train them one by one, or with schedule='cosine'"
        )
    group = GroupedNASBench201(networks).to(device)
    splits = resident(task, device, channels_last)  # none of their layers is unsafe so
    start = time.perf_counter()
    own = device.type == "cpu" if per_network_draws is None else per_network_draws
    draws = (_own_draws if own else _shared_draws)(splits.train, task, seeds)
    with busy():
        runs = _fit(group, task, splits, draws, checkpoints)
        last = _measure(group, task, splits)
    seconds = (time.perf_counter() - start) / group.size
    group.write_back(networks)
    return [run.result(task, found, seconds) for run, found in zip(runs, last, strict=True)]


def _fit(
    group: GroupedNASBench201,
    task: Task,
    splits: Splits,
    draws: Callable[[], Iterator[Batch]],
    checkpoints: Collection[int],
) -> list[_Run]:
    """Run all epochs, or until every network has diverged."""
    recipe = task.recipe
    limit = recipe.grad_clip
    clip = None if limit is None else partial(clip_each, group.layers(), group.size, limit)
    batches = _batches(splits.train, task)
    step = Step(group.parameters(), recipe, recipe.updates_of(batches), clip=clip)
    runs = [_Run() for _ in range(group.size)]
    for epoch in range(1, recipe.epochs_of(batches) + 1):
        group.train()
        losses = []
        for x, y in islice(draws(), step.updates - step.done):
            with step.forward_context():
                loss = _losses(task, group(x), y)  # (m,)
            step(loss.sum())
            losses.append(loss.detach())
        means = torch.stack(losses).mean(0).tolist()  # the epoch's only wait for the device
        for run, mean_loss in zip(runs, means, strict=True):
            run.finish_epoch(epoch, mean_loss)
        if all(run.diverged for run in runs):
            break
        if epoch in checkpoints:
            for run, found in zip(runs, _measure(group, task, splits), strict=True):
                if not run.diverged:
                    run.checkpoints[epoch] = found
    return runs


@torch.no_grad()
def clip_each(layers: Iterable[Stacked], m: int, max_norm: float) -> None:
    """Scale the gradients of each of ``m`` networks to an L2 norm of at most ``max_norm``.

    The sum of squares is taken over what a network owns of each tensor; the formula is that of
    ``torch.nn.utils.clip_grad_norm_``.
    """
    parts = [
        (layer.owners, torch.unflatten(p.grad, 0, (len(layer.owners), -1)))  # a view, (e, c, ...)
        for layer in layers
        for p in layer.parameters()
        if p.grad is not None
    ]
    squares = parts[0][1].new_zeros(m)
    for owners, grad in parts:
        squares.index_add_(0, owners, grad.flatten(1).square().sum(1))
    scale = (max_norm / (squares.sqrt() + 1e-6)).clamp(max=1.0)  # (m,)
    for owners, grad in parts:
        grad.mul_(scale[owners].view(-1, *[1] * (grad.dim() - 1)))


def _losses(task: Task, outputs: Tensor, y: Tensor) -> Tensor:
    """Return the task's loss of each network: ``outputs`` (b, m, classes), ``y`` (b, m) -> (m,)."""
    if not task.is_cross_entropy:
        each = [task.loss(outputs[:, i], y[:, i]) for i in range(outputs.shape[1])]
        return torch.stack(each)
    smoothing = task.recipe.label_smoothing
    flat = cross_entropy(
        outputs.flatten(0, 1), y.flatten(), reduction="none", label_smoothing=smoothing
    )  # (b m,)
    return flat.view(y.shape).mean(0)


@torch.inference_mode()
def _measure(group: GroupedNASBench201, task: Task, splits: Splits) -> list[dict[str, float]]:
    """Return the metrics and the loss of each network on both held-out splits."""
    group.eval()
    found = {id(s): _evaluate(group, task, s) for s in (splits.valid, splits.test)}
    return [
        measure_held_out(task, splits, lambda split, i=i: found[id(split)][i])  # type: ignore[misc]
        for i in range(group.size)
    ]


def _evaluate(group: GroupedNASBench201, task: Task, data: Split) -> list[dict[str, float]]:
    """Return the loss and the metrics on a split, one dictionary per network."""
    m = group.size
    meters = [task.meter() for _ in range(m)]
    size = min(EVAL_BATCH, max(1, EVAL_IMAGES // m))
    kept = max(size, EVAL_OUTPUTS // (m * task.n_outputs))  # images; few calls of the meters
    for part in batches(data, kept, channels_last):
        outputs = torch.cat([group(x.repeat(1, m, 1, 1)) for x in torch.split(_images(part), size)])
        for i, meter in enumerate(meters):  # outputs: (b, m, classes)
            meter.update(outputs[:, i], part.y)
    return [read(meter, task) for meter in meters]


def _own_draws(data: Split, task: Task, seeds: Sequence[int]) -> Callable[[], Iterator[Batch]]:
    """Return epochs in which each network draws from its own generator, as ``train`` does."""
    x = _images(data)
    generators = [torch.Generator(x.device).manual_seed(seed) for seed in seeds]
    count = _batches(data, task)

    def epoch() -> Iterator[Batch]:
        orders = [torch.randperm(len(data.y), generator=g, device=x.device) for g in generators]
        for index in zip(*(order.tensor_split(count) for order in orders), strict=True):
            images = [task.augment(x[i], g) for i, g in zip(index, generators, strict=True)]
            yield torch.cat(images, dim=1), data.y[torch.stack(index, dim=1)]

    return epoch


def _shared_draws(data: Split, task: Task, seeds: Sequence[int]) -> Callable[[], Iterator[Batch]]:
    """Return epochs in which one generator draws for all networks at once."""
    images = _images(data)
    words = [seed % 2**64 for seed in seeds]  # torch takes negative seeds, NumPy does not
    state = np.random.SeedSequence(words).generate_state(1, np.uint64)
    generator = torch.Generator(images.device).manual_seed(int(state[0]))
    count, m = _batches(data, task), len(seeds)

    def epoch() -> Iterator[Batch]:
        keys = torch.rand(m, len(data.y), generator=generator, device=images.device)
        for index in keys.argsort(dim=1).tensor_split(count, dim=1):  # (m, b)
            x = task.augment(images[index.flatten()], generator)  # (m b, c, h, w)
            x = torch.unflatten(x, 0, (m, -1)).transpose(0, 1).flatten(1, 2)  # (b, m c, h, w)
            yield x, data.y[index.T]

    return epoch


def _batches(data: Split, task: Task) -> int:
    """Return the number of batches per epoch."""
    return math.ceil(len(data.y) / task.recipe.batch_size)


def _images(data: Split) -> Tensor:
    """Return the inputs of a split, (b, c, h, w)."""
    if isinstance(data.x, tuple):
        raise SettingsError("networks of cells take one tensor of images, not a tuple of inputs")
    return data.x
