"""Training from scratch: the truth, at the price of a training run per architecture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archrank.checks import instance, quoted, whole
from archrank.errors import FAILURES, EvaluationError, describe
from archrank.evaluators.base import Evaluations, Evaluator
from archrank.evaluators.repeated import mean_and_spread, seeds_of, with_spread
from archrank.identity import function_name
from archrank.metrics import Metric, read_metrics
from archrank.types import Archs

if TYPE_CHECKING:
    from torch import nn
    from typing_extensions import Self

    from archrank.spaces.base import Space
    from archrank.tasks.base import Task
    from archrank.training.loop import TrainingResult
    from archrank.training.own_loop import Trainer

GROUP = 256  # networks; a few hundred fill a GPU with networks this small


class Training(Evaluator):
    """Builds each architecture and trains it, with the task's recipe or with a loop of your own.

    Initial weights, data order and augmentation depend on the study's seed and on the
    architecture alone, so an evaluation gives the same numbers in whichever worker and whenever it
    runs. A network that diverges, or that cannot be built or run, is NaN with the reason.

    A loop of your own is any function of ``(network, task, seed, device)`` that trains the network
    in place and returns ``{metric: number}``, or one number::

        def my_training(network, task, seed, device):
            train, valid, test = task.load()
            ...
            return {"accuracy": accuracy_of(network, valid)}

        Training(task, trainer=my_training)
        Training(task, trainer=my_training, metrics=["f1", "minutes:minimize"])

    The network comes on the CPU, with torch on one thread and its global generators seeded. An
    exception in the loop, and a metric that is missing or not finite, are NaN with the reason, so
    that one architecture never ends a run. For worker processes the function must be importable:
    defined at the top level of a module, no lambda.

    Args:
        task: data, loss, metrics and recipe.
        trainer: your own loop, in place of the recipe's.
        metrics: what ``trainer`` returns: :class:`~archrank.metrics.Metric` objects, or names such
            as ``"f1"``, which is maximised, and ``"minutes:minimize"``; ``None`` takes the
            function's own attribute ``metrics``, and the task's metrics if it has none.
        runs: training runs per architecture with different seeds. Of several, metrics are their
            means, and there are the standard deviations, such as ``valid_accuracy_std``.
        device: ``"cpu"`` or a CUDA device.
        group: networks trained at once; ``None`` is one on a CPU and as many as
            :data:`GROUP` on a GPU, which one small network leaves idle. Only cell networks of
            NAS-Bench-201's kind are grouped. Each draws its own images from the group's generator
            on a GPU, so its result is another draw from the same distribution.
        checkpoints: epochs before the last after which metrics are measured too, under the
            metric's name and ``_ep3``, say. That changes nothing about the training.

    Raises:
        EvaluationError: fewer than one run, a checkpoint that is no epoch before the last, no
            metric or one twice, or settings that a trainer of your own does not take.

    Example:
        >>> from archrank.spaces import NASBench201
        >>> from archrank.tasks import Digits, Recipe
        >>> evaluator = Training(Digits(recipe=Recipe(epochs=1))).bind(NASBench201())
        >>> result = evaluator.evaluate(evaluator.space.parse(["|none~0|+|none~0|none~1|+"
        ...     "|skip_connect~0|none~1|none~2|"]))
        >>> bool(0 <= result["valid_accuracy"][0] <= 1)
        True
    """

    task: Task

    def __init__(
        self,
        task: Task,
        *,
        trainer: Trainer | None = None,
        metrics: Sequence[Metric | str] | None = None,
        runs: int = 1,
        device: str = "cpu",
        checkpoints: Sequence[int] = (),
        group: int | None = None,
    ) -> None:
        from archrank.tasks.base import Task

        instance(task, Task, "Training: task", "such as tasks.Digits()")
        for name, count in (("runs", runs), ("group", 1 if group is None else group)):
            whole(count, f"Training: {name}", error=EvaluationError)
        if isinstance(checkpoints, str) or not isinstance(checkpoints, Iterable):
            raise EvaluationError(f"Training: checkpoints are epochs, got {quoted(checkpoints)}")
        checkpoints = tuple(whole(e, "a checkpoint", error=EvaluationError) for e in checkpoints)
        instance(device, str, "Training: device", "such as 'cpu'")
        if group is not None and group < 1:
            raise EvaluationError(f"Training needs at least 1 network per group, got {group}")
        if runs < 1:
            raise EvaluationError(f"Training needs at least 1 run per architecture, got {runs}")
        last = task.recipe.epochs
        wrong = [epoch for epoch in checkpoints if not 1 <= epoch < last]
        if wrong or len(set(checkpoints)) < len(checkpoints):
            raise EvaluationError(
                f"checkpoints {tuple(checkpoints)}: they are different epochs from 1 to "
                f"{last - 1}, before the last of the recipe"
            )
        _check_trainer(trainer, metrics, checkpoints, group)
        self.task = task
        self.trainer = trainer
        self.runs = runs
        self.device = device
        alone = trainer is not None or device == "cpu"
        self.group_size = group or (1 if alone else GROUP)
        self.checkpoints = tuple(sorted(checkpoints))
        self.seed = 0
        self._first = 0  # number of the first run; repetitions have later ones
        if trainer is None:
            self._measured = measured_by(task, self.checkpoints)
        else:
            own = getattr(trainer, "metrics", None) if metrics is None else metrics
            self._measured = _declared(task, own)
        self.metrics = with_spread(self._measured, runs)

    def bind(self, space: Space, *, task: Task | None = None, seed: int = 0) -> Self:
        """Return a copy for ``space``, seeded with ``seed``.

        Raises:
            EvaluationError: this machine has no such device.
        """
        if self.device != "cpu":
            from archrank.torch_state import require_device

            require_device(self.device, EvaluationError)
        bound = super().bind(space, task=self.task, seed=seed)
        bound._networks = space.networks(self.task)
        bound.seed = seed
        return bound

    def evaluate(self, archs: Archs) -> Evaluations:
        """Train each of ``archs: (n, d)``, one after the other or in groups, on one thread.

        Raises:
            DataError: the task's data cannot be learnt from, see
                :func:`~archrank.tasks.checks.check_task`; a trainer of your own gets it unchecked.
        """
        from archrank.tasks.checks import check_task

        archs = self.space.validate(archs)
        if self.trainer is None:
            check_task(self.task)
        values = np.full((len(archs), len(self.metrics)), np.nan)
        reasons: list[str | None] = []
        from archrank.torch_state import torch_threads

        with torch_threads(1):  # fastest for networks this small, and only so reproducible
            runs = [self._train_all(archs, self._first + run) for run in range(self.runs)]
        for i, results in enumerate(zip(*runs, strict=True)):
            reason = next((r for r in results if isinstance(r, str)), None)
            reasons.append(reason)
            if reason is None:
                values[i] = mean_and_spread(np.array([self._numbers(r) for r in results]))
                bad = ~np.isfinite(values[i])
                named = zip(self.metrics, values[i], bad, strict=True)
                reasons[i] = ", ".join(f"{m.name} is {v}" for m, v, b in named if b) or None
                values[i, bad] = np.nan
        columns = {m.name: values[:, j] for j, m in enumerate(self.metrics)}
        return Evaluations(columns, reasons)

    def train(self, arch: NDArray[np.uint8], run: int = 0) -> tuple[Any, TrainingResult]:
        """Repeat one training run of ``arch: (d,)``: the trained network and its result.

        Gives bit for bit what :meth:`evaluate` measured, on the same machine.
        """
        from archrank.torch_state import torch_threads
        from archrank.training.loop import train
        from archrank.training.own_loop import train_with

        network, seed = self.untrained(arch, run), self.seeds_of(arch, run)[1]
        with torch_threads(1):
            if self.trainer is not None:
                names = [m.name for m in self._measured]
                return network, train_with(
                    self.trainer,
                    network,
                    self.task,
                    metrics=names,
                    seed=seed,
                    device=self.device,
                )
            result = train(
                network,
                self.task,
                seed=seed,
                device=self.device,
                checkpoints=self.checkpoints,
            )
        return network, result

    def seeds_of(self, arch: NDArray[np.uint8], run: int = 0) -> tuple[int, int]:
        """Return the seeds of a training run of ``arch: (d,)``: of initial weights, of the rest."""
        return seeds_of(self.seed, arch, run)

    def untrained(self, arch: NDArray[np.uint8], run: int = 0) -> nn.Module:
        """Return the network of ``arch: (d,)`` with the initial weights of a training run."""
        from archrank.training.loop import initialise

        return initialise(lambda: self.networks.build(arch), self.seeds_of(arch, run)[0])

    def _train_all(self, archs: Archs, run: int) -> list[TrainingResult | str]:
        """One run of each of ``archs: (n, d)``; a string says why one failed."""
        found: list[TrainingResult | str] = []
        for start in range(0, len(archs), self.group_size):
            group = archs[start : start + self.group_size]
            together = self._train_group(group, run) if len(group) > 1 else None
            found += together or [self._train(arch, run) for arch in group]
        return found

    def _train_group(self, archs: Archs, run: int) -> list[TrainingResult | str] | None:
        """Train networks at once; None if they cannot be grouped, or one of them cannot be built.

        Nothing is lost by that: they are then trained one by one, and the faulty one says why.
        """
        from archrank.networks import NASBench201Network
        from archrank.training.grouped import train_many

        if self.task.recipe.schedule == "plateau":
            return None  # each has a learning rate of its own
        try:
            networks: list[Any] = [self.untrained(arch, run) for arch in archs]
        except (ImportError, OSError):
            raise
        except FAILURES:
            return None
        if not all(type(network) is NASBench201Network for network in networks):
            return None
        results = train_many(
            networks,
            self.task,
            seeds=[self.seeds_of(arch, run)[1] for arch in archs],
            device=self.device,
            checkpoints=self.checkpoints,
        )
        # alone, a diverged network cannot have been harmed by a neighbour's kernel
        found = zip(archs, results, strict=True)
        return [self._train(arch, run) if r.diverged else r for arch, r in found]

    def _train(self, arch: NDArray[np.uint8], run: int) -> TrainingResult | str:
        try:
            _, result = self.train(arch, run)
        except (ImportError, OSError, EvaluationError):
            raise  # the data, the installation or the set-up, not the architecture
        except FAILURES as error:
            return describe(error, line=True)
        return result.diverged or result

    def again(self, repetition: int) -> Training:
        """Return a copy whose trainings have the seeds of later runs."""
        other = copy(self)
        other._first = repetition * self.runs
        return other

    def conditions(self) -> dict[str, str]:
        """Return the task's name and the device."""
        return {"task": self.task.name, "device": self.device}

    def describe(self) -> dict[str, Any]:
        """Return the task's identity, the number of runs, and what differs from the defaults."""
        described = {"evaluator": "training", "task": self.task.identity(), "runs": self.runs}
        if self.checkpoints:
            described["checkpoints"] = list(self.checkpoints)
        if self.trainer is not None:
            described["trainer"] = function_name(self.trainer)
            described["metrics"] = {m.name: m.direction for m in self._measured}
        return described

    def _numbers(self, result: TrainingResult | str) -> list[float]:
        """Return all metrics of one run, in their order."""
        assert not isinstance(result, str)  # the caller has looked
        found = dict(result.metrics)
        for epoch, early in result.checkpoints.items():
            found |= {f"{name}_ep{epoch}": value for name, value in early.items()}
        return [found[metric.name] for metric in self._measured]


