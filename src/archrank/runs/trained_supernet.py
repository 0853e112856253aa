"""The supernet of a search: one that the user names, or one that is trained in the run folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from archrank.runs.named import make_task
from archrank.runs.settings import SearchSettings

if TYPE_CHECKING:
    from archrank.spaces.base import Space
    from archrank.supernets.settling import Settling
    from archrank.supernets.training import SupernetTraining
    from archrank.tasks.base import Task

SUPERNET = "supernet"  # folder of its checkpoints, in that of the run

Watch: TypeAlias = Callable[[str, int, int], object]
"""Called with what is done, how much of it is finished, and how much there is."""


@dataclass(frozen=True)
class TrainedSupernet:
    """The supernet of a search.

    Attributes:
        settings: of the search.
        space: of the search.
        folder: of the run.
        recipe: of a training; ``None``: the space's usual one.
        settling: tells when it may stop; ``None``: never.
    """

    settings: SearchSettings
    space: Space
    folder: Path
    recipe: str | None = None
    settling: Settling | None = None

    @property
    def task(self) -> Task:
        """Task of the search."""
        return make_task(self.settings.task, self.settings.data)

    def check(self) -> None:
        """Refuse what cannot be used, before anything is trained or written.

        Raises:
            SpaceError: the space has no supernet.
            ResumeError: the supernet that is named is of another space or task.
            StorageError: it cannot be read.
        """
        from archrank.supernets.checkpoints import load_supernet

        if self.settings.supernet is None:
            self._training(self.task)
        else:
            load_supernet(self.checkpoint(lambda *step: None), self.space.networks(self.task))

    def checkpoint(self, watch: Watch) -> Path:
        """Train the supernet to its end, if none is named; return its checkpoint.

        Raises:
            StorageError: a checkpoint cannot be read or written.
            EvaluationError: the training diverged.
        """
        from archrank.supernets.checkpoints import last_checkpoint
        from archrank.supernets.running import train_supernet

        if self.settings.supernet is not None:
            return last_checkpoint(self.settings.supernet)
        doing, folder = "training the supernet", self.folder / SUPERNET
        train_supernet(
            self._training(self.task), folder, watch=lambda at: watch(doing, at.epoch, at.epochs)
        )
        return last_checkpoint(folder)

    def _training(self, task: Task) -> SupernetTraining:
        from archrank.supernets.recipes import start_training

        return start_training(
            self.space.networks(task),
            self.recipe,
            seed=self.settings.seed,
            settling=self.settling,
        )
