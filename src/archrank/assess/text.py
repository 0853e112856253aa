"""Table of an assessment as text for terminals, and as JSON."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from archrank.assess.judging import MEASURES, SECONDS, Measure
from archrank.formatting import MISSING

if TYPE_CHECKING:
    from pandas import DataFrame

KEYS = ("ranker", "labels", "stage", "judged", "transfer")


def table_rows(table: DataFrame, chosen: Sequence[Measure] = MEASURES) -> list[tuple[str, ...]]:
    """Write a heading and one line per row, without columns that are constant."""
    keys = [k for k in KEYS if k in ("ranker", "labels") or table[k].nunique() > 1]
    failed = ["failed"] if table["failed"].any() else []
    measures = (*chosen, SECONDS)
    heading = (*keys, *(m.title for m in measures), *failed)
    rows = [heading]
    for record in table.to_dict("records"):
        cells = [str(record[key]) for key in keys]
        cells += [estimate(m, record) for m in measures]
        cells += [f"{record[k]} of {record['fits']}" for k in failed]
        rows.append(tuple(cells))
    return rows


def score_rows(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Write criteria of scores that need no labels: a heading, and one line per score."""
    if not rows:
        return []
    keys = ["score", *(["judged"] if len({row["judged"] for row in rows}) > 1 else [])]
    found = [("without labels", *keys[1:], *(m.title for m in MEASURES))]
    for row in rows:
        cells = [str(row[key]) for key in keys]
        found.append((*cells, *(m.text(row[m.name]) for m in MEASURES)))
    return found


def estimate(measure: Measure, record: Mapping[Hashable, Any]) -> str:
    """Write ``mean ± sd`` of several fits, or ``value [low, high]`` of one."""
    mean, sd = record[measure.name], record[f"{measure.name}_sd"]
    if math.isnan(mean):
        return MISSING
    if not math.isnan(sd):
        return f"{measure.text(mean)} ± {measure.text(sd)}"
    low, high = (record.get(f"{measure.name}_{end}", math.nan) for end in ("low", "high"))
    if math.isnan(low):
        return measure.text(mean)
    return f"{measure.text(mean)} [{measure.text(low)}, {measure.text(high)}]"


def records(table: DataFrame) -> list[dict[str, Any]]:
    """Convert rows to JSON values, with ``None`` for NaN."""
    return [dict(_plain(row.items())) for row in table.to_dict("records")]


def _plain(items: Iterable[tuple[Any, Any]]) -> Iterable[tuple[str, Any]]:
    for key, value in items:
        missing = isinstance(value, float) and not math.isfinite(value)
        yield str(key), None if missing else value
