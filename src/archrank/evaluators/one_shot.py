"""One-shot scores: architectures measured with the shared weights of a trained supernet."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from archrank.checks import instance, quoted, whole
from archrank.errors import ArgumentError, SettingsError, StorageError
from archrank.evaluators.base import Evaluations, Evaluator
from archrank.metrics import Metric
from archrank.types import Archs

if TYPE_CHECKING:
    from typing_extensions import Self

    from archrank.spaces.base import Space
    from archrank.supernets.base import Supernet
    from archrank.tasks.base import Task

PREFIX = "oneshot_"
GROUP = 64  # architectures in one call


class OneShot(Evaluator):
    """Measures architectures with the weights of a supernet, without training any.

    Metrics are ``oneshot_loss`` and ``oneshot_`` of each metric of the task. How far they can be
    trusted has to be measured: compare them with a few trainings.

    Args:
        task: that the supernet was trained on.
        checkpoint: written by :func:`~archrank.supernets.train_supernet`; or a folder of
            checkpoints, of which the last is meant; or a list of such, of several supernets, whose
            mean scores are taken: they differ in their seeds, and so do their errors.
        split: of the data to measure on.
        statistics: of batch norms, see :func:`~archrank.supernets.one_shot_scores`.
        examples: of the split to measure on; ``None``: all of them.
        batch_size: examples that are evaluated, and normalised, together.

    Raises:
        SettingsError: a choice that does not exist.
        StorageError: there is no checkpoint.
    """

    task: Task
    group_size = GROUP

    stage = 1

    def __init__(
        self,
        task: Task,
        checkpoint: str | Path | Sequence[str | Path],
        *,
        split: Literal["valid", "test"] = "valid",
        statistics: Literal["batch", "recalibrated"] = "batch",
        examples: int | None = None,
        batch_size: int = 512,
    ) -> None:
        from archrank.supernets.checkpoints import last_checkpoint
        from archrank.tasks.base import Task

        instance(task, Task, "OneShot: task", "such as tasks.Digits()")
        several = isinstance(checkpoint, list | tuple)
        paths: list[Any] = list(checkpoint) if several else [checkpoint]  # type: ignore[arg-type]
        if not paths or not all(isinstance(path, str | os.PathLike) for path in paths):
            raise ArgumentError(
                f"OneShot: checkpoint is {quoted(checkpoint)}, expected a path or several"
            )
        for name, value, known in (
            ("split", split, ("valid", "test")),
            ("statistics", statistics, ("batch", "recalibrated")),
        ):
            if not isinstance(value, str) or value not in known:
                raise SettingsError(f"OneShot: {name} is {' or '.join(known)}, got {value!r}")
        if examples is not None:
            examples = whole(examples, "OneShot: examples", at_least=1, error=SettingsError)
        batch_size = whole(batch_size, "OneShot: batch_size", at_least=1, error=SettingsError)
        self.task, self.split, self.statistics = task, split, statistics
        self.examples, self.batch_size = examples, batch_size
        self.checkpoints = tuple(last_checkpoint(Path(path)).resolve() for path in paths)
        measured = (*task.metrics, Metric("loss", "minimize"))
        self.metrics = tuple(Metric(f"{PREFIX}{m.name}", m.direction, m.unit) for m in measured)

    def bind(self, space: Space, *, task: Task | None = None, seed: int = 0) -> Self:
        """Return a copy for ``space``.

        Raises:
            ResumeError: the checkpoint is of another space or task.
        """
        bound = super().bind(space, task=self.task, seed=seed)
        bound._networks = space.networks(self.task)
        bound.supernets  # noqa: B018  # a checkpoint that does not fit is refused here
        return bound

    @cached_property
    def supernets(self) -> list[Supernet]:
        """The trained supernets; read when they are first needed."""
        from archrank.supernets.checkpoints import load_supernet

        return [load_supernet(path, self.networks) for path in self.checkpoints]

    def evaluate(self, archs: Archs) -> Evaluations:
        """Score ``archs: (n, d)`` on one thread."""
        from archrank.supernets.scoring import mean_of_scores, one_shot_scores
        from archrank.torch_state import torch_threads

        with torch_threads(1):
            found = [
                one_shot_scores(
                    supernet,
                    self.task,
                    archs,
                    split=self.split,
                    statistics=self.statistics,
                    examples=self.examples,
                    batch_size=self.batch_size,
                )
                for supernet in self.supernets
            ]
        scores = mean_of_scores(found)
        values = {f"{PREFIX}{name}": column for name, column in scores.items()}
        failed = scores["loss"] != scores["loss"]
        reasons = ["the supernet's outputs are not finite" if f else None for f in failed]
        return Evaluations({m.name: values[m.name] for m in self.metrics}, reasons)

    def describe(self) -> dict[str, Any]:
        """Return the task, the weights by their hash, and how they are measured."""
        return {
            "evaluator": "one_shot",
            "task": self.task.identity(),
            "sha256": self._sha256[0] if len(self._sha256) == 1 else list(self._sha256),
            "split": self.split,
            "statistics": self.statistics,
            "examples": self.examples,
            "batch_size": self.batch_size,
        }

    @cached_property
    def _sha256(self) -> tuple[str, ...]:
        return tuple(map(_digest, self.checkpoints))

    def conditions(self) -> dict[str, str]:
        """Return the task's name."""
        return {"task": self.task.name}

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "supernets"}


def _digest(checkpoint: Path) -> str:
    try:
        return hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    except OSError as error:
        raise StorageError(f"checkpoint {checkpoint}: {error.strerror}") from None
