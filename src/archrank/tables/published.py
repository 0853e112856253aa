"""Published tables that describe architectures in several columns, read as they are.

Such a file is recognised by its columns. What it says of an architecture becomes the column
``arch``, in the strings of a space; all its other columns stay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from archrank.errors import TableError, UnknownNameError
from archrank.tables.raw import RawTable
from archrank.types import Bools, Floats, Ints


@dataclass(frozen=True)
class Layout:
    """Columns of a published table.

    Attributes:
        space: Name of the space of its architectures.
        columns: The decisions, by the columns that hold them.
        conditions: Columns that say what was measured and where; measurements under different
            conditions cannot be ranked together.
        sums: Metrics that are sums of columns.
        summaries: True if a row describes several architectures, so that rows may repeat.
        telling: A column whose values tell spaces with the same columns apart, and its values.
    """

    space: str
    columns: Mapping[str, str]
    conditions: tuple[str, ...] = ()
    sums: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    summaries: bool = False
    telling: tuple[str, tuple[str, ...]] = ("", ())

    def fits(self, raw: RawTable) -> bool:
        """Tell whether a table has these columns, and one of the values that tell the space."""
        column, values = self.telling
        if not set(raw.names).issuperset(self.columns):
            return False
        return not values or not set(values).isdisjoint(map(str, _written(raw, column)))


GPT_S = ("embed_dim", "bias", "n_layer", "n_head", "mlp_ratio")
LAYOUTS = (
    *(  # HW-GPT-Bench
        Layout(space, {name: name for name in GPT_S}, telling=("embed_dim", widths))
        for space, widths in (
            ("gpt_s", ("192", "384", "768")),
            ("gpt_m", ("256", "512", "1024")),
            ("gpt_l", ("320", "640", "1280")),
        )
    ),
    Layout(  # HAT's latencies
        "hat_averages",
        {
            "encoder_embed_dim": "enc_embed",
            "encoder_layer_num": "enc_layers",
            "encoder_ffn_embed_dim_avg": "enc_ffn",
            "encoder_self_attention_heads_avg": "enc_heads",
            "decoder_embed_dim": "dec_embed",
            "decoder_layer_num": "dec_layers",
            "decoder_ffn_embed_dim_avg": "dec_ffn",
            "decoder_self_attention_heads_avg": "dec_self_heads",
            "decoder_ende_attention_heads_avg": "dec_cross_heads",
            "decoder_arbitrary_ende_attn_avg": "dec_arbitrary",
        },
        ("task", "hardware"),
        {"latency_ms": ("latency_mean_encoder", "latency_mean_decoder")},
        summaries=True,
    ),
)


ZERO_COST = frozenset({"arch", "dataset", "val_accuracy", "synflow"})
"""Columns of NAS-Bench-Suite-Zero's scores, which has one row per cell and data set."""


def layout_of(raw: RawTable) -> Layout | None:
    """Return the layout of a file that has no column ``arch``; ``None`` if it is not known."""
    if "arch" in raw.names:
        return None
    return next((known for known in LAYOUTS if known.fits(raw)), None)


def recognised(raw: RawTable) -> RawTable:
    """Return a table with a column ``arch`` if its columns are those of a published one.

    Tables of zero-cost scores have that column, and scores on several data sets.
    """
    if ZERO_COST.issubset(raw.names) and "dataset" in raw.text:
        cells = all(str(cell).startswith("|") for cell in raw.text["arch"])
        return replace(raw, space="nasbench201" if cells else "", conditions=("dataset",))
    layout = layout_of(raw)
    if layout is None:
        return raw
    decisions = [
        (decision, _written(raw, column), column) for column, decision in layout.columns.items()
    ]
    strings = [
        ",".join(f"{decision}={cells[row]}" for decision, cells, _ in decisions)
        for row in range(raw.n)
    ]
    numbers = {name: v for name, v in raw.numbers.items() if name not in layout.columns}
    for total, parts in layout.sums.items():
        if total not in raw.names and numbers.keys() >= set(parts):
            numbers = {total: np.sum([numbers[part] for part in parts], axis=0), **numbers}
    return replace(
        raw,
        numbers=numbers,
        text={"arch": strings, **raw.text},
        space=layout.space,
        conditions=tuple(c for c in layout.conditions if c in raw.names),
        summaries=layout.summaries,
        taken={column: list(cells) for _, cells, column in decisions},
    )


def _written(raw: RawTable, column: str) -> Sequence[Any]:
    """Return the cells of a column as strings of a space have them."""
    if column in raw.numbers:
        return [f"{v:.12g}" for v in raw.numbers[column].tolist()]
    cells = raw.taken.get(column, raw.text.get(column, [""] * raw.n))
    return ["" if cell is None else cell for cell in cells]


