"""Coverage of one fit: the ranker calibrated on its labels, judged on the rows without labels."""

from __future__ import annotations

import math
import time

import numpy as np

from archrank.assess.grid import Cell, Row
from archrank.assess.judging import Measure
from archrank.assess.problem import Problem
from archrank.errors import FAILURES, LabelError, describe
from archrank.rankers.base import Ranker
from archrank.rankers.calibrated import Calibrated
from archrank.types import Ints

COVERAGES = (0.5, 0.8, 0.95)
COVERED = tuple(
    Measure(f"covered_{100 * share:.0f}", f"in {100 * share:.0f} %", "%", 1) for share in COVERAGES
)
WIDTHS = tuple(
    Measure(f"width_{100 * share:.0f}", f"width of {100 * share:.0f} %", decimals=2)
    for share in COVERAGES
)
CALIBRATION_SECONDS = Measure("calibration_seconds", "seconds", decimals=2)
CALIBRATION = (*COVERED, *WIDTHS, CALIBRATION_SECONDS)
UNCALIBRATED, CALIBRATION_FAILURE = "uncalibrated", "calibration_failure"


def no_coverage() -> Row:
    """Return the columns of a row without intervals: NaN, and no reason."""
    names = [measure.name for measure in CALIBRATION]
    return {**dict.fromkeys(names, math.nan), UNCALIBRATED: None, CALIBRATION_FAILURE: None}


def coverage_of(cell: Cell, base: Ranker, labelled: Ints, column: str, problem: Problem) -> Row:
    """Calibrate on labelled rows; measure what its intervals cover of all others.

    Args:
        cell: Cell whose seeds to use.
        base: The ranker before it was fitted.
        labelled: Rows with labels.
        column: The column that is learnt, whose unit intervals have.
        problem: Architectures and columns.

    Returns:
        Shares that lie within the intervals, mean widths of these in standard deviations of the
        column, seconds; or NaN, and in ``uncalibrated`` why these labels cannot be calibrated on,
        in ``calibration_failure`` with what error the ranker failed on a part of them.
    """
    values, start = problem.columns[column], time.perf_counter()
    others = np.ones(len(problem), dtype=bool)
    others[labelled] = False
    found = no_coverage()
    if not others.any():
        return {**found, UNCALIBRATED: f"all {len(others)} rows are labelled, so none can judge"}
    try:
        calibrated = Calibrated(cell.seeded(base), seed=cell.data_seed)
        calibrated.fit(problem.archs[labelled], values[labelled])
        ends = calibrated.intervals(problem.archs[others], COVERAGES)
    except LabelError as error:  # too few, or hardly any that differ: a repetition changes nothing
        return {**found, UNCALIBRATED: str(error)}
    except FAILURES as error:  # a user's ranker may raise anything
        return {**found, CALIBRATION_FAILURE: describe(error)}
    truth, spread = values[others], float(np.std(values))
    for (low, high), covered, width in zip(ends, COVERED, WIDTHS, strict=True):
        found[covered.name] = float(((low <= truth) & (truth <= high)).mean())
        found[width.name] = float((high - low).mean()) / spread
    return {**found, CALIBRATION_SECONDS.name: time.perf_counter() - start}
