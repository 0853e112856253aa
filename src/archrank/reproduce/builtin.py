"""Reproduction on the built-in tables instead of the published ones: the same protocols, offline.

``digits201`` replaces CIFAR-10, ``glyphs201`` CIFAR-100 and ``characters201`` ImageNet16-120. The
claims of a paper can be tested on these tables; the paper's numbers are of other data, so they are
not printed.
"""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from archrank.errors import SettingsError
from archrank.reproduce.base import Comparison, Reproduction
from archrank.reproduce.bench import Bench
from archrank.spaces.base import Space
from archrank.spaces.edge_cells.nasbench201 import NASBench201
from archrank.tables.base import BenchTable, load_table
from archrank.tables.builtin import builtin_names
from archrank.types import Floats

STANDS_FOR = {"c10": "digits", "c100": "glyphs", "in16": "characters"}
"""Prefix of columns -> task of a built-in table."""

PLACES = {"c10": "CIFAR-10", "c100": "CIFAR-100", "in16": "ImageNet16-120"}
WEAK = "synflow"  # replaces one-shot accuracies, which the built-in tables do not have
BETTER = 43 / 15625  # share of NAS-Bench-201 that reaches the blog's goal of 94 %


def builtin_bench(item: Reproduction) -> Bench:
    """Load the accuracies of all tables in percent, for the architectures that all tables have.

    Raises:
        SettingsError: The reproduction needs measurements that the built-in tables do not have.
    """
    if not item.offline:
        raise SettingsError(
            f"{item.name} needs one-shot accuracies, which the built-in tables do not hold; leave "
            "out --tables builtin and give the published tables with --data"
        )
    tables = {key: load_table(f"{task}201", NASBench201()) for key, task in _present().items()}
    first = tables["c10"]
    shared = np.all([table.rows(first.archs) >= 0 for table in tables.values()], axis=0)
    archs = first.archs[shared]
    columns: dict[str, Floats] = {}
    for key, table in tables.items():
        rows = table.rows(archs)
        for split, column in (("val", "valid_accuracy"), ("test", "test_accuracy")):
            columns[f"{key}_{split}"] = 100 * table.objective(column)[rows]
    columns["oneshot_acc"] = _weak(first, archs)
    space: Space = first.space
    cost = space.cost(archs)
    goal = float(np.quantile(columns["c10_test"], 1 - BETTER))
    return Bench(space, archs, columns, cost["macs"], cost["params"], goal)


def _present() -> dict[str, str]:
    """Return :data:`STANDS_FOR`, without tables that this installation lacks."""
    return {key: task for key, task in STANDS_FOR.items() if f"{task}201" in builtin_names()}


def _weak(table: BenchTable, archs: np.ndarray) -> Floats:
    """Return the proxy that replaces one-shot accuracies; its minimum where it is undefined."""
    values = table.column(WEAK)[table.rows(archs)]
    return np.where(np.isfinite(values), values, np.nanmin(values))


def with_builtin_names(comparison: Comparison, rows: int) -> Comparison:
    """Rename data sets to those of the built-in tables, and remove the paper's numbers."""
    tables = ", ".join(f"{task}201 (for {PLACES[key]})" for key, task in _present().items())
    notes = (
        f"measured on the {rows:,} architectures that {tables} all have: the paper's figures are "
        "of other data and not shown",
        f"where a protocol asks for one-shot accuracies it got the zero-cost proxy {WEAK}",
    )
    renamed = [replace(row, what=_named(row.what), paper=None, why="") for row in comparison.rows]
    claims = [
        replace(c, text=_named(c.text), measured=_named(c.measured)) for c in comparison.claims
    ]
    return Comparison(renamed, claims, notes)


def _named(text: str) -> str:
    """Replace the names of published data sets by those of the built-in ones."""
    return re.sub(r"\b(c10|c100|in16)\b", lambda found: STANDS_FOR[found.group()], text)
