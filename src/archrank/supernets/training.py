"""Training of a supernet: draw architectures, update their weights; its whole state."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from archrank.differences import differences
from archrank.errors import (
    FAILURES,
    ArchitectureError,
    ArchrankError,
    EvaluationError,
    ResumeError,
    SettingsError,
    StorageError,
    describe,
)
from archrank.files import shorten
from archrank.identity import identity_of
from archrank.metrics import Metric
from archrank.supernets.ahead import ahead
from archrank.supernets.base import Supernet
from archrank.supernets.checkpoints import read_training, write_checkpoint
from archrank.supernets.collapse import Guard, standard_error
from archrank.supernets.ranks import Ranks
from archrank.supernets.samplers.base import Sampler
from archrank.supernets.samplers.uniform import Uniform
from archrank.supernets.scoring import one_shot_scores
from archrank.supernets.settling import RankHistory, Settling
from archrank.supernets.statistics import batch_norms, take_statistics_in_float32
from archrank.supernets.updates.base import Session, UpdateRule
from archrank.supernets.updates.mean_per_weight import MeanPerWeight
from archrank.torch_state import keep_kernels, require_device, seeded
from archrank.training.data import Draws, resident
from archrank.training.evaluation import read
from archrank.training.layout import lay_out
from archrank.training.recipe import Recipe
from archrank.training.step import Step
from archrank.types import Archs, Floats

if TYPE_CHECKING:
    from archrank.spaces.networks import Networks
    from archrank.tasks.base import Split, Task

T = TypeVar("T")

RECOVERIES = 1  # how often a training that diverged goes on from its last checkpoint
SLOWER = 0.5  # times the learning rate, after that
SEEN = 4  # updates of an epoch whose outputs are measured, at most
LOOK = 32  # updates between looks at the loss where a look waits for the device


class SupernetTraining:
    """One training of one supernet, which can stop and go on after any epoch.

    The rows of update ``u`` are drawn with ``SeedSequence([seed, u])``, batches with a generator
    that is part of the state, dropout with the seed and the epoch. What a sampler has learnt from
    the supernet is part of the state, too. On a CPU with one thread a resumed training is the same
    as one that never stopped, bit for bit.

    Several processes may train together (``torchrun``). Process ``r`` draws architectures of its
    own with ``SeedSequence([seed, u, r])``, so that process 0 draws those of a training alone and
    none must know what the others draw (unless the sampler lets all draw the same); it runs them on
    its part of the batch, which is divided evenly. Gradients are means over the architectures of
    all processes, see :mod:`archrank.supernets.ranks`, so all weights stay equal bit for bit.

    Args:
        supernet: freshly initialised, the same in every process; trained in place.
        task: data and loss.
        sampler: chooses the architectures of an update; ``None``: uniformly, one at a time.
        rule: makes an update of them; ``None``: :class:`MeanPerWeight`.
        recipe: optimisation; ``None`` is the task's. Batches are those of all processes together.
        seed: of draws, batches and dropout.
        device: where data and supernet are put.
        ranks: this process among those that train together; ``None``: alone.
        networks: those of the supernet's space for the task, whose prior of FLOPs is drawn already;
            ``None``: new ones.
        settling: tells when the ranks of sub-networks have settled, after which
            :func:`~archrank.supernets.train_supernet` stops; ``None``: never.

    Attributes:
        epoch: epochs trained.
        losses: mean training loss of every epoch.
        failure: reason why the last epoch diverged or collapsed; empty otherwise.

    Raises:
        SettingsError: the task has nothing to train with, the rule does not suit, or this machine
            has no such device; or batches of one example meet batch norms.
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
        ranks: Ranks | None = None,
        networks: Networks | None = None,
        settling: Settling | None = None,
    ) -> None:
        self.settling = RankHistory(settling)
        self.supernet, self.task, self.seed = supernet, task, seed
        self._networks = supernet.space.networks(task) if networks is None else networks
        self.sampler = sampler if sampler is not None else Uniform()
        self.rule = rule if rule is not None else MeanPerWeight()
        self.recipe = recipe if recipe is not None else task.recipe
        require_device(str(device), SettingsError)
        keep_kernels()
        self.device = torch.device(device)
        self.ranks = ranks if ranks is not None else Ranks()
        self.epoch, self.recoveries, self.failure = 0, 0, ""
        self.losses: list[float] = []
        self._trained = task  # whose loss follows the recipe
        if self.recipe.label_smoothing != task.recipe.label_smoothing:
            self._trained = replace(task, recipe=self.recipe)
        if self.recipe.precision != "float32":
            take_statistics_in_float32(supernet)
        self._layout = lay_out(supernet.to(self.device))
        self._data = resident(task, self.device, self._layout)
        if not len(self._data.train.y):
            raise SettingsError(f"task {task.name!r} has no examples to train with")
        self._guard = Guard(self._trained, self._data.train.y)
        self._start()

    def _start(self) -> None:
        generator = torch.Generator(self.device).manual_seed(self.seed)
        part = (self.ranks.rank, self.ranks.size)
        self._draws = Draws(self.task, self._data.train, self.recipe, generator, self._layout, part)
        if self._draws.smallest // self.ranks.size < 2 and batch_norms(self.supernet):
            raise SettingsError(
                "batches of 1 example have no statistics that batch norms could normalise by; "
                "train with a batch_size of at least 2 for every process"
            )
        updates = self.recipe.updates_of(self._draws.batches)
        recipe = replace(self.recipe, lr=self.recipe.lr * SLOWER**self.recoveries)
        self._step = Step(self.supernet.parameters(), recipe, updates)
        self._session = Session(self.supernet, self._trained, self._step, self.ranks, self._see)
        self._updates = self.rule.start(self._session)
        self._meter, self._seeing = self.task.meter(), False
        self._sampler = self.sampler
        self._labels: dict[str, Tensor] = {}

    @property
    def batches(self) -> int:
        """Updates of an epoch."""
        return self._draws.batches

    @property
    def epochs(self) -> int:
        """Epochs in all; the last one may be cut short by the recipe's number of updates."""
        return self.recipe.epochs_of(self._draws.batches)

    @property
    def lr(self) -> float:
        """Peak learning rate, lowered by recoveries."""
        return self._step.recipe.lr

    def run_epoch(self) -> float:
        """Train one epoch; return its mean loss, which is not finite if it diverged.

        An epoch that diverges ends at once, on a GPU within some updates.

        Raises:
            EvaluationError: the code of a sampler, rule, supernet or task failed.
            SettingsError: the sampler draws no architectures of the space.
            WorkerError: another process has ended, or does not answer.
        """
        if self.epoch in self.sampler.learns:
            self._learn()
        look = 1 if self.device.type == "cpu" else LOOK
        losses: list[Tensor] = []
        with closing(self.updates()) as updates:
            for loss in updates:
                losses.append(loss)
                if len(losses) % look == 0 and not math.isfinite(loss):
                    break
        self.epoch += 1
        together = torch.stack(losses)
        return self._end_epoch(float(together.mean()), standard_error(together))

    def updates(self) -> Generator[Tensor, None, None]:
        """Make the updates of the next epoch one after the other; yield the loss of each.

        Torch's global generators are seeded until the last one is made, or the iterator closed.

        Raises:
            ArchrankError: as :meth:`run_epoch`.
        """
        self.supernet.train()
        self._meter = self.task.meter()
        every = math.ceil(self.batches / SEEN)
        left = min(self.batches, self._step.updates - self._step.done)
        numbers = range(self._step.done, self._step.done + left)
        if self.ranks.size > 1:
            self._draws.augmenting.manual_seed(self._seed_of_epoch(1))
        drawing = ahead(self._drawn, numbers, in_thread=self._networks.closed_form)
        with drawing as drawn, seeded(self._seed_of_epoch(), self.device):
            pairs = zip(islice(self._draws.epoch(), left), drawn, strict=False)
            for made, (batch, rows) in enumerate(pairs):
                self._seeing = made % every == 0
                yield self._told(self._step.done, self._update, batch, rows)

    def _update(self, batch: Split, rows: Callable[[], Archs]) -> Tensor:
        """Make an update with the rows that were drawn for it; return its loss."""
        return self._updates(batch, self._chosen(batch, rows()))

    def _chosen(self, batch: Split, rows: Archs) -> Archs:
        """Return the architectures that are trained, of the rows that were drawn: ``(m, d)``."""
        sampler = self._sampler
        if sampler.candidates == 1:
            return rows
        losses = self._session.peek(batch, rows)
        if sampler.shares_losses:
            self.ranks.add_up(losses)
        return sampler.choose(rows, losses.double().cpu().numpy())

    def _learn(self) -> None:
        """Score random architectures and let the sampler learn from them, alike in all processes.

        Raises:
            SettingsError: the task has no held-out examples.
        """
        space = self.supernet.space
        rng = np.random.default_rng(np.random.SeedSequence([self.seed, self.epoch, 0, 1]))
        archs, scores = space.sample(self.sampler.labels, rng=rng), None
        if self.ranks.first:
            metric = self.task.metrics[0] if self.task.metrics else Metric("loss", "minimize")
            found = one_shot_scores(self.supernet, self.task, archs)[metric.name]
            scores = -found if metric.direction == "minimize" else found
        self._teach(archs, self.ranks.told(scores))

    def _teach(self, archs: Archs, scores: Floats) -> None:
        """Let the sampler learn; from scores that are all equal there is nothing to learn."""
        known = np.isfinite(scores)
        if len(np.unique(scores[known])) > 1:
            self._labels = {"archs": torch.from_numpy(archs), "scores": torch.from_numpy(scores)}
            self._sampler = self.sampler.taught(archs[known], scores[known])

    def _told(self, number: int, call: Callable[..., T], *args: Any) -> T:
        """Make a call of an update; failures of users' code in it are told."""
        try:
            return call(*args)
        except ArchrankError:
            raise
        except FAILURES as error:
            raise EvaluationError(
                f"update {number} of the supernet of {self.supernet.space.name} failed: "
                f"{describe(error)}"
            ) from error

    @property
    def lost(self) -> float:
        """Part of what was learnt before that the last epoch lost, from 0 to 1 and above."""
        return self._guard.lost(self.losses)

    def _end_epoch(self, loss: float, error: float = 0.0) -> float:
        """Note the loss of an epoch, not a number where the last update broke the weights.

        Args:
            loss: mean over the updates.
            error: its standard error.
        """
        self.failure = "" if math.isfinite(loss) else f"the training loss became {loss}"
        if not self.failure and not _all_finite(self.supernet):
            loss, self.failure = math.nan, "weights became infinite"
        self.losses.append(loss)
        self.failure = self.failure or self._guard.collapse(self.losses, error)
        self._step.end_epoch(loss)
        return loss

    def rank(self) -> None:
        """Measure the losses of the listed sub-networks after an epoch, alike in all processes.

        Raises:
            SettingsError: the task has no held-out examples.
        """
        rule = self.settling.rule
        if rule is None:
            return
        losses = None
        if self.ranks.first:
            archs = rule.listed(self.supernet.space, self.seed)
            losses = one_shot_scores(self.supernet, self.task, archs, examples=rule.examples)[
                "loss"
            ]
        self.settling.add(self.ranks.told(losses))

    def _seed_of_epoch(self, purpose: int = 0) -> int:
        """Return a seed for an epoch and this process: of dropout (0), of augmentation (1)."""
        numbers = [self.seed, self.epoch, self.ranks.rank, purpose]  # zeros at the end are nothing
        return int(np.random.SeedSequence(numbers).generate_state(1)[0])

    @torch.no_grad()
    def _see(self, outputs: Tensor, y: Tensor) -> None:
        if self._seeing:
            self._meter.update(outputs.detach(), y)

    def metrics(self) -> dict[str, float]:
        """Return the task's metrics on some training batches of the last epoch.

        Architectures are those that were trained, weights those before each update; of several
        processes, those of this one.

        Raises:
            EvaluationError: the task's meter lacks a metric.
        """
        return {name: v for name, v in read(self._meter, self.task).items() if name != "loss"}

    def _drawn(self, number: int) -> Archs:
        """Return this process's architectures of one update."""
        space = self.supernet.space
        rank = 0 if self._sampler.shares_draws else self.ranks.rank
        words = [self.seed, number, rank]  # a 0 at the end is as none
        rng = np.random.default_rng(np.random.SeedSequence(words))
        rows = self._sampler.sample(self._networks, rng=rng)
        try:
            rows = space.validate(rows)
            if len(rows) and space.valid(rows).all():
                return rows
        except ArchitectureError:
            pass
        raise SettingsError(
            f"{type(self.sampler).__name__} drew {shorten(np.asarray(rows).tolist())} for update "
            f"{number}, which are no architectures of {space.name}"
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
            **({} if self.ranks.size == 1 else {"processes": self.ranks.size}),
        }

    def state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return everything that the next epochs depend on: tensors, and JSON values."""
        ranks, about_ranks = self.settling.state()
        tensors = {
            "supernet": self.supernet.state_dict(),
            "step": self._step.state_dict(),
            "rule": self._updates.state_dict(),
            "draws": self._draws.state_dict(),
            **({"labels": self._labels} if self._labels else {}),
            **ranks,
        }
        about = {
            "identity": self.identity(),
            "epoch": self.epoch,
            "losses": list(self.losses),
            "recoveries": self.recoveries,
            **about_ranks,
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
        if labels := tensors.get("labels"):
            self._teach(labels["archs"].numpy(), labels["scores"].numpy())
        self.settling = self.settling.restored(tensors, about)
        self.epoch, self.losses = int(about["epoch"]), list(about["losses"])

    def save(self, path: Path) -> None:
        """Write a checkpoint; of several processes, the first one does.

        Raises:
            StorageError: it cannot be written.
        """
        if self.ranks.first:
            write_checkpoint(path, *self.state())

    def load(self, path: Path) -> None:
        """Go on where the checkpoint was written; the first of several processes reads it.

        Raises:
            StorageError: it cannot be read, or is damaged.
            ResumeError: it is of another training; names the differences.
        """
        tensors, about = self.ranks.told(self._checked(path) if self.ranks.first else None)
        try:
            self.restore(tensors, about)
        except (LookupError, ValueError, TypeError, RuntimeError, AttributeError) as error:
            raise StorageError(
                f"checkpoint {path} does not hold the state of this training ({shorten(error)}); "
                "remove it to go on from the one before"
            ) from None

    def _checked(self, path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
        """Read a checkpoint of this training."""
        tensors, about = read_training(path)
        left_out = {"rule": MeanPerWeight().describe(), "processes": 1}
        found = differences(left_out | about["identity"], left_out | self.identity())
        if found:
            raise ResumeError(
                f"checkpoint {path} is of another training (stored -> now): "
                f"{'; '.join(map(str, found[:5]))}. Train into another folder, or repeat the "
                "first settings to go on"
            )
        return tensors, about


def _all_finite(supernet: Supernet) -> bool:
    """Tell whether no weight is infinite or not a number."""
    norms = torch._foreach_norm([weight.detach() for weight in supernet.parameters()])
    return bool(torch.stack(norms).isfinite().all())
