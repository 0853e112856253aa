"""A training run to its end: checkpoints, recovery from divergence, news for whoever watches."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import nullcontext
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, TypeAlias

from archrank.errors import EvaluationError, SettingsError, StorageError
from archrank.isolation import busy
from archrank.supernets.base import Supernet
from archrank.supernets.checkpoints import checkpoint, checkpoints, remove_leftovers
from archrank.supernets.collapse import HALF
from archrank.supernets.training import RECOVERIES, SupernetTraining

State: TypeAlias = "tuple[dict[str, Any], dict[str, Any]]"


@dataclass(frozen=True)
class Progress:
    """A training after an epoch.

    Attributes:
        epoch: epochs trained.
        epochs: epochs in all.
        loss: mean training loss of the epoch over its batches and architectures.
        seconds: duration of the epoch.
        lr: peak learning rate; lower than the recipe's after a recovery.
        note: news for the user, such as a recovery; empty otherwise.
        metrics: the task's metrics of the architectures that were trained, on some training
            batches.
        tau: Kendall's tau of the losses of fixed sub-networks with those of the epoch before; NaN
            where nobody asked, or there is none.
    """

    epoch: int
    epochs: int
    loss: float
    seconds: float
    lr: float
    note: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    tau: float = math.nan


def train_supernet(
    training: SupernetTraining,
    folder: str | Path | None = None,
    *,
    keep: Collection[int] = (),
    every: int | None = None,
    watch: Callable[[Progress], object] = lambda progress: None,
) -> Supernet:
    """Train to the end of the recipe; go on from the last checkpoint in ``folder``, if any.

    A training that has a rule for it (:mod:`archrank.supernets.settling`) ends when the ranks of
    sub-networks have settled.

    A loss that is not finite ends the epoch, and one that rises back to that of guessing is a
    collapse (:mod:`archrank.supernets.collapse`). The training then goes on from its last
    checkpoint, or from the start, at half the learning rate, once, and says so. A state that has
    lost half of what was learnt before is not kept as a checkpoint, unless it is the last one.

    Args:
        training: the training; the same in all processes that train together.
        folder: folder of checkpoints; ``None`` keeps none. Only the first process touches it.
        keep: epochs whose checkpoints stay, beside the last one.
        every: epochs between checkpoints; ``None`` is a tenth of all.
        watch: called after every epoch, in the first process.

    Returns:
        The trained supernet, in evaluation mode.

    Raises:
        EvaluationError: the training diverged or collapsed again.
        ResumeError: the folder holds another training; names the differences.
        SettingsError: ``keep`` or ``every`` is no number of epochs of the training.
        StorageError: a checkpoint cannot be read or written.
        WorkerError: another process has ended, or does not answer.
    """
    place = None if folder is None else Path(folder)
    epochs, ranks = training.epochs, training.ranks
    every = max(1, epochs // 10) if every is None else every
    _check(keep, every, epochs)
    if place is not None:
        _go_on(training, place)
    before = deepcopy(training.state())
    while training.epoch < epochs and not training.settling.settled:
        start = time.monotonic()
        with busy() if ranks.first else nullcontext():  # others wait for the first, not for a lock
            loss = training.run_epoch()
        failed = bool(training.failure)
        note = _recover(training, before) if failed else _rank(training)
        if ranks.first:
            seconds, metrics = time.monotonic() - start, training.metrics()
            taus = training.settling.taus or [math.nan]
            watch(
                Progress(
                    training.epoch, epochs, loss, seconds, training.lr, note, metrics, taus[-1]
                )
            )
        if failed:
            continue
        last = training.epoch == epochs or bool(training.settling.settled)
        due = last or training.epoch % every == 0 or training.epoch in keep
        if due and (last or training.lost < HALF):
            before = deepcopy(training.state())
            if place is not None:
                _save(training, place, keep)
    return training.supernet.eval()


def _rank(training: SupernetTraining) -> str:
    """Measure the ranks of sub-networks, if they may settle; return the news that they have."""
    training.rank()
    reason = training.settling.settled
    return f"ranks have settled in epoch {training.epoch}: {reason}" if reason else ""


def _go_on(training: SupernetTraining, folder: Path) -> None:
    """Load the last checkpoint, which the first process finds."""
    last = 0
    if training.ranks.first:
        _make_writable(folder)
        remove_leftovers(folder)
        last = max(checkpoints(folder), default=0)
    if last := training.ranks.told(last):
        training.load(checkpoint(folder, last))


def _make_writable(folder: Path) -> None:
    """Refuse a folder that cannot be written to before anything is trained for it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise StorageError(
            f"checkpoints cannot be written to {folder}: {error.strerror or error}"
        ) from None


def _check(keep: Collection[int], every: int, epochs: int) -> None:
    beyond = [epoch for epoch in keep if not 1 <= epoch <= epochs]
    if beyond:
        raise SettingsError(
            f"keep names epoch {beyond[0]}, but the training has epochs 1 to {epochs}"
        )
    if every < 1:
        raise SettingsError(f"every must be at least 1 epoch, got {every}")


def _save(training: SupernetTraining, folder: Path, keep: Collection[int]) -> None:
    """Write a checkpoint, then remove those before it that are not kept."""
    training.save(checkpoint(folder, training.epoch))
    if training.ranks.first:
        for epoch, path in checkpoints(folder).items():
            if epoch not in keep and epoch < training.epoch:
                path.unlink(missing_ok=True)


def _recover(training: SupernetTraining, before: State) -> str:
    """Go back to ``before`` with a lower learning rate; return the news.

    Raises:
        EvaluationError: the training has recovered once already.
    """
    diverged = f"{training.failure} in epoch {training.epoch}"
    if training.recoveries >= RECOVERIES:
        raise EvaluationError(
            f"the supernet diverged again: {diverged}, at a learning rate of at most "
            f"{training.lr:g}; train it with a lower one, or with gradients clipped"
        )
    tensors, about = before
    training.restore(tensors, about | {"recoveries": training.recoveries + 1})
    return (
        f"{diverged}; going on from epoch {training.epoch} at half the learning rate, "
        f"{training.lr:g}"
    )
