"""Reading of table files: columns of numbers and strings, and messages for damaged files."""

from __future__ import annotations

import difflib
import os
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from archrank.checks import quoted
from archrank.errors import TableError, UnknownNameError
from archrank.files import user_path
from archrank.tables.builtin import builtin_names, builtin_table
from archrank.tables.csv_files import check_names, read_csv
from archrank.tables.parquet_files import read_parquet
from archrank.tables.published import recognised
from archrank.tables.raw import RawTable
from archrank.types import Floats

if TYPE_CHECKING:
    from pandas import DataFrame

IDENTIFIERS = frozenset(  # columns that name or describe architectures and are never measurements
    (
        *("arch", "ops", "hash", "adj_upper", "n_head", "mlp_ratio"),
        *("index", "id", "row", "seed", "src", "isomorph_class"),
    )
)
OTHERS = frozenset(  # endings of files of other programs
    (".xlsx", ".xls", ".ods", ".json", ".jsonl", ".feather", ".arrow", ".h5", ".npy", ".npz")
)
PICKLES = frozenset((".pkl", ".pickle", ".pbz2", ".pt", ".pth", ".tfrecord"))  # of benchmarks
_CODE = re.compile(r"0\d+")  # such as "012": an identifier, not the number twelve


def read_raw(path: str | Path | DataFrame) -> RawTable:
    """Read a file's columns; an unchanged file is read only once per process.

    A data frame is read as it is.

    ``path`` may be the name of a built-in table; a file of that name takes precedence.

    Raises:
        TableError: The file is missing, empty or damaged.
    """
    if not isinstance(path, str | Path):
        return read_frame(path)
    file = user_path(path)
    if not os.path.isfile(file) and (shipped := builtin_table(str(path))) is not None:
        file = shipped
    try:
        status = file.stat()
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        near = difflib.get_close_matches(file.name, _siblings(file), n=2)
        near += difflib.get_close_matches(file.name, builtin_names(), n=1)
        meant = f", did you mean {' or '.join(near)}?" if near else "."
        known = "" if file.suffix else f" Built-in tables: {', '.join(builtin_names())}"
        missing = isinstance(error, FileNotFoundError)
        reason = "there is no such file" if missing else getattr(error, "strerror", None) or error
        raise TableError(f"table {str(path)!r}: {reason}{meant}{known}") from None
    return _cached(str(file), status.st_mtime_ns, status.st_size)


def read_frame(frame: Any) -> RawTable:
    """Read the columns of a data frame.

    Raises:
        TableError: It is none, has no rows, or two columns of one name.
    """
    if not hasattr(frame, "columns") or not hasattr(frame, "iloc"):
        raise TableError(f"a table is a file or a pandas.DataFrame, got {quoted(frame)}")
    names = tuple(map(str, frame.columns))
    check_names("the data frame", list(names))
    if not len(frame):
        raise TableError("the data frame has no rows")
    numbers: dict[str, Floats] = {}
    text: dict[str, list[Any]] = {}
    for k, name in enumerate(names):
        column = frame.iloc[:, k]
        if column.dtype.kind in "iuf" and name not in IDENTIFIERS:
            numbers[name] = column.to_numpy(dtype=np.float64)
            continue
        cells = [
            None if gone else str(cell) for cell, gone in zip(column, column.isna(), strict=True)
        ]
        values = None if name in IDENTIFIERS or column.dtype.kind == "b" else _as_numbers(cells)
        if values is not None:
            numbers[name] = values
        else:
            text[name] = cells
    return recognised(RawTable("the data frame", names, numbers, text, len(frame)))


def _siblings(file: Path) -> list[str]:
    return sorted(os.listdir(file.parent)) if os.path.isdir(file.parent) else []


@lru_cache(maxsize=8)
def _cached(path: str, modified: int, size: int) -> RawTable:
    return read_columns(path)


