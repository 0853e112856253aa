"""Training from scratch: the truth, at the price of a training run per architecture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archrank.errors import EvaluationError
from archrank.evaluators.base import Evaluations, Evaluator
from archrank.metrics import Metric
from archrank.types import Archs

if TYPE_CHECKING:
    from typing_extensions import Self

    from archrank.spaces.base import Space
    from archrank.tasks.base import Task
    from archrank.training.loop import TrainingResult

GROUP = 256  # networks; a few hundred fill a GPU with networks this small


class Training(Evaluator):
    """Builds each architecture and trains it with the task's recipe.

    Initial weights, data order and augmentation depend on the study's seed and on the
    architecture alone, so an evaluation gives the same numbers in whichever worker and whenever it
    runs. A network that diverges, or that cannot be built or run, is NaN with the reason.

    Args:
        task: data, loss, metric and recipe.
        runs: training runs per architecture with different seeds; metrics are their means.
        device: ``"cpu"`` or a CUDA device.
        group: networks trained at once; ``None`` is one on a CPU and as many as
            :data:`GROUP` on a GPU, which one small network leaves idle. Only cell networks of
            NAS-Bench-201's kind are grouped. Each draws its own images from the group's generator
            on a GPU, so its result is another draw from the same distribution.
        checkpoints: epochs before the last after which metrics are measured too, under the
            metric's name and ``_ep3``, say. That changes nothing about the training.

    Raises:
        EvaluationError: fewer than one run, or a checkpoint that is no epoch before the last.

    Example:
        >>> from archrank.spaces import NASBench201
        >>> from archrank.tasks import Digits
        >>> from archrank.tasks.base import Recipe
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
        runs: int = 1,
        device: str = "cpu",
        checkpoints: Sequence[int] = (),
        group: int | None = None,
    ) -> None:
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
        self.task = task
        self.runs = runs
        self.device = device
        self.group_size = group or (1 if device == "cpu" else GROUP)
        self.checkpoints = tuple(sorted(checkpoints))
        self.seed = 0
        unit = "fraction" if task.metric == "accuracy" else ""
        held_out = (
            Metric(f"valid_{task.metric}", task.direction, unit),
            Metric(f"test_{task.metric}", task.direction, unit),
            Metric("valid_loss", "minimize"),
            Metric("test_loss", "minimize"),
        )
        early = [replace(m, name=f"{m.name}_ep{e}") for e in self.checkpoints for m in held_out]
        self.metrics = (*held_out[:2], Metric("train_loss", "minimize"), *held_out[2:], *early)

    def bind(self, space: Space, *, task: Task | None = None, seed: int = 0) -> Self:
        """Return a copy for ``space``, seeded with ``seed``.

        Raises:
            EvaluationError: this machine has no such device.
        """
        if self.device != "cpu":
            _require(self.device)
        bound = super().bind(space, task=self.task, seed=seed)
        bound._networks = space.networks(self.task)
        bound.seed = seed
        return bound

    def evaluate(self, archs: Archs) -> Evaluations:
        """Train each of ``archs: (n, d)``, one after the other or in groups, on one thread."""
        archs = self.space.validate(archs)
        values = np.full((len(archs), len(self.metrics)), np.nan)
        reasons: list[str | None] = []
        from archrank.hardware.running import torch_threads

        with torch_threads(1):  # fastest for networks this small, and only so reproducible
            runs = [self._train_all(archs, run) for run in range(self.runs)]
        for i, results in enumerate(zip(*runs, strict=True)):
            reason = next((r for r in results if isinstance(r, str)), None)
            reasons.append(reason)
            if reason is None:
                values[i] = np.mean([_numbers(r) for r in results], axis=0)
        columns = {m.name: values[:, j] for j, m in enumerate(self.metrics)}
        return Evaluations(columns, reasons)

    def train(self, arch: NDArray[np.uint8], run: int = 0) -> tuple[Any, TrainingResult]:
        """Repeat one training run of ``arch: (d,)``: the trained network and its result.

        Gives bit for bit what :meth:`evaluate` measured, on the same machine.
        """
        from archrank.hardware.running import torch_threads
        from archrank.training.loop import train

        network, seed = self._initial(arch, run)
        with torch_threads(1):
            result = train(
                network,
                self.task,
                seed=seed,
                device=self.device,
                checkpoints=self.checkpoints,
            )
        return network, result

    def _initial(self, arch: NDArray[np.uint8], run: int) -> tuple[Any, int]:
        """The untrained network of ``arch: (d,)``, and the seed of its training."""
        from archrank.training.loop import initialise

        words = np.random.SeedSequence([self.seed, run, *arch.tolist()]).generate_state(2)
        network = initialise(lambda: self.networks.build(arch), int(words[0]))
        return network, int(words[1])

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

        try:
            networks, seeds = zip(*(self._initial(arch, run) for arch in archs), strict=True)
        except (ImportError, OSError):
            raise
        except Exception:
            return None
        if not all(type(network) is NASBench201Network for network in networks):
            return None
        results = train_many(
            networks,
            self.task,
            seeds=seeds,
            device=self.device,
            checkpoints=self.checkpoints,
        )
        # alone, a diverged network cannot have been harmed by a neighbour's kernel
        found = zip(archs, results, strict=True)
        return [self._train(arch, run) if r.diverged else r for arch, r in found]

    def _train(self, arch: NDArray[np.uint8], run: int) -> TrainingResult | str:
        try:
            _, result = self.train(arch, run)
        except (ImportError, OSError):
            raise  # the data or the installation, not the architecture
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return result.diverged or result

    def conditions(self) -> dict[str, str]:
        """Return the task's name and the device."""
        return {"task": self.task.name, "device": self.device}

    def describe(self) -> dict[str, Any]:
        """Return the task with its recipe, the number of runs, and checkpoints if there are any."""
        described = {"evaluator": "training", "task": repr(self.task), "runs": self.runs}
        return described | ({"checkpoints": list(self.checkpoints)} if self.checkpoints else {})


def _numbers(result: TrainingResult | str) -> list[float]:
    """All metrics of one run, in the order of :attr:`Training.metrics`."""
    assert not isinstance(result, str)  # the caller has looked
    early = [value for _, found in sorted(result.checkpoints.items()) for value in found]
    final = [result.valid, result.test, result.train_loss, result.valid_loss, result.test_loss]
    return final + early


def _require(device: str) -> None:
    """Refuse a device that torch cannot use here, before any network is built for it."""
    import torch

    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:  # torch asserts that it was built with CUDA
        reason = str(error).splitlines()[0]
        raise EvaluationError(
            f"device {device!r} cannot be used here: {reason}. Train on 'cpu' instead"
        ) from None
