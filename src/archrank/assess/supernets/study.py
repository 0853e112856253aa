"""Results of a study of supernets: numbers, the eight findings, a page."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archrank.assess.supernets.base import Row
from archrank.assess.supernets.findings import Evidence, Finding, findings
from archrank.assess.supernets.settings import StudySettings
from archrank.files import write_file, write_text

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True, eq=False)
class SupernetStudy:
    """Numbers of a study.

    Attributes:
        settings: Settings of the study.
        facts: Names of table, space and task, and numbers of architectures.
        rows: Every number, with its values by seed.
        skipped: Parts with nothing to measure here, and why.
    """

    settings: StudySettings
    facts: Mapping[str, Any]
    rows: Sequence[Row]
    skipped: Mapping[str, str]

    @cached_property
    def findings(self) -> list[Finding]:
        """The Surgery's eight findings, each reproduced, not reproduced or not asked here."""
        return findings(
            Evidence(self.rows, self.settings, self.facts["scale"], self.facts["measured"])
        )

    @property
    def heading(self) -> str:
        """Table, metric and task."""
        facts = self.facts
        return (
            f"{facts['table']}, {self.settings.metric}: supernets of {facts['space']} on task "
            f"{facts['task']}"
        )

    @property
    def caption(self) -> str:
        """Explanation of the numbers."""
        n, seeds = self.facts["classes"], self.settings.seeds
        over = f"mean ± standard deviation over {seeds} supernets"
        spread = over if seeds > 1 else "one supernet"
        return f"{n:,} isomorphism classes; {spread}; {self.settings.epochs} epochs"

    def part(self, name: str) -> list[Row]:
        """Return the numbers of one part."""
        return [row for row in self.rows if row.part == name]

    def raw(self) -> DataFrame:
        """Return every number: one line per seed, with the paper's beside it."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "part": row.part,
                    "subject": row.subject,
                    "criterion": row.criterion,
                    "at": row.at,
                    "seed": seed,
                    "value": value,
                    "paper": math.nan if row.paper is None else row.paper,
                    "paper_at": row.where,
                }
                for row in self.rows
                for seed, value in enumerate(row.values)
            ]
        )

    def to_json(self) -> dict[str, Any]:
        """Convert everything to JSON values, with ``None`` for NaN."""
        facts = {k: v if not hasattr(v, "cells") else asdict(v) for k, v in self.facts.items()}
        return {
            "settings": asdict(self.settings),
            **facts,
            "rows": [
                {
                    "part": row.part,
                    "subject": row.subject,
                    "criterion": row.criterion,
                    "at": _finite(row.at),
                    "values": [_finite(value) for value in row.values],
                    "mean": _finite(row.mean),
                    "sd": _finite(row.sd),
                    "paper": row.paper,
                    "paper_at": row.where,
                }
                for row in self.rows
            ],
            "skipped": dict(self.skipped),
            "findings": [asdict(finding) for finding in self.findings],
        }

    def to_parquet(self, path: str | os.PathLike[str]) -> Path:
        """Write :meth:`raw`.

        Raises:
            StorageError: the file cannot be written.
        """
        frame = self.raw()
        return write_file(path, lambda file: frame.to_parquet(file, engine="pyarrow", index=False))

    def report(self, path: str | os.PathLike[str]) -> Path:
        """Write one self-contained HTML page with the findings, tables and figures.

        Raises:
            StorageError: the file cannot be written.
        """
        from archrank.assess.supernets.page import render

        return write_text(path, render(self))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
