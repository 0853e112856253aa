"""One-shot scores: the metrics of architectures with the shared weights of a supernet."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

from archrank.errors import SettingsError
from archrank.isolation import busy
from archrank.networks.inputs import run
from archrank.supernets.base import Supernet
from archrank.supernets.readout import refit_classifier
from archrank.supernets.statistics import batch_norms, calibration_batches, recalibrate
from archrank.torch_state import keep_kernels, mode
from archrank.training.batching import sorted_by_length, trimmed
from archrank.training.data import even_batches
from archrank.training.evaluation import read
from archrank.training.layout import layout_of
from archrank.types import Archs, Floats, Ints

if TYPE_CHECKING:
    from archrank.tasks.base import Split, Task
    from archrank.tasks.meters import Meter

EXAMPLES = 10_000_000  # outputs that are measured before the first of them are added up
BATCH = 512  # examples that are normalised together, as AceNAS and the Surgery publish


def one_shot_scores(
    supernet: Supernet,
    task: Task,
    archs: Archs,
    *,
    split: Literal["valid", "test"] = "valid",
    statistics: Literal["batch", "recalibrated"] = "batch",
    readout: bool = False,
    examples: int | None = None,
    batch_size: int = BATCH,
    calibration: int = 8,
    progress: Callable[[int], object] = lambda done: None,
) -> dict[str, Floats]:
    """Measure architectures with the weights of a supernet.

    Batch statistics, as AceNAS and the Surgery use them, cost nothing, but let a score depend on
    what is in the batch and on its size. Recalibrated ones cost ``calibration`` batches of
    training data per architecture, augmented as in training.

    Args:
        supernet: trained; its mode and weights are not changed.
        task: measures on its held-out data.
        archs: ``(n, d)``.
        split: part of the data to measure on.
        statistics: statistics of batch norms.
        readout: give every architecture a linear classifier of its own, in closed form from
            ``calibration`` batches of training data (:mod:`archrank.supernets.readout`).
        examples: number of examples of the split, spread evenly over it; ``None``: all of them. A
            few hundred rank architectures as well as thousands do (``benchmarks/README.md``).
        batch_size: examples that are evaluated together, at most; a split is cut into equal parts.
        calibration: batches of training data for recalibrated statistics and read-outs.
        progress: called with the number of architectures that are done.

    Returns:
        The loss and each metric of the task, ``(n,)``; NaN where outputs are not finite.

    Raises:
        SettingsError: the split is empty, or a number is below 1; or there can be no read-out.
        ArchitectureError: rows that are not of the supernet's space.
    """
    archs = supernet.space.validate(archs)
    keep_kernels()
    numbers = {"batch_size": batch_size, "calibration": calibration, "examples": examples}
    for setting, number in numbers.items():
        if number is not None and number < 1:
            raise SettingsError(f"{setting} must be at least 1, got {number}")
    device = next(supernet.parameters()).device
    layout = layout_of(supernet)
    data = sorted_by_length(task, _spread(getattr(task.load(), split), examples))
    data = data.map(lambda tensor: layout(tensor.to(device)))
    if not len(data.y):
        raise SettingsError(f"task {task.name!r} has no examples in its {split} split")
    with busy(), torch.inference_mode(), mode(supernet, training=False):
        if not readout and (statistics == "batch" or not batch_norms(supernet)):
            meters = _together(supernet, task, archs, data, batch_size, progress)
        else:
            first = calibration_batches(task, supernet, calibration, batch_size)
            held_out = [trimmed(task, batch) for batch in even_batches(data, batch_size)]
            meters = []
            for done, arch in enumerate(archs, 1):
                network = supernet.extract(arch)
                if statistics == "recalibrated":
                    recalibrate(network, (batch.x for batch in first))
                if readout:
                    refit_classifier(network, first)
                meters.append(task.meter())
                for batch in held_out:
                    meters[-1].update(run(network, batch.x), batch.y)
                progress(done)
    values = [_finite(read(meter, task)) for meter in meters]
    names = ("loss", *(metric.name for metric in task.metrics))
    return {name: np.array([v[name] for v in values], dtype=np.float64) for name in names}


def _together(
    supernet: Supernet,
    task: Task,
    archs: Archs,
    data: Split,
    batch_size: int,
    progress: Callable[[int], object],
) -> list[Meter]:
    """Measure architectures a group at a time, on one batch after the other.

    Meters keep numbers of every example, which bounds the size of a group.
    """
    meters = [task.meter() for _ in archs]
    batches = [trimmed(task, batch) for batch in even_batches(data, batch_size)]
    order = np.lexsort(archs.T[::-1])  # neighbours have most in common
    size = max(1, EXAMPLES // len(data.y))
    done = 0
    for group in np.split(order, range(size, len(order), size)):
        for batch in batches:
            for place, outputs in supernet.forward_each(batch.inputs, archs[group]):
                meters[group[place]].update(outputs, batch.y)
                done += 1
                progress(done // len(batches))
    return meters


def _spread(data: Split, examples: int | None) -> Split:
    """Return so many examples at equal distances, all if there are no more."""
    if examples is None or examples >= len(data.y):
        return data
    return data.take(torch.linspace(0, len(data.y) - 1, examples).long())


def _finite(values: dict[str, float]) -> dict[str, float]:
    """Return NaN for everything if the loss is not finite: accuracies would be those of NaN."""
    if math.isfinite(values["loss"]):
        return values
    return dict.fromkeys(values, math.nan)


def mean_of_classes(scores: Floats, classes: Ints) -> Floats:
    """Give every architecture the mean score of those scored that are isomorphic to it: ``(n,)``.

    The Surgery's "post de-isomorphism" (section 4.3): training is unchanged. A score that is NaN
    makes its whole class NaN.

    Args:
        scores: ``(n,)``.
        classes: number of the class of each architecture, ``(n,)``.

    Example:
        >>> mean_of_classes(np.array([1.0, 2.0, 6.0]), np.array([5, 3, 5])).tolist()
        [3.5, 2.0, 3.5]
    """
    _, members = np.unique(classes, return_inverse=True)
    sums = np.bincount(members, weights=scores)
    return np.asarray((sums / np.bincount(members))[members])


def mean_of_scores(scores: Sequence[Mapping[str, Floats]]) -> dict[str, Floats]:
    """Return the mean scores of several supernets, ``{name: (n,)}`` of each.

    The errors of supernets that differ in their seeds cancel in part; what sharing itself does to
    some architectures, such as those with many identities, stays.

    Raises:
        SettingsError: none are given.
    """
    if not scores:
        raise SettingsError("give the scores of at least one supernet to average")
    return {name: np.mean([each[name] for each in scores], axis=0) for name in scores[0]}


def mean_of_supernets(supernets: list[Supernet]) -> dict[str, torch.Tensor]:
    """Return the mean weights of supernets that differ in their seeds, as a state dict.

    Raises:
        SettingsError: none is given, or they are of different shapes.
    """
    if not supernets:
        raise SettingsError("give at least one supernet to average")
    states = [supernet.state_dict() for supernet in supernets]
    shapes = [{name: tensor.shape for name, tensor in state.items()} for state in states]
    if any(shape != shapes[0] for shape in shapes):
        raise SettingsError("supernets of different shapes cannot be averaged")
    return {name: torch.stack([state[name] for state in states]).mean(dim=0) for name in states[0]}