def selected(
    raw: RawTable, where: Mapping[str, object] | None = None, choices: Sequence[str] = ()
) -> RawTable:
    """Return the rows whose columns have these values; of one condition, where a table has many.

    Args:
        raw: The table.
        where: ``{column: value}``, as written in the file, or numbers.
        choices: Columns that say what an architecture is. Without them, all rows that a published
            table describes alike become one; conditions that are among them need not be one.

    Raises:
        UnknownNameError: No column has that name.
        TableError: No row has that value, or rows of several conditions are left.
    """
    keep = np.ones(raw.n, dtype=bool)
    for column, value in (where or {}).items():
        if column not in raw.text and column not in raw.numbers and column not in raw.taken:
            raise UnknownNameError("column", column, raw.names, f"Table: {raw.label}")
        same = _holding(raw, column, value)
        if not same.any():
            some = ", ".join(sorted(set(map(str, _written(raw, column))))[:8])
            raise TableError(
                f"{raw.label}: no row has {column}={value}; values of {column!r} are {some}"
            )
        keep &= same
        if not keep.any():
            given = " ".join(f"{name}={text}" for name, text in (where or {}).items())
            raise TableError(f"{raw.label}: no row has all of {given}; {_conditions(raw, ~keep)}")
    _require_one_condition(raw, keep, [c for c in raw.conditions if c not in choices])
    chosen = raw if keep.all() else take(raw, np.flatnonzero(keep))
    return merged(chosen) if chosen.summaries and not choices else chosen


def _holding(raw: RawTable, column: str, value: object) -> Bools:
    """Mark the rows that hold a value in a column: ``(n,)``."""
    same = np.array([str(cell) == str(value) for cell in _written(raw, column)])
    try:
        number = float(str(value))
    except ValueError:
        return same
    return same | (raw.numbers[column] == number) if column in raw.numbers else same


def _require_one_condition(raw: RawTable, keep: Bools, conditions: Sequence[str]) -> None:
    """Refuse rows that were measured under several conditions."""
    left = {tuple(raw.text[c][row] for c in conditions) for row in np.flatnonzero(keep)}
    if len(left) > 1:
        first = " ".join(f"{c}={v}" for c, v in zip(conditions, min(left), strict=True))
        raise TableError(
            f"{raw.label} has measurements of {len(left)} kinds, which cannot be ranked together; "
            f"choose one, such as --where {first} (in Python where={{column: value}}); "
            f"{_conditions(raw, keep)}"
        )


def conditions_of(raw: RawTable, where: Mapping[str, str]) -> list[dict[str, str]]:
    """Return a ``where`` for each condition of measurement among the rows that ``where`` takes.

    One, ``where`` itself, of a table that names no conditions, or none that it has.
    """
    cells = {
        column: list(map(str, _written(raw, column))) for column in where if column in raw.names
    }
    rows = [r for r in range(raw.n) if all(cells[c][r] == where[c] for c in cells)]
    found = dict.fromkeys(tuple(str(raw.text[c][row]) for c in raw.conditions) for row in rows)
    each = [dict(zip(raw.conditions, values, strict=True)) | dict(where) for values in found]
    return each or [dict(where)]


def _conditions(raw: RawTable, keep: Bools) -> str:
    """List the conditions of the rows marked by ``keep: (n,)``."""
    rows = np.flatnonzero(keep)
    found = dict.fromkeys(" ".join(str(raw.text[c][r]) for c in raw.conditions) for r in rows)
    return f"{', '.join(raw.conditions) or 'rows'} are: {'; '.join(found)}"


def take(raw: RawTable, rows: Ints) -> RawTable:
    """Return some rows of a table: ``(k,)`` numbers of rows; messages name those of the file."""
    listed = rows.tolist()
    return replace(
        raw,
        numbers={name: values[rows] for name, values in raw.numbers.items()},
        text={name: [cells[row] for row in listed] for name, cells in raw.text.items()},
        taken={name: [cells[row] for row in listed] for name, cells in raw.taken.items()},
        n=len(listed),
        places=tuple(raw.place(row) for row in listed),
    )


def merged(raw: RawTable) -> RawTable:
    """Return one row for all rows that describe architectures alike, with mean measurements."""
    names = np.array(raw.text["arch"], dtype=object).astype(str)
    _, first, group = np.unique(names, return_index=True, return_inverse=True)
    if len(first) == raw.n:
        return raw
    rows = np.sort(first)
    order = np.argsort(first)  # groups by their first row
    counts = np.bincount(group)

    def mean(values: Floats) -> Floats:
        total: Floats = np.bincount(group, values) / counts
        return total[order]

    numbers = {name: mean(values) for name, values in raw.numbers.items()}
    return replace(take(raw, rows), numbers=numbers)
