"""Evaluation that streams: a network's outputs go batch by batch into the task's meter."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import torch
from torch import nn

from archrank.errors import EvaluationError
from archrank.networks.inputs import run
from archrank.training.batching import sorted_by_length, trimmed
from archrank.training.layout import Layout, default, layout_of

if TYPE_CHECKING:
    from archrank.tasks.base import Split, Splits, Task
    from archrank.tasks.meters import Meter

EVAL_BATCH = 1024  # examples
EVAL_OUTPUTS = 2**24  # numbers that a batch's outputs hold; bounds the memory


@torch.inference_mode()
def evaluate(network: nn.Module, task: Task, data: Split) -> dict[str, float]:
    """Measure a network on a split; it is left in evaluation mode.

    Returns:
        ``"loss"`` and the task's metrics by name.

    Raises:
        EvaluationError: The task's meter lacks a metric.
    """
    network.eval()
    meter = task.meter()
    size, data = batch_size(task, data), sorted_by_length(task, data)
    for batch in batches(data, size, layout_of(network)):
        few = trimmed(task, batch)
        meter.update(run(network, few.x), few.y)
    return read(meter, task)


def measure(network: nn.Module, task: Task, splits: Splits) -> dict[str, float]:
    """Measure a network on both held-out splits: :func:`held_out`."""
    return measure_held_out(task, splits, lambda split: evaluate(network, task, split))


def measure_held_out(
    task: Task, splits: Splits, measured: Callable[[Split], dict[str, float]]
) -> dict[str, float]:
    """Return what is measured on both held-out splits, by the names of :func:`held_out`."""
    found = {"valid": measured(splits.valid), "test": measured(splits.test)}
    return {name: found[split][metric] for name, split, metric in _held_out(task)}


def held_out(task: Task) -> list[str]:
    """Return the names of what is measured: ``valid_`` and ``test_`` of each metric, then of loss.

    Example:
        >>> from archrank.tasks import Digits
        >>> held_out(Digits())
        ['valid_accuracy', 'test_accuracy', 'valid_loss', 'test_loss']
    """
    return [name for name, _, _ in _held_out(task)]


def _held_out(task: Task) -> Iterator[tuple[str, str, str]]:
    for metric in (*(m.name for m in task.metrics), "loss"):
        for split in ("valid", "test"):
            yield f"{split}_{metric}", split, metric


def nothing(task: Task) -> dict[str, float]:
    """Return NaN for everything that :func:`measure` measures."""
    return dict.fromkeys(held_out(task), math.nan)


def read(meter: Meter, task: Task) -> dict[str, float]:
    """Return what a meter has found: the loss and the task's metrics.

    Raises:
        EvaluationError: Something is missing.
    """
    found = meter.compute()
    names = ["loss", *(m.name for m in task.metrics)]
    lacking = [name for name in names if name not in found]
    if lacking:
        raise EvaluationError(
            f"task {task.name!r} names the metric {', '.join(lacking)} but measures "
            f"{', '.join(found) or 'nothing'}: return it from measure(outputs, y), or from the "
            "meter that meter() returns"
        )
    return {name: found[name] for name in names}


def batches(data: Split, size: int, layout: Layout = default) -> Iterator[Split]:
    """Yield a split in order, ``size`` examples at a time, images in a layout."""
    for start in range(0, len(data.y), size):
        yield data.take(slice(start, start + size)).map(layout)


def batch_size(task: Task, data: Split) -> int:
    """Return how many examples are evaluated at once: a vocabulary's outputs are large."""
    per_example = math.prod(data.y.shape[1:]) * max(1, task.n_outputs)
    return max(1, min(EVAL_BATCH, EVAL_OUTPUTS // max(1, per_example)))
