"""Reproduction on the built-in tables instead of the published ones: the same protocols, offline.

``digits201`` replaces CIFAR-10, ``glyphs201`` CIFAR-100 and ``characters201`` ImageNet16-120. The
claims of a paper can be tested on these tables; the paper's numbers are of other data, so they are
not printed.
"""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from archrank.reproduce.base import Comparison, Reproduction
from archrank.reproduce.bench import Bench
from archrank.spaces.base import Space
from archrank.spaces.edge_cells.nasbench201 import NASBench201
from archrank.tables.base import load_table
from archrank.types import Floats

STANDS_FOR = {"c10": "digits", "c100": "glyphs", "in16": "characters"}
"""Prefix of columns -> task of a built-in table."""

PLACES = {"c10": "CIFAR-10", "c100": "CIFAR-100", "in16": "ImageNet16-120"}
COLUMNS = {"val": "valid_accuracy", "test": "test_accuracy", "oneshot": "oneshot_accuracy"}
BETTER = 43 / 15625  # share of NAS-Bench-201 that reaches the blog's goal of 94 %


def builtin_bench(item: Reproduction) -> Bench:
    """Load the accuracies of all tables in percent, for the architectures that all tables have.

    Of the first table alone, for all of its architectures, if that is all that is needed.
    """
    names = {key: f"{task}201" for key, task in STANDS_FOR.items()}
    if item.alone:
        names = {"c10": names["c10"]}
    tables = {key: load_table(name, NASBench201()) for key, name in names.items()}
    first = tables["c10"]
    shared = np.all([table.rows(first.archs) >= 0 for table in tables.values()], axis=0)
    archs = first.archs[shared]
    columns: dict[str, Floats] = {}
    for key, table in tables.items():
        rows = table.rows(archs)
        for name, column in COLUMNS.items():
            columns[f"{key}_{name}"] = 100 * table.objective(column)[rows]
    columns["oneshot_acc"] = columns["c10_oneshot"]
    space: Space = first.space
    cost = space.cost(archs)
    goal = float(np.quantile(columns["c10_test"], 1 - BETTER))
    return Bench(space, archs, columns, cost["macs"], cost["params"], goal)


def with_builtin_names(comparison: Comparison, bench: Bench) -> Comparison:
    """Rename data sets to those of the built-in tables, and remove the paper's numbers.

    The protocol's notes stay, after one that says what was measured.
    """
    used = {key: task for key, task in STANDS_FOR.items() if f"{key}_test" in bench.columns}
    tables = ", ".join(f"{task}201 (for {PLACES[key]})" for key, task in used.items())
    have = "all have" if len(used) > 1 else "has"
    note = (
        f"measured on the {len(bench):,} architectures that {tables} {have}: the paper's figures "
        "are of other data and not shown"
    )
    renamed = [replace(row, what=_named(row.what), paper=None, why="") for row in comparison.rows]
    claims = [
        replace(c, text=_named(c.text), measured=_named(c.measured)) for c in comparison.claims
    ]
    return Comparison(renamed, claims, (note, *map(_named, comparison.notes)))


def _named(text: str) -> str:
    """Replace the names of published data sets, and of their columns, by the built-in ones."""
    columns = {
        f"{key}_{name}": f"{task} {COLUMNS[name]}"
        for name in COLUMNS
        for key, task in STANDS_FOR.items()
    }
    known = STANDS_FOR | columns | {"oneshot_acc": COLUMNS["oneshot"]}
    return re.sub(rf"\b({'|'.join(known)})\b", lambda found: known[found.group()], text)