def _check_trainer(
    trainer: Trainer | None,
    metrics: Sequence[Metric | str] | None,
    checkpoints: Sequence[int],
    group: int | None,
) -> None:
    """Refuse settings that contradict each other."""
    if trainer is None and metrics is not None:
        raise EvaluationError(
            "Training(metrics=...) names what a trainer of your own returns: give trainer=..., too"
        )
    if trainer is not None and (checkpoints or group):
        raise EvaluationError(
            "Training(trainer=...) takes neither checkpoints nor group: the recipe's loop alone "
            "knows them"
        )
    if trainer is not None and not callable(trainer):
        raise EvaluationError(
            f"Training(trainer={trainer!r}): expected a function of (network, task, seed, device)"
        )


def measured_by(task: Task, checkpoints: Sequence[int] = ()) -> tuple[Metric, ...]:
    """Return what the recipe's loop measures: metrics and loss on held-out data, and early."""
    if not task.metrics:
        raise EvaluationError(
            f"task {task.name!r} has no metrics: set metrics = (Metric(...),) in its class"
        )
    kinds = (*task.metrics, Metric("loss", "minimize"))
    held_out = [replace(m, name=f"{split}_{m.name}") for m in kinds for split in ("valid", "test")]
    early = [replace(m, name=f"{m.name}_ep{epoch}") for epoch in checkpoints for m in held_out]
    return (*held_out[:-2], Metric("train_loss", "minimize"), *held_out[-2:], *early)


def _declared(task: Task, metrics: Sequence[Metric | str] | None) -> tuple[Metric, ...]:
    """Return what a trainer of the user's returns."""
    declared = read_metrics(task.metrics if metrics is None else metrics, "Training")
    names = [m.name for m in declared]
    if not names or len(set(names)) < len(names):
        raise EvaluationError(
            f"Training(trainer=...) needs one or more different metrics, got {names}"
        )
    return declared
