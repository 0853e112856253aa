"""Settings of an assessment as plain names and numbers, and their checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from archrank.checks import MOST_SEEDS, whole
from archrank.errors import BudgetError, LabelError, SettingsError

if TYPE_CHECKING:
    from archrank.rankers.base import Ranker


@dataclass(frozen=True)
class Protocol:
    """Settings by which all rankers are trained and judged.

    The comparison is fair: a data seed gives every ranker the same training rows (the first of one
    permutation, so that a larger training set contains the smaller ones), all rankers are judged
    on the same architectures, and a ranker's own seed depends only on the data seed and the model
    seed.

    Args:
        labels: The column that rankers learn.
        truth: The column that they are judged on; ``None`` takes ``labels``.
        train_sizes: Numbers of labels, which are drawn at random.
        seeds: Number of data seeds (``0..seeds-1``); each draws other training rows.
        model_seeds: Number of fits per data seed, each with another seed of the ranker.
        stages: 1 trains once. Each further stage adds the ``top`` best predicted architectures of
            the table that are not trained on yet, with their labels, and trains again (Surgery,
            A.4).
        top: Number of architectures that a stage adds; ``None`` takes the training size.
        judge: Further columns that the fitted ranker is judged on without a refit (zero-shot).
        fine_tune: Number of labels of the other column to add for each column of ``judge``; 0 for
            no fine-tuning.
        fine_tune_labels: The column that fine-tuning learns from, for each column of ``judge``.
        weak: Cheap scores for rankers that can be pretrained: ``file:column``, a column of the
            table, ``macs`` or ``params``.
        weak_rows: Number of random architectures to pretrain on; ``None`` takes all that have the
            scores. Neural rankers take minutes to pretrain on thousands.
        leave_out_training: Judge only on architectures that were not trained on. By default, all
            are judged on, as in published studies.
        coverage: Also calibrate every fit (:class:`archrank.rankers.Calibrated`, any ranker) on its
            labels, and measure on the architectures without labels which share lies within its 50,
            80 and 95 % intervals, in the unit of ``labels``. Each fit becomes seven.
    """

    labels: str
    truth: str | None = None
    train_sizes: tuple[int, ...] = (20, 78)
    seeds: int = 5
    model_seeds: int = 1
    stages: int = 1
    top: int | None = None
    judge: tuple[str, ...] = ()
    fine_tune: int = 0
    fine_tune_labels: tuple[str, ...] = ()
    weak: tuple[str, ...] = ()
    weak_rows: int | None = None
    leave_out_training: bool = False
    coverage: bool = False

    @property
    def judged(self) -> tuple[str, ...]:
        """Columns that rankers are judged on, with the truth first."""
        truth = self.labels if self.truth is None else self.truth
        return tuple(dict.fromkeys((truth, *self.judge)))

    @property
    def fits(self) -> int:
        """Number of fits of a ranker per number of labels and stage."""
        return self.seeds * self.model_seeds

    def describe(self) -> dict[str, Any]:
        """Return the settings that results depend on: all but the lists of sizes and seeds."""
        grid = ("train_sizes", "seeds", "model_seeds")
        values = {k: v for k, v in asdict(self).items() if k not in grid}
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}

    def check(self, n: int, rankers: Mapping[str, Ranker]) -> None:
        """Check that the settings suit a table of ``n`` architectures and these rankers.

        Raises:
            BudgetError: A number is below 1, or above the number of architectures.
            LabelError: A ranker needs more labels.
            SettingsError: Settings contradict each other.
        """
        if not rankers:
            raise SettingsError("no rankers to assess; name one or more, for example: default")
        if not self.train_sizes:
            raise BudgetError("no training sizes; name one or more, for example: 20 78")
        for name in ("seeds", "model_seeds", "stages", "top", "weak_rows"):
            value = getattr(self, name)
            if value is not None:
                whole(value, name, at_least=1, at_most=MOST_SEEDS, error=BudgetError)
        if self.fine_tune < 0:
            raise BudgetError(f"fine_tune must be 0 or more labels, got {self.fine_tune}")
        for size in self.train_sizes:
            _check_size("train size", size, n, rankers)
        if self.leave_out_training and n - max(self.train_sizes) < 2:
            raise BudgetError(
                f"train size {max(self.train_sizes)} leaves fewer than 2 of {n} architectures to "
                "judge on; train on fewer, or judge on all"
            )
        self._check_stages()
        self._check_transfer(n)

    def _check_stages(self) -> None:
        if self.top is not None and self.stages == 1:
            raise SettingsError(
                f"top {self.top} is only used with several stages: give stages of 2 or more, or "
                "leave top out"
            )
        if self.weak_rows is not None and not self.weak:
            raise SettingsError(
                f"weak_rows {self.weak_rows} is only used with weak labels: give weak labels, or "
                "leave weak_rows out"
            )

    def _check_transfer(self, n: int) -> None:
        if len(set(self.judge)) < len(self.judge):
            raise SettingsError(f"judge names a column twice, remove one: {' '.join(self.judge)}")
        if not self.fine_tune:
            if self.fine_tune_labels:
                raise SettingsError(
                    f"fine_tune_labels {' '.join(self.fine_tune_labels)} are only used with a "
                    "number of labels: give fine_tune, or leave fine_tune_labels out"
                )
            return
        if not self.judge or len(self.fine_tune_labels) != len(self.judge):
            raise SettingsError(
                f"fine_tune {self.fine_tune} needs a column in fine_tune_labels for each column in "
                f"judge; got judge: {' '.join(self.judge) or 'none'}, fine_tune_labels: "
                f"{' '.join(self.fine_tune_labels) or 'none'}"
            )
        _check_size("fine_tune", self.fine_tune, n, {})  # they join the labels there are


def _check_size(what: str, size: int, n: int, rankers: Mapping[str, Ranker]) -> None:
    if size < 1:
        raise BudgetError(f"{what} must be at least 1 label, got {size}")
    if size > n:
        raise BudgetError(f"{what} {size} is more than the {n} architectures of the table")
    lacking = {name: r.min_labels for name, r in rankers.items() if r.min_labels > size}
    if lacking:
        needs = ", ".join(f"{name} needs at least {k}" for name, k in lacking.items())
        raise LabelError(f"{what} {size} is too few: {needs}")
