"""Output of a reproduction as text and as JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from archrank.formatting import MISSING
from archrank.reproduce.base import Comparison, Reproduction, Row

HEADING = ("figure", "paper", "ours", "difference", "seeds", "seconds", "why")


def rows_of(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """Write a heading and a line per row; explanations are numbers of :func:`reasons`."""
    numbers = {reason: i for i, reason in enumerate(reasons(rows), start=1)}
    return [HEADING, *(_line(row, numbers) for row in rows)]


def reasons(rows: Sequence[Row]) -> list[str]:
    """List the explanations of differences, each once, in order of appearance."""
    return list(dict.fromkeys(row.why for row in rows if _explained(row)))


def _explained(row: Row) -> bool:
    return bool(row.why) and (row.difference is None or abs(row.difference) > 0)


def _line(row: Row, numbers: dict[str, int]) -> tuple[str, ...]:
    decimals = row.decimals
    ours = f"{row.ours:.{decimals}f}" if math.isfinite(row.ours) else MISSING
    if math.isfinite(row.spread):
        ours += f" ± {row.spread:.{decimals}f}"
    return (
        row.what,
        MISSING if row.paper is None else f"{row.paper:.{decimals}f}",
        ours,
        MISSING if row.difference is None else f"{row.difference:+.{decimals}f}",
        str(row.seeds),
        f"{row.seconds:.1f}",
        f"[{numbers[row.why]}]" if _explained(row) else "",
    )


def lines(comparison: Comparison) -> list[str]:
    """Write the lines below the table: explanations, claims, notes."""
    below = [f"[{i}] {reason}" for i, reason in enumerate(reasons(comparison.rows), start=1)]
    for claim in comparison.claims:
        verdict = "holds" if claim.holds else "does not hold"
        measured = f": {claim.measured}" if claim.measured else ""
        whose = "paper" if claim.published else "aim"
        below.append(f"{whose}: {claim.text} -> {verdict}{measured}")
    return below + [f"note: {note}" for note in comparison.notes]


def page(item: Reproduction, comparison: Comparison) -> str:
    """Write the whole comparison as aligned text."""
    rows = rows_of(comparison.rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = [
        "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    return "\n".join([f"{item.source}: {item.title}", "", *table, *lines(comparison)]) + "\n"


def to_json(item: Reproduction, comparison: Comparison, quick: bool) -> dict[str, Any]:
    """Convert everything to JSON values, with null for NaN."""
    return {
        "name": item.name,
        "source": item.source,
        "title": item.title,
        "quick": quick,
        "rows": [
            {
                "figure": row.what,
                "paper": row.paper,
                "ours": _finite(row.ours),
                "sd": _finite(row.spread),
                "difference": row.difference,
                "seeds": row.seeds,
                "seconds": round(row.seconds, 3),
                "why": row.why if _explained(row) else None,
            }
            for row in comparison.rows
        ],
        "claims": [
            {
                "text": c.text,
                "holds": c.holds,
                "measured": c.measured,
                "published": c.published,
            }
            for c in comparison.claims
        ],
        "notes": list(comparison.notes),
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
