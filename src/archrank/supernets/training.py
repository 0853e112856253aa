"""Training of a supernet: draw architectures, update their weights, keep checkpoints."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from archrank.differences import differences
from archrank.errors import ArchitectureError, EvaluationError, ResumeError, SettingsError
from archrank.identity import identity_of
from archrank.supernets.base import Supernet
from archrank.supernets.checkpoints import (
    checkpoint,
    checkpoints,
    read_checkpoint,
    write_checkpoint,
)
from archrank.supernets.samplers.base import Sampler
from archrank.supernets.samplers.uniform import Uniform
from archrank.supernets.updates.base import Session, UpdateRule
from archrank.supernets.updates.mean_per_weight import MeanPerWeight
from archrank.torch_state import seeded
from archrank.training.data import Draws, resident
from archrank.training.layout import lay_out
from archrank.training.recipe import Recipe
from archrank.training.step import Step

if TYPE_CHECKING:
    from archrank.tasks.base import Task

RECOVERIES = 1  # how often a training that diverged goes on from its last checkpoint
SLOWER = 0.5  # times the learning rate, after that


@dataclass(frozen=True)
class Progress:
    """A training after an epoch.

    Attributes:
        epoch: epochs trained.
        epochs: epochs in all.
        loss: mean training loss of the epoch over its batches and architectures.
        seconds: of the epoch.
        lr: peak learning rate; lower than the recipe's after a recovery.
        note: news for the user, such as a recovery; empty otherwise.
    """

    epoch: int
    epochs: int
    loss: float
    seconds: float
    lr: float
    note: str = ""


class SupernetTraining:
    """One training of one supernet, which can stop and go on after any epoch.

    The rows of update ``u`` are drawn with ``SeedSequence([seed, u])``, batches with a generator
    that is part of the state, dropout with the seed and the epoch. On a CPU with one thread a
    resumed training is the same as one that never stopped, bit for bit.

    Args:
        supernet: freshly initialised; trained in place.
        task: data and loss.
        sampler: chooses the architectures of an update; ``None``: uniformly, one at a time.
        rule: makes an update of them; ``None``: :class:`MeanPerWeight`.
        recipe: optimisation; ``None`` is the task's.
        seed: of draws, batches and dropout.
        device: where data and supernet are put.

    Attributes:
        epoch: epochs trained.
        losses: mean training loss of every epoch.
    """

    def __init__(
        self,
        supernet: Supernet,
        task: Task,
        sampler: Sampler | None = None,
        *,
        rule: UpdateRule | None = None,
        recipe: Recipe | None = None,
        seed: int = 0,
        device: str | torch.device = "cpu",
    ) -> None:
        self.supernet, self.task, self.seed = supernet, task, seed
        self.sampler = sampler if sampler is not None else Uniform()
        self.rule = rule if rule is not None else MeanPerWeight()
        self.recipe = recipe if recipe is not None else task.recipe
        self.device = torch.device(device)
        self.epoch, self.recoveries = 0, 0
        self.losses: list[float] = []
        self._layout = lay_out(supernet.to(self.device))
        self._data = resident(task, self.device, self._layout)
        if not len(self._data.train.y):
            raise SettingsError(f"task {task.name!r} has no examples to train with")
        self._start()

    def _start(self) -> None:
        generator = torch.Generator(self.device).manual_seed(self.seed)
        batch_size = self.recipe.batch_size
        self._draws = Draws(self.task, self._data.train, batch_size, generator, self._layout)
        updates = self.recipe.epochs * self._draws.batches
        recipe = replace(self.recipe, lr=self.recipe.lr * SLOWER**self.recoveries)
        self._step = Step(self.supernet.parameters(), recipe, updates)
        self._updates = self.rule.start(Session(self.supernet, self.task, self._step))

    @property
    def lr(self) -> float:
        """Peak learning rate, lowered by recoveries."""
        return self._step.recipe.lr

    def run_epoch(self) -> float:
        """Train one epoch; return its mean loss, which is not finite if it diverged."""
        self.supernet.train()
        dropout = int(np.random.SeedSequence([self.seed, self.epoch]).generate_state(1)[0])
        with seeded(dropout, self.device):
            losses = [
                self._updates(batch, self._drawn(self._step.done)) for batch in self._draws.epoch()
            ]
        self.epoch += 1
        self.losses.append(float(torch.stack(losses).mean()))
        self._step.end_epoch(self.losses[-1])
        return self.losses[-1]

    def _drawn(self, number: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """Return the architectures of one update."""
        space = self.supernet.space
        rng = np.random.default_rng(np.random.SeedSequence([self.seed, number]))
        rows = self.sampler.sample(space, rng=rng)
        try:
            rows = space.validate(rows)
            if len(rows) and space.valid(rows).all():
                return rows
        except ArchitectureError:
            pass
        raise SettingsError(
            f"{type(self.sampler).__name__} drew {np.asarray(rows).tolist()} for update {number}, "
            f"which are no architectures of {space.name}"
        )

    # ---- state ---------------------------------------------------------------------------------

    def identity(self) -> dict[str, Any]:
        """Return what must agree for a checkpoint to be gone on from, as JSON values."""
        shapes = {name: list(p.shape) for name, p in self.supernet.state_dict().items()}
        rule = self.rule.describe()
        return {
            "space": self.supernet.space.fingerprint(),
            "supernet": type(self.supernet).__name__,
            "options": dict(self.supernet.options),
            "weights": shapes,
            "task": self.task.identity(),
            "recipe": identity_of(self.recipe),
            "sampler": self.sampler.describe(),
            "seed": self.seed,
            **({} if rule == MeanPerWeight().describe() else {"rule": rule}),
        }

    def state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return everything that the next epochs depend on: tensors, and JSON values."""
        tensors = {
            "supernet": self.supernet.state_dict(),
            "step": self._step.state_dict(),
            "rule": self._updates.state_dict(),
            "draws": self._draws.state_dict(),
        }
        about = {
            "identity": self.identity(),
            "epoch": self.epoch,
            "losses": list(self.losses),
            "recoveries": self.recoveries,
        }
        return tensors, about

    def restore(self, tensors: Mapping[str, Any], about: Mapping[str, Any]) -> None:
        """Go on where :meth:`state` was called."""
        self.recoveries = int(about["recoveries"])
        self._start()
        self.supernet.load_state_dict(tensors["supernet"])
        self._step.load_state_dict(tensors["step"])
        self._updates.load_state_dict(tensors["rule"])
        self._draws.load_state_dict(tensors["draws"])
        self.epoch, self.losses = int(about["epoch"]), list(about["losses"])

    def save(self, path: Path) -> None:
        """Write a checkpoint.

        Raises:
            StorageError: it cannot be written.
        """
        write_checkpoint(path, *self.state())

    def load(self, path: Path) -> None:
        """Go on where the checkpoint was written.

        Raises:
            StorageError: it cannot be read, or is damaged.
            ResumeError: it is of another training; names the differences.
        """
        tensors, about = read_checkpoint(path)
        default = {"rule": MeanPerWeight().describe()}  # left out of identities
        stored: dict[str, Any] = about.get("identity", {})
        found = differences(default | stored, default | self.identity())
        if found:
            raise ResumeError(
                f"checkpoint {path} is of another training (stored -> now): "
                f"{'; '.join(map(str, found[:5]))}. Train into another folder, or repeat the "
                "first settings to go on"
            )
        self.restore(tensors, about)


