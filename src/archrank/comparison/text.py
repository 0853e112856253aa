"""Numbers of a comparison as text, as JSON, and in sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from archrank.comparison.statistics import LEVEL, PAIRED
from archrank.formatting import MISSING, duration, significant

if TYPE_CHECKING:
    from archrank.comparison.comparison import Comparison, Pair, Summary

MOST = 6  # decimals of a mean


def heading(found: Comparison) -> str:
    """Name what the tables show: ``valid_accuracy (%) after 40 evaluations``."""
    return f"{found.scale.label} after {found.budget} evaluations"


def group_rows(found: Comparison) -> list[tuple[str, ...]]:
    """Write the groups as rows of text, with a heading."""
    names: tuple[str, ...] = ("group", "runs", "mean", "lowest to highest")
    if found.target is not None:
        names += (f"evaluations to {_number(found, found.sign * found.target.score)}", "reached")
    rows = [(*names, _cost_name(found))]
    for summary in found.summaries:
        cells = [summary.group, str(len(summary.seeds)), _mean(found, summary)]
        cells.append(_range(found, summary))
        if found.target is not None:
            median = summary.median_reached
            cells.append(f"{median:.0f}" if math.isfinite(median) else f"> {found.budget}")
            cells.append(f"{summary.found} of {len(summary.reached)}")
        cells.append(_cost(found, summary))
        rows.append(tuple(cells))
    return rows


def pair_rows(found: Comparison) -> list[tuple[str, ...]]:
    """Write differences from the first group as rows of text, with a heading; empty without any."""
    if not found.pairs:
        return []
    names = ("group", "beside", "difference", "p", "p (Holm)", "test", "better")
    return [names, *(_pair(found, pair) for pair in found.pairs)]


def _pair(found: Comparison, pair: Pair) -> tuple[str, ...]:
    known = pair.difference
    half = (known.high - known.low) / 2
    ends = [_number(found, end, half, signed=True) for end in (known.low, known.high)]
    text = _number(found, known.mean, half, signed=True)
    if math.isfinite(half):
        text += f" [{', '.join(ends)}]"
    what = "seeds" if known.test == PAIRED else "runs"
    return (
        pair.second,
        pair.first,
        text,
        _probability(known.p),
        _probability(pair.corrected),
        f"{known.test}, {known.n} {what}" if known.test else "too few runs",
        pair.ahead or "not told apart",
    )


def _probability(p: float) -> str:
    if not math.isfinite(p):
        return MISSING
    return f"{p:.2g}" if p >= 0.001 else "< 0.001"


def _mean(found: Comparison, summary: Summary) -> str:
    if not math.isfinite(summary.half):
        return _number(found, summary.mean)
    ends = (summary.mean - summary.half, summary.mean + summary.half)
    low, high = (_number(found, end, summary.half) for end in ends)
    return f"{_number(found, summary.mean, summary.half)} [{low}, {high}]"


def _range(found: Comparison, summary: Summary) -> str:
    known = summary.values[np.isfinite(summary.values)]
    if not len(known):
        return MISSING
    low, high = (_number(found, v, summary.half) for v in (known.min(), known.max()))
    return low if len(known) == 1 else f"{low} to {high}"


def _number(
    found: Comparison, value: float, half: float = math.nan, *, signed: bool = False
) -> str:
    """Write a value in the comparison's scale, with three digits of half an interval's width."""
    if not math.isfinite(value):
        return MISSING
    value, half = found.scale.factor * value, found.scale.factor * half
    if not (math.isfinite(half) and half > 0):
        text = significant(value)
        return f"+{text}" if signed and value > 0 else text
    decimals = min(max(2 - math.floor(math.log10(half)), 0), MOST)
    return f"{value:{'+' if signed else ''},.{decimals}f}"


def _cost_name(found: Comparison) -> str:
    return found.cost.removesuffix(" (s)")


def _cost(found: Comparison, summary: Summary) -> str:
    seconds = found.cost.endswith("(s)")
    return duration(summary.cost) if seconds else significant(summary.cost)


def sentences(found: Comparison) -> Iterator[str]:
    """Yield sentences that say how the numbers were made."""
    yield f"{found.measure.meaning}, after {found.budget} evaluations"
    if any(math.isfinite(summary.half) for summary in found.summaries):
        yield (
            f"In brackets the {LEVEL:.0%} interval of the mean over runs, by Student's t "
            "distribution"
        )
    if found.target is not None:
        value = _number(found, found.sign * found.target.score)
        yield (
            f"Target: {value}, {found.target.reason}; the evaluations of the median run (the later "
            "of two in the middle), runs that did not get there being the last"
        )
    if any(pair.difference.test for pair in found.pairs):
        yield (
            "Differences over equal seeds by a paired t-test where two or more seeds are equal, "
            "else by Welch's; p is corrected for the number of tests by Holm's method"
        )


def to_json(found: Comparison) -> dict[str, Any]:
    """Return the numbers as JSON values; NaN and infinity are ``None``."""
    return {
        "metric": found.measure.metric.name,
        "direction": found.measure.objective.direction,
        "evaluations": found.budget,
        "target": None
        if found.target is None
        else {"value": found.sign * found.target.score, "reason": found.target.reason},
        "cost": found.cost,
        "groups": [
            {
                "group": summary.group,
                "runs": [run.name for run in group.runs],
                "seeds": list(summary.seeds),
                "values": [_json(v) for v in summary.values.tolist()],
                "mean": _json(summary.mean),
                "low": _json(summary.mean - summary.half),
                "high": _json(summary.mean + summary.half),
                "reached_after": [_json(v) for v in summary.reached.tolist()],
                "cost": _json(summary.cost),
            }
            for group, summary in zip(found.groups, found.summaries, strict=True)
        ],
        "pairs": [
            {
                "group": pair.second,
                "beside": pair.first,
                "difference": _json(pair.difference.mean),
                "low": _json(pair.difference.low),
                "high": _json(pair.difference.high),
                "p": _json(pair.difference.p),
                "p_holm": _json(pair.corrected),
                "test": pair.difference.test or None,
                "n": pair.difference.n,
            }
            for pair in found.pairs
        ],
        "notes": list(found.notes),
    }


def _json(value: float) -> float | None:
    return value if math.isfinite(value) else None
