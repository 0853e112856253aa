"""Table of coverage as text, and sentences on what its intervals do not cover."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

from archrank.assess.coverage import (
    CALIBRATION_FAILURE,
    CALIBRATION_SECONDS,
    COVERAGES,
    COVERED,
    UNCALIBRATED,
    WIDTHS,
)
from archrank.assess.text import estimate

if TYPE_CHECKING:
    from pandas import DataFrame

OFF = 0.05  # shares that differ by more than this from what was asked for are told
SHOWN = (*COVERED, WIDTHS[-1], CALIBRATION_SECONDS)
WHAT = (
    "Share of the rows that were not learnt whose labels lie within the intervals of "
    "rankers.Calibrated(ranker)"
)
MEANING = f"{WHAT}, in %. Widths are in standard deviations of the column."


def coverage_table(table: DataFrame) -> DataFrame:
    """Return the rows of an assessment's table whose fits were calibrated."""
    shown = table[table["transfer"] == "none"]
    return shown[shown[COVERED[0].name].notna()]


def coverage_rows(table: DataFrame) -> list[tuple[str, ...]]:
    """Write a heading and one line per ranker, number of labels and stage; or nothing."""
    shown = coverage_table(table)
    if shown.empty:
        return []
    keys = ["ranker", "labels", *(["stage"] if shown["stage"].nunique() > 1 else [])]
    rows = [(*keys, *(measure.title for measure in SHOWN))]
    for record in shown.to_dict("records"):
        numbers = [estimate(measure, record) for measure in SHOWN]
        rows.append((*(str(record[key]) for key in keys), *numbers))
    return rows


def coverage_notes(table: DataFrame, raw: DataFrame) -> list[str]:
    """Say which shares are more than 5 points off, and what could not be calibrated and why.

    Args:
        table: Means of an assessment.
        raw: Its raw results.
    """
    shown = coverage_table(table)
    wrong = [note for record in shown.to_dict("records") if (note := _off(record))]
    notes = []
    if wrong:
        alone = shown["fits"].max() == 1
        how = "one fit: of other labels, others would be" if alone else "± standard error"
        notes = [f"more than 5 points off ({how}):", *wrong]
    elif len(shown):
        notes = ["all intervals cover the share that they state, within 5 points"]
    for column, words in ((UNCALIBRATED, "not calibrated"), (CALIBRATION_FAILURE, "failed")):
        missing = raw[raw[column].notna()][["ranker", "labels", column]].drop_duplicates()
        for record in missing.to_dict("records"):
            who = f"{record['ranker']} with {record['labels']} labels"
            notes.append(f"intervals of {who}: {words}, {record[column]}")
    return notes


def _off(record: Mapping[Hashable, Any]) -> str:
    """Say which shares of a row of the table are more than 5 points off; "" if none."""
    wrong = []
    for share, measure in zip(COVERAGES, COVERED, strict=True):
        covered, spread = record[measure.name], record[f"{measure.name}_sd"]
        if abs(covered - share) > OFF:
            error = spread / math.sqrt(record["fits"])
            bracket = "" if math.isnan(error) else f" ± {measure.text(error)}"
            wrong.append(f"{100 * share:.0f} % intervals cover {measure.text(covered)}{bracket} %")
    return f"{record['ranker']} with {record['labels']} labels: {', '.join(wrong)}" if wrong else ""
