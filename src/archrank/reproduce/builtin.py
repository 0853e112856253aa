"""The built-in tables in place of the published ones: the same protocols, offline.

``digits201`` stands for CIFAR-10, ``glyphs201`` for CIFAR-100, ``characters201`` for
ImageNet16-120. What a paper claims can be tried on
them; its figures cannot be compared with theirs, so none are printed.
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
WEAK = "synflow"  # in place of one-shot accuracies, which there are none of yet
BETTER = 43 / 15625  # share of NAS-Bench-201 that reaches the blog's goal of 94 %


def builtin_bench(item: Reproduction) -> Bench:
    """All tables' accuracies in percent, for the architectures that all have.

    Raises:
        SettingsError: a reproduction of something that the built-in tables do not hold.
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
    """:data:`STANDS_FOR` without tables that this installation lacks."""
    return {key: task for key, task in STANDS_FOR.items() if f"{task}201" in builtin_names()}


def _weak(table: BenchTable, archs: np.ndarray) -> Floats:
    """The stand-in for one-shot accuracies; the worst there is where a proxy is not defined."""
    values = table.column(WEAK)[table.rows(archs)]
    return np.where(np.isfinite(values), values, np.nanmin(values))


def with_builtin_names(comparison: Comparison, rows: int) -> Comparison:
    """The comparison with what was measured called by its name, and without the paper's figures."""
    tables = ", ".join(f"{task}201 (for {PLACES[key]})" for key, task in _present().items())
    notes = (
        f"measured on the {rows:,} architectures that {tables} all have: the paper's figures are "
        "of other data and not shown",
        f"where a protocol asks for one-shot accuracies it got the zero-cost proxy {WEAK}",
    )
    told = [replace(row, what=_named(row.what), paper=None, why="") for row in comparison.rows]
    claims = [
        replace(c, text=_named(c.text), measured=_named(c.measured)) for c in comparison.claims
    ]
    return Comparison(told, claims, notes)


def _named(text: str) -> str:
    """Data sets by their own names."""
    return re.sub(r"\b(c10|c100|in16)\b", lambda found: STANDS_FOR[found.group()], text)