def read_columns(path: str) -> RawTable:
    """Read CSV (also compressed) or Parquet.

    Published tables that describe architectures in several columns get a column ``arch``
    (:mod:`archrank.tables.published`).

    CSV is read as text and converted to numbers column by column, so that identifiers keep their
    leading zeros and messages can quote the file.

    Raises:
        TableError: The file is empty, damaged, or in neither format.
    """
    if os.path.isdir(path):
        raise TableError(
            f"{path} is a folder; name a CSV or Parquet file. Of a Parquet file in parts, make "
            "one: pandas.read_parquet(FOLDER).to_parquet(FILE)"
        )
    if (ending := Path(path).suffix.lower()) in PICKLES:
        raise TableError(
            f"{path}: {ending} files are not read as tables; make a table of an official file of a "
            "benchmark by archrank tables import KIND PATH, and of your own save CSV or Parquet"
        )
    if ending in OTHERS:
        raise TableError(f"{path}: {ending} files are not read; save the table as CSV or Parquet")
    if path.endswith((".parquet", ".pq")):
        names, numbers, texts, others, n, about = read_parquet(path)
    else:
        frame = read_csv(path)
        names, n, about = tuple(map(str, frame.columns)), len(frame), {}
        columns = (frame.iloc[:, k] for k in range(len(names)))
        # NaN is an empty cell
        texts = {
            name: [None if v != v else v for v in column.tolist()]
            for name, column in zip(names, columns, strict=True)
        }
        numbers, others = {}, {}
    if not n:
        raise TableError(f"{path}: the table has columns but no rows")
    measured = {name: numbers[name] for name in numbers if name not in IDENTIFIERS}
    text: dict[str, list[Any]] = {n: numbers[n].tolist() for n in numbers if n in IDENTIFIERS}
    for name, cells in texts.items():
        values = None if name in IDENTIFIERS else _as_numbers(cells)
        if values is not None:
            measured[name] = values
        else:
            text[name] = cells
    ordered = {name: measured[name] for name in names if name in measured}
    return recognised(RawTable(path, names, ordered, text, n, about, others))


def _as_numbers(cells: list[str | None]) -> Floats | None:
    """Convert cells to ``(n,)`` float64; ``None`` if they are text, identifiers or all empty."""
    filled = [c for c in cells if c is not None]
    if not filled or any(c[0] == "0" and _CODE.fullmatch(c) for c in filled):
        return None
    try:
        return np.array([np.nan if c is None else c for c in cells], dtype=object).astype(float)
    except (TypeError, ValueError):
        return None


def numeric_column(raw: RawTable, name: str) -> Floats:
    """Return the values of a numeric column: ``(n,)``.

    Raises:
        UnknownNameError: No column has that name.
        TableError: The column is not numeric.
    """
    if name in raw.numbers:
        return raw.numbers[name]
    if name in raw.others:
        raise TableError(
            f"{raw.path}, column {name!r} holds {raw.others[name]}, no numbers; metrics are "
            f"{', '.join(raw.numbers)}"
        )
    if name not in raw.text:
        raise UnknownNameError("column", name, raw.numbers, f"Table: {raw.label}")
    if all(v is None for v in raw.text[name]):
        raise TableError(f"{raw.path}, column {name!r} is empty; fill it or choose another metric")
    if name in IDENTIFIERS or all(is_number(v) for v in raw.text[name]):
        raise TableError(
            f"{raw.path}, column {name!r} names architectures (its first value is "
            f"{raw.text[name][0]!r}), it is not a metric; metrics are {', '.join(raw.numbers)}"
        )
    row = next(r for r, v in enumerate(raw.text[name]) if not is_number(v))
    value = raw.text[name][row]
    remedy = "write plain numbers, for example 93.1"
    if isinstance(value, str) and is_number(value.strip().rstrip("%").strip()):
        remedy = f"write {value.strip().rstrip('%').strip()} without the percent sign"
    raise TableError(
        f"{raw.path}, column {name!r}: {raw.where(row)} is {value!r}, which is not a number; "
        f"{remedy}"
    )


def is_number(value: Any) -> bool:
    """Return True if a cell can be read as a float; an empty cell can, as NaN."""
    try:
        float("nan" if value is None else value)
    except (TypeError, ValueError):
        return False
    return True
