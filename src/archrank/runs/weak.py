"""Weak labels by name: ``FILE:COLUMN`` of a table, or a cost that the space knows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from archrank.data import find_data
from archrank.errors import SettingsError, UnknownNameError
from archrank.rankers.base import Ranker
from archrank.tables import BenchTable, load_table
from archrank.types import Floats

COSTS = ("macs", "params")  # every space counts these


def weak_label(spec: str, table: BenchTable, data: Path | None = None) -> Floats:
    """Return the weak label ``spec`` of every row of ``table``: ``(n,)``, NaN where unknown.

    Args:
        spec: ``FILE:COLUMN`` of any table of the same space, a column of ``table``, or a cost.
        table: table with the architectures that are asked for.
        data: folder of files that are not here.

    Raises:
        SettingsError: ``spec`` has another form.
        UnknownNameError: no such column.
        TableError: the file cannot be read.
    """
    file, colon, column = spec.rpartition(":")
    if not colon:
        if spec in table.metrics:
            return table.column(spec)
        if spec in COSTS:
            return table.space.cost(table.archs)[spec]
        hint = "Of another table: FILE:COLUMN"
        raise UnknownNameError("weak label", spec, {*table.metrics, *COSTS}, hint)
    if not file or not column:
        raise SettingsError(f"weak label {spec!r}: write FILE:COLUMN, macs or params")
    other = load_table(find_data(file, data), table.space)
    rows = other.rows(table.archs)
    found: Floats = np.where(rows >= 0, other.column(column)[rows], np.nan)
    return found


def pretrain(ranker: Ranker, specs: Sequence[str], data: Path | None = None) -> Ranker:
    """Pretrain ``ranker`` on the weak labels that ``specs`` name, and return it.

    The first file among ``specs`` decides which architectures it is pretrained on.

    Raises:
        SettingsError: the ranker cannot be pretrained, or ``specs`` name no file.
    """
    if not ranker.can_pretrain:
        typed = " ".join(f"--weak {spec}" for spec in specs)
        raise SettingsError(
            f"ranker {type(ranker).__name__} cannot use weak labels: remove {typed}, or use "
            "--ranker default, gaussian_process or acenas"
        )
    first = next((spec for spec in specs if ":" in spec), None)
    if first is None:
        raise SettingsError(
            f"weak labels {', '.join(specs)}: add at least one FILE:COLUMN, whose architectures "
            "the ranker is pretrained on"
        )
    table = load_table(find_data(first.rpartition(":")[0], data), ranker.space)
    return ranker.pretrain(table.archs, {spec: weak_label(spec, table, data) for spec in specs})
