"""Command ``archrank assess``, which compares rankers on a table."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import tyro

from archrank.cli.output import print_json, progress_console, say, show_rows
from archrank.cli.workers import INTERRUPTED, running
from archrank.files import file_name

if TYPE_CHECKING:
    from archrank.assess import Assessment

RANKERS = ("default",)
SIZES = (20, 78)
T = TypeVar("T")

# `--rankers a b`, `--rankers a --rankers b`, and both at once
Names = Annotated[tuple[tuple[str, ...], ...], tyro.conf.arg(metavar="NAME [NAME ...]")]


@dataclass
class Assess:
    """Compare rankers on a table: train them on a few labels, judge how they rank all of it.

    Prints mean and standard deviation over seeds (of a single fit, a bootstrap interval), and
    writes raw results (raw.parquet) and figures (report.html). Repeat the same command to continue
    an assessment that was stopped, and to try failed fits again; give more rankers, sizes or seeds
    to extend it.
    """

    table: str
    """CSV or Parquet file with a column arch, or a built-in table: digits201, ..."""
    labels: str
    """The column that rankers learn."""
    truth: str | None = None
    """The column that they are judged on; the labels if left out."""
    rankers: Annotated[Names, tyro.conf.arg(help_behavior_hint="(default: default)")] = ()
    """Rankers: default, gates, ranknas, ..., or file.py:name, module:name."""
    train_sizes: Annotated[
        tuple[tuple[int, ...], ...],
        tyro.conf.arg(metavar="INT [INT ...]", help_behavior_hint="(default: 20 78)"),
    ] = ()
    """Numbers of labels."""
    seeds: int = 5
    """Number of random draws of the training architectures, the same for every ranker."""
    model_seeds: int = 1
    """Number of fits per draw, each with another seed of the ranker."""
    stages: int = 1
    """Number of trainings; each one after the first adds the best predicted architectures."""
    top: int | None = None
    """Number of architectures that a stage adds; as many as the training size if left out."""
    weak: Names = ()
    """Cheap scores for rankers that can be pretrained: FILE:COLUMN, a column, macs or params."""
    weak_rows: int | None = None
    """Number of random architectures to pretrain on; all if left out."""
    judge: Names = ()
    """Further columns to judge the fitted rankers on, without a refit."""
    fine_tune: int = 0
    """Number of labels of each further column (--judge) to refit with; 0: no refit."""
    fine_tune_labels: Names = ()
    """The columns of these labels, one for each column of --judge."""
    leave_out_training: bool = False
    """Judge only on architectures that were not trained on; published studies judge on all."""
    space: str = "nasbench201"
    """Space of the table: a name, or your own as file.py:name or package.module:name."""
    data: Path | None = None
    """Folder of tables; the environment variable ARCHRANK_DATA if left out."""
    workers: int = 1
    """Number of worker processes."""
    out: Path | None = None
    """Folder for results; named after table and labels if left out."""
    json: bool = False
    """Print the table as JSON."""

    def __call__(self) -> int:
        """Assess, print, write; the exit status."""
        from archrank.assess import assess
        from archrank.display.assess import display

        folder = self.out if self.out is not None else self._folder()
        try:
            with running(self.workers) as executor:
                found = assess(
                    self.table,
                    flat(self.rankers) or RANKERS,
                    labels=self.labels,
                    truth=self.truth,
                    train_sizes=flat(self.train_sizes) or SIZES,
                    seeds=self.seeds,
                    model_seeds=self.model_seeds,
                    stages=self.stages,
                    top=self.top,
                    judge=flat(self.judge),
                    fine_tune=self.fine_tune,
                    fine_tune_labels=flat(self.fine_tune_labels),
                    weak=flat(self.weak),
                    weak_rows=self.weak_rows,
                    leave_out_training=self.leave_out_training,
                    space=self.space,
                    data=self.data,
                    out=folder,
                    executor=executor,
                    progress=display(progress_console()),
                )
        except KeyboardInterrupt:
            say(f"stopped; finished fits are kept in {folder}, repeat the command to go on")
            return INTERRUPTED
        self._show(found, folder)
        return 0

    def _folder(self) -> Path:
        table = Path(self.table).name.split(".")[0]
        return Path("runs") / file_name(f"assess-{table}-{self.labels}")

    def _show(self, found: Assessment, folder: Path) -> None:
        raw = found.to_parquet(folder / "raw.parquet")
        report = found.report(folder / "report.html")
        if self.json:
            print_json({**found.to_json(), "raw": str(raw), "report": str(report)})
        else:
            show_rows(found.rows())
            say(found.caption)
            if found.unaided:
                say(f"cannot pretrain, so used no weak labels: {', '.join(found.unaided)}")
            for reason, count in found.failures().items():
                say(f"{count} rows failed: {reason}")
            say(f"raw     {raw}\nreport  {report}")


def flat(groups: tuple[tuple[T, ...], ...]) -> tuple[T, ...]:
    """Join the values of all uses of an option."""
    return tuple(chain.from_iterable(groups))
