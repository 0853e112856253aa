"""Command ``archrank assess``, which compares rankers on a table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from archrank.cli.names import names_of
from archrank.cli.output import print_json, progress_console, say, show_rows
from archrank.cli.workers import INTERRUPTED, running
from archrank.files import file_name
from archrank.metrics import split_direction
from archrank.runs.table import listed, row_values

if TYPE_CHECKING:
    from archrank.assess import Assessment

Names = Annotated[tuple[str, ...], "NAME"]


@dataclass
class Assess:
    """Compare rankers on a table: train them on a few labels, judge how they rank all of it.

    Prints mean and standard deviation over seeds (of a single fit, a bootstrap interval), and
    writes raw results (raw.parquet) and figures (report.html). Repeat the same command to continue
    an assessment that was stopped, and to try failed fits again; give more rankers, sizes or seeds
    to extend it.
    """

    table: Annotated[str, "FILE"]
    """CSV or Parquet file with a column arch, or with a column per choice (--choices), HAT's or
    HW-GPT-Bench's published table, or the name of a built-in table."""
    labels: Annotated[str, "COLUMN"]
    """The column that rankers learn; COLUMN:minimize or COLUMN:maximize where its name does not
    tell what is better."""
    truth: Annotated[str | None, "COLUMN"] = None
    """The column that they are judged on (default: the labels)."""
    rankers: Names = ("default",)
    """Rankers: names, or your own as file.py:name or package.module:name (default: default, the
    Gaussian process)."""
    train_sizes: tuple[int, ...] = (20, 78)
    """Numbers of labels (default: 20 78)."""
    seeds: int = 5
    """Number of random draws of the training architectures, the same for every ranker."""
    model_seeds: int = 1
    """Number of fits per draw, each with another seed of the ranker."""
    stages: int = 1
    """Number of trainings; each one after the first adds the best predicted architectures."""
    top: int | None = None
    """Number of architectures that a stage adds (default: the training size)."""
    weak: Annotated[tuple[str, ...], "LABELS"] = ()
    """Cheap scores for rankers that can be pretrained: FILE:COLUMN, a column, macs or params."""
    weak_rows: int | None = None
    """Number of random architectures to pretrain on (default: all)."""
    judge: Annotated[tuple[str, ...], "COLUMN"] = ()
    """Further columns to judge the fitted rankers on, without a refit."""
    fine_tune: int = 0
    """Number of labels of each further column (--judge) to refit with; 0: no refit."""
    fine_tune_labels: Annotated[tuple[str, ...], "COLUMN"] = ()
    """The columns of these labels, one for each column of --judge."""
    leave_out_training: bool = False
    """Judge only on architectures that were not trained on; published studies judge on all."""
    criteria: Names = ()
    """Criteria to print, such as N@10 P@5% (default: all); the raw results and the report have
    all."""
    coverage: bool = False
    """Also calibrate each fit (any ranker) on its labels, and tell what its 50, 80 and 95 %
    intervals cover of the rows without labels: six more fits each."""
    transfer: Annotated[str | None, "FILE:COLUMN"] = None
    """Table of another space of cells that teaches: what ranks without a label of this table, and
    every ranker with its help (NAME+transfer)."""
    transfer_space: Annotated[str | None, "NAME"] = None
    """Space of that table (default: what it tells, else nasbench201)."""
    space: Annotated[str | None, "NAME"] = None
    """Space of the table: a name, or your own as file.py:name or package.module:name (default: of
    the published tables of HAT and HW-GPT-Bench their own, else nasbench201)."""
    choices: Annotated[tuple[str, ...], "COLUMN"] = ()
    """Columns with a choice each, such as depth,width, in place of a column arch; rows without
    labels are left out."""
    average: bool = False
    """Average rows of the same architecture."""
    where: Annotated[tuple[str, ...], "COLUMN=VALUE"] = ()
    """Rows of the table to take, such as --where task=wmt14ende hardware=cpu_xeon."""
    data: Annotated[Path | None, "DIR"] = None
    """Folder of tables (default: what ARCHRANK_DATA names)."""
    workers: int = 1
    """Number of worker processes."""
    run: Annotated[Path | None, "DIR"] = None
    """Folder in which all results are kept (default: runs/assess-TABLE-LABELS)."""
    json: bool = False
    """Print the table as JSON."""

    @staticmethod
    def names_in_help() -> list[str]:
        """Return the names that options take, for the help page."""
        return [*names_of("tables", "rankers", "spaces"), "archrank list says what each is."]

    def __call__(self) -> int:
        """Assess, print, write; the exit status."""
        from archrank.assess import assess
        from archrank.assess.judging import measures_of
        from archrank.display.assess import display

        measures_of(self.criteria)  # a wrong name is told before the first fit

        folder = self.run if self.run is not None else self._folder()
        try:
            with running(self.workers) as executor:
                found = assess(
                    self.table,
                    self.rankers,
                    labels=self.labels,
                    truth=self.truth,
                    train_sizes=self.train_sizes,
                    seeds=self.seeds,
                    model_seeds=self.model_seeds,
                    stages=self.stages,
                    top=self.top,
                    judge=self.judge,
                    fine_tune=self.fine_tune,
                    fine_tune_labels=self.fine_tune_labels,
                    weak=self.weak,
                    weak_rows=self.weak_rows,
                    leave_out_training=self.leave_out_training,
                    coverage=self.coverage,
                    transfer=self.transfer,
                    transfer_space=self.transfer_space,
                    space=self.space,
                    where=row_values(self.where),
                    choices=listed(self.choices),
                    average=self.average,
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
        rows = list(row_values(self.where).values())
        parts = ["assess", table, *rows, split_direction(self.labels)[0]]
        return Path("runs") / file_name("-".join(parts))

    def _show(self, found: Assessment, folder: Path) -> None:
        from archrank.assess.reliability import MEANING

        raw = found.to_parquet(folder / "raw.parquet")
        report = found.report(folder / "report.html")
        if self.json:
            print_json({**found.to_json(), "raw": str(raw), "report": str(report)})
        else:
            say(found.heading)
            show_rows(found.rows(self.criteria))
            say(found.caption)
            if found.without_labels:
                say(f"ranked without a label of this table, transfer from {found.source}")
                show_rows(found.rows_without_labels())
            if found.unaided:
                say(f"cannot pretrain, so used no weak labels: {', '.join(found.unaided)}")
            if found.coverage_rows():
                print()
                show_rows(found.coverage_rows())
                say(MEANING)
            for note in found.coverage_notes():
                say(note)
            for reason, count in found.failures().items():
                say(f"{count} rows failed: {reason}")
            say(f"raw     {raw}\nreport  {report}")
