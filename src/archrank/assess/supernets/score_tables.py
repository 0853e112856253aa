"""Tables of one-shot scores: a Parquet file for each checkpoint that was scored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from archrank.assess.supernets.plan import Scoring
from archrank.assess.supernets.problem import StudyProblem
from archrank.errors import StorageError
from archrank.metrics import Metric
from archrank.supernets.scoring import one_shot_scores
from archrank.tables.files import read_raw
from archrank.tables.writing import write_table
from archrank.types import Archs, Floats

if TYPE_CHECKING:
    from archrank.supernets.base import Supernet

LOSS = "loss"
PREFIX = "oneshot_"


@dataclass(frozen=True, eq=False)
class ScoreTables:
    """Scores of a study, in a folder.

    Attributes:
        folder: folder of the tables.
        problem: the study's architectures, which are scored.
    """

    folder: Path
    problem: StudyProblem

    def path(self, scoring: Scoring) -> Path:
        """Return the file of a table."""
        return self.folder / f"{scoring.name}.parquet"

    def has(self, scoring: Scoring) -> bool:
        """Tell whether scores are there, as asked or among those of all members."""
        return self.path(scoring).exists() or self.path(_wider(scoring)).exists()

    def archs(self, scoring: Scoring) -> Archs:
        """Return the architectures of a table."""
        return self.problem.archs if scoring.whom == "classes" else self.problem.members

    def measure(
        self,
        scoring: Scoring,
        supernet: Supernet,
        examples: int | None,
        watch: Callable[[float], object] = lambda share: None,
    ) -> None:
        """Score all architectures of a table on some examples, and write it."""
        archs = self.archs(scoring)
        scores = one_shot_scores(
            supernet,
            self.problem.task,
            archs,
            examples=examples,
            statistics=scoring.statistics,
            readout=scoring.readout,
            progress=lambda done: watch(done / len(archs)),
        )
        columns = {f"{PREFIX}{name}": values for name, values in scores.items()}
        strings = self.problem.space.format(archs)
        write_table(self.path(scoring), strings, columns, about={"scores": scoring.name})

    def read(self, scoring: Scoring, name: str) -> Floats:
        """Return a score of every architecture, ``(n,)`` or ``(m,)``, higher is better.

        An architecture whose outputs were not finite comes after all others.

        Args:
            scoring: checkpoint and architectures.
            name: the loss, or a metric of the task.

        Raises:
            StorageError: the table is damaged, or not there.
        """
        if scoring.whom == "classes" and not self.path(scoring).exists():
            return self.read(_wider(scoring), name)[self.problem.representatives]
        path = self.path(scoring)
        raw = read_raw(path)
        found = raw.numbers.get(f"{PREFIX}{name}")
        if found is None or len(found) != len(self.archs(scoring)):
            raise StorageError(f"{path} is no table of this study's scores; remove it to go on")
        values = found if self._metric(name).known_direction == "maximize" else -found
        known = np.isfinite(values)
        least = values[known].min() - 1.0 if known.any() else 0.0
        return np.where(known, values, least)

    @property
    def signals(self) -> tuple[str, ...]:
        """Names of what is scored: the first metric of the task, and the loss."""
        return (*(m.name for m in self.problem.task.metrics[:1]), LOSS)

    def _metric(self, name: str) -> Metric:
        named = {m.name: m for m in self.problem.task.metrics}
        return named.get(name, Metric(LOSS, "minimize"))


def _wider(scoring: Scoring) -> Scoring:
    return replace(scoring, whom="members")
