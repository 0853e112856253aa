"""Rows of RankNAS's tables: figures of the models of each method, and of the searches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from archrank.reproduce.base import Row
from archrank.reproduce.ranknas.models import HAT, TRANSFORMER, Runs, column, costs_of
from archrank.reproduce.ranknas.searching import HAT_TIMED, PARTS
from archrank.types import Floats

NOTHING = "the paper's figure is of other data, sizes and machines: see the notes"
EXTRAPOLATED = (
    f"latencies extrapolated to the {HAT_TIMED:,} that HAT measures, by the CPU time of those that "
    "were measured here"
)
STEPS = {"data": "labels", "rankers": "fits", "pruning": "pruning", "search": "search"}


class Column(NamedTuple):
    """A figure of each model: its key, words for it, decimals to print, and a factor."""

    key: str
    what: str
    decimals: int
    scale: float = 1.0


LATENCY = Column("latency_ms", "latency, ms", 2)
PARAMS, MACS = Column("params", "parameters", 0), Column("macs", "MACs, millions", 2, 1e-6)
BLEU, LOSS = Column("test_bleu", "test BLEU", 1), Column("valid_loss", "validation loss", 3)
PERPLEXITY = Column("test_perplexity", "test perplexity", 3)


def row_of(
    what: str,
    values: Floats,
    runs: Runs,
    *,
    paper: float | None = None,
    why: str = NOTHING,
    decimals: int = 3,
) -> Row:
    """Make the row of a number in every repetition: ``(n,)``."""
    spread = float(values.std(ddof=1)) if len(values) > 1 else math.nan
    seconds = float(sum(run["seconds"] for run in runs))
    return Row(what, float(values.mean()), paper, spread, len(values), seconds, why, decimals)


def model_rows(
    runs: Runs, methods: Sequence[str], columns: Sequence[Column], head: str = ""
) -> list[Row]:
    """Make the rows of each method: its network, then the CPU seconds of its search."""
    rows = []
    for method in methods:
        name = f"{head}, {method}" if head else method
        rows += [
            row_of(
                f"{name}: {c.what}",
                c.scale * column(runs, method, c.key),
                runs,
                decimals=c.decimals,
            )
            for c in columns
        ]
        if method == TRANSFORMER:
            continue
        why = EXTRAPOLATED if method == HAT else NOTHING
        rows.append(
            row_of(f"{name}: search cost, CPU s", costs_of(runs, method), runs, why=why, decimals=1)
        )
        for part in PARTS:
            spent = np.array([run[method]["search"]["cpu_seconds"][part] for run in runs])
            if spent.any():
                what = f"{name}: search cost, {STEPS[part]}, CPU s"
                more = why if part == "data" else NOTHING
                rows.append(row_of(what, spent, runs, why=more, decimals=2))
    return rows
