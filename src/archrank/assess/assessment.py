"""Results of an assessment: raw rows, a table of means and spreads, a page of figures."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archrank.assess.coverage import CALIBRATION
from archrank.assess.grid import Done, Row
from archrank.assess.judging import LEVEL, MEASURES, measures_of
from archrank.assess.protocol import Protocol
from archrank.assess.reliability import coverage_notes, coverage_rows
from archrank.assess.text import records, score_rows, table_rows
from archrank.files import write_file, write_text
from archrank.metrics import Direction, split_direction

if TYPE_CHECKING:
    from pandas import DataFrame

TRANSFERS = ("none", "zero-shot", "fine-tune")
GROUP = ["ranker", "train_size", "stage", "labels", "judged", "transfer"]


@dataclass(frozen=True, eq=False)
class Assessment:
    """Results of rankers on one table.

    Attributes:
        protocol: Settings of the assessment.
        rankers: Names of the rankers, as given by the user.
        done: Every cell of the grid, in the grid's order.
        cost_name: Source of the costs that define groups; empty if no costs are known.
        n: Number of architectures in the table.
        directions: Direction of each column, by its name as the protocol has it.
        unaided: Rankers that cannot be pretrained and therefore did not use the weak labels.
        source: Table and column of another space that teach, ``FILE:COLUMN``, if any.
        without_labels: Criteria of what ranks the table without a label of it, if another space
            teaches: its transfer, costs and weak labels.
    """

    protocol: Protocol
    rankers: tuple[str, ...]
    done: list[Done]
    cost_name: str
    n: int
    directions: Mapping[str, Direction]
    unaided: tuple[str, ...] = ()
    source: str | None = None
    without_labels: tuple[Row, ...] = ()

    @cached_property
    def raw(self) -> DataFrame:
        """Raw results: one row per ranker, size, seeds, stage and judged column; NaN if failed."""
        import pandas as pd

        frame = pd.DataFrame([row for done in self.done for row in done.rows])
        frame["seconds"] = frame["fit_seconds"] + frame["rank_seconds"]
        for measure in MEASURES:  # a folder may be older than a criterion
            if measure.name not in frame:
                frame[measure.name] = math.nan
        first = [*GROUP[:2], "data_seed", "model_seed", *GROUP[2:]]
        return frame[[*first, *(c for c in frame.columns if c not in first)]]

    def table(self) -> DataFrame:
        """Summarise per ranker, size, stage and judged column: mean, ``_sd`` over seeds, failures.

        The standard deviation is that of a sample (divided by ``n - 1``). A single fit has
        ``_low`` and ``_high`` instead, the ends of a 95 % bootstrap interval over architectures.
        Failed fits are counted, and left out of all other numbers. With ``coverage`` there are
        ``covered_50``, ``width_50`` (in standard deviations of the labels' column) and so on.
        """
        raw = self.raw
        names = [m.name for m in MEASURES] + ["seconds"]
        if self.protocol.coverage:
            names += [m.name for m in CALIBRATION]
        keys = [k for k in GROUP if k != "labels"]
        groups = raw.groupby(keys, sort=False)
        found = groups[names].mean()
        spreads = groups[names].std(ddof=1)
        for name in names:
            found[f"{name}_sd"] = spreads[name]
        if self.protocol.fits == 1:
            ends = [f"{m.name}_{end}" for m in MEASURES for end in ("low", "high")]
            found[[end for end in ends if end in raw]] = groups[[e for e in ends if e in raw]].max()
        found.insert(0, "labels", groups["labels"].max())
        found.insert(1, "fits", groups.size())
        found.insert(2, "failed", groups["failure"].count())
        found = found.reset_index()
        for key, order in (
            ("judged", self.protocol.judged),
            ("transfer", TRANSFERS),
            ("ranker", self.rankers),
        ):
            found[f"_{key}"] = found[key].map({name: i for i, name in enumerate(order)})
        by = ["_judged", "_transfer", "train_size", "_ranker", "stage"]
        found = found.sort_values(by, kind="stable").reset_index(drop=True)
        return found.drop(columns=["_judged", "_transfer", "_ranker"])

    def label(self, column: str) -> str:
        """Name a column of the protocol with its direction: ``latency_ms (minimize)``."""
        return f"{split_direction(column)[0]} ({self.directions[column]})"

    @property
    def heading(self) -> str:
        """Column that rankers learn, and the one that they are judged on."""
        judged = ", ".join(map(self.label, self.protocol.judged))
        return f"learnt {self.label(self.protocol.labels)}, judged on {judged}"

    def failures(self) -> dict[str, int]:
        """Count the empty rows of the raw results by the reason why a fit failed."""
        return {str(k): int(v) for k, v in self.raw["failure"].value_counts().items()}

    def coverage_rows(self) -> list[tuple[str, ...]]:
        """Write the table of coverage as text, with a heading; nothing if it was not asked for."""
        return coverage_rows(self.table()) if self.protocol.coverage else []

    def coverage_notes(self) -> list[str]:
        """Say which coverages are more than 5 points off, and which fits are not calibrated."""
        if not self.protocol.coverage:
            return []
        return coverage_notes(self.table(), self.raw)

    def rows(self, criteria: Sequence[str] = ()) -> list[tuple[str, ...]]:
        """Write the table as text, with a heading; :attr:`caption` explains its intervals.

        Args:
            criteria: Those to show, such as ``N@10`` and ``P@5%``; all by default.

        Raises:
            UnknownNameError: There is no such criterion.
        """
        return table_rows(self.table(), measures_of(criteria))

    def rows_without_labels(self) -> list[tuple[str, ...]]:
        """Write :attr:`without_labels` as text, with a heading; empty if there is nothing."""
        return score_rows(self.without_labels)

    @property
    def caption(self) -> str:
        """Explanation of the table's intervals."""
        fits = self.protocol.fits
        if fits > 1:
            return f"mean ± standard deviation over {fits} fits"
        if "tau_low" not in self.raw:  # failed, or stored as one of several fits
            return "one fit"
        return f"one fit, in brackets its {LEVEL:.0%} bootstrap interval over architectures"

    def to_json(self) -> dict[str, Any]:
        """Convert the table and the settings to JSON values, with ``None`` for NaN."""
        return {
            "protocol": asdict(self.protocol),
            "architectures": self.n,
            "rankers": list(self.rankers),
            "directions": dict(self.directions),
            "unaided": list(self.unaided),
            "results": records(self.table()),
            **(
                {"transfer": self.source, "without_labels": list(self.without_labels)}
                if self.source
                else {}
            ),
            "failures": self.failures(),
            "coverage_notes": self.coverage_notes(),
        }

    def to_parquet(self, path: str | os.PathLike[str]) -> Path:
        """Write the raw results.

        Raises:
            StorageError: the file cannot be written.
        """
        return write_file(
            path, lambda file: self.raw.to_parquet(file, engine="pyarrow", index=False)
        )

    def report(self, path: str | os.PathLike[str]) -> Path:
        """Write one self-contained HTML page with tables and figures.

        Raises:
            StorageError: the file cannot be written.
        """
        from archrank.assess.page import render

        return write_text(path, render(self))