def train_supernet(
    training: SupernetTraining,
    folder: str | Path | None = None,
    *,
    keep: Collection[int] = (),
    every: int | None = None,
    watch: Callable[[Progress], object] = lambda progress: None,
) -> Supernet:
    """Train to the end of the recipe; go on from the last checkpoint in ``folder``, if any.

    A loss that is not finite ends the epoch; the training then goes on from its last checkpoint,
    or from the start, at half the learning rate, once, and says so.

    Args:
        training: what to train.
        folder: of checkpoints; ``None`` keeps none.
        keep: epochs whose checkpoints stay, beside the last one.
        every: epochs between checkpoints; ``None`` is a tenth of the recipe's.
        watch: called after every epoch.

    Returns:
        The trained supernet, in evaluation mode.

    Raises:
        EvaluationError: the training diverged again.
        ResumeError: the folder holds another training; names the differences.
        StorageError: a checkpoint cannot be read or written.
    """
    place = None if folder is None else Path(folder)
    epochs = training.recipe.epochs
    every = max(1, epochs // 10) if every is None else every
    if place is not None and (found := checkpoints(place)):
        training.load(found[max(found)])
    before = deepcopy(training.state())
    while training.epoch < epochs:
        start = time.monotonic()
        loss = training.run_epoch()
        if not math.isfinite(loss):
            note = _recover(training, before, loss)
            watch(Progress(training.epoch, epochs, loss, 0.0, training.lr, note))
            continue
        seconds = time.monotonic() - start
        watch(Progress(training.epoch, epochs, loss, seconds, training.lr))
        if training.epoch % every == 0 or training.epoch in keep or training.epoch == epochs:
            before = deepcopy(training.state())
            if place is not None:
                training.save(checkpoint(place, training.epoch))
                for epoch, path in checkpoints(place).items():
                    if epoch not in keep and epoch < training.epoch:
                        path.unlink(missing_ok=True)
    return training.supernet.eval()


def _recover(
    training: SupernetTraining, before: tuple[dict[str, Any], dict[str, Any]], loss: float
) -> str:
    """Go back to ``before`` with a lower learning rate; return the news.

    Raises:
        EvaluationError: that was done already.
    """
    diverged = f"the training loss became {loss} in epoch {training.epoch}"
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
