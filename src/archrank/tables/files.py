"""Reading of table files: columns of numbers and strings, and messages for damaged files."""

from __future__ import annotations

import difflib
import json
import re
import warnings
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from archrank.errors import TableError, UnknownNameError
from archrank.tables.builtin import builtin_names, builtin_table
from archrank.types import Floats

if TYPE_CHECKING:
    from pandas import DataFrame

IDENTIFIERS = frozenset(  # columns that name or describe architectures and are never measurements
    (
        *("arch", "ops", "hash", "adj_upper", "n_head", "mlp_ratio"),
        *("index", "id", "row", "seed", "src", "isomorph_class"),
    )
)
ABOUT = b"archrank"  # key of what a Parquet file says about itself
_CODE = re.compile(r"0\d+")  # such as "012": an identifier, not the number twelve


@dataclass(frozen=True, eq=False)
class RawTable:
    """Columns of a file, before its architectures are parsed."""

    path: str
    names: tuple[str, ...]  # every column, in file order
    numbers: dict[str, Floats]  # measurements; empty cells are NaN
    text: dict[str, list[Any]]  # all other columns, as written
    n: int
    about: dict[str, Any] = field(default_factory=dict)  # metadata of the file

    @property
    def label(self) -> str:
        """Name of the table in messages: its path, or only its name if it is built in."""
        path = Path(self.path)
        return path.stem if builtin_table(path.stem) == path else self.path

    def where(self, row: int) -> str:
        """Describe a row in messages: its number from 0, and its line in a text file."""
        if self.path.endswith((".parquet", ".pq")):
            return f"row {row}"
        return f"row {row} (line {row + 2})"


def read_table(path: str | Path) -> RawTable:
    """Read a file's columns; an unchanged file is read only once per process.

    ``path`` may be the name of a built-in table; a file of that name takes precedence.

    Raises:
        TableError: The file is missing, empty or damaged.
    """
    file = Path(path)
    if not file.is_file() and (shipped := builtin_table(str(path))) is not None:
        path = file = shipped
    try:
        status = file.stat()
    except OSError as error:
        near = difflib.get_close_matches(file.name, _siblings(file), n=2)
        near += difflib.get_close_matches(file.name, builtin_names(), n=1)
        meant = f", did you mean {' or '.join(near)}?" if near else "."
        known = "" if file.suffix else f" Built-in tables: {', '.join(builtin_names())}"
        reason = "there is no such file" if isinstance(error, FileNotFoundError) else error.strerror
        raise TableError(f"table {str(path)!r}: {reason}{meant}{known}") from None
    return _cached(str(path), status.st_mtime_ns, status.st_size)


def _siblings(file: Path) -> list[str]:
    return [p.name for p in file.parent.iterdir()] if file.parent.is_dir() else []


@lru_cache(maxsize=8)
def _cached(path: str, modified: int, size: int) -> RawTable:
    return read_columns(path)


def read_columns(path: str) -> RawTable:
    """Read CSV (also compressed) or Parquet.

    CSV is read as text and converted to numbers column by column, so that identifiers keep their
    leading zeros and messages can quote the file.

    Raises:
        TableError: The file is empty, damaged, or in neither format.
    """
    is_parquet = path.endswith((".parquet", ".pq"))
    frame = _read_parquet(path) if is_parquet else _read_csv(path)
    if not len(frame):
        raise TableError(f"{path}: the table has columns but no rows")
    names = tuple(map(str, frame.columns))
    numbers: dict[str, Floats] = {}
    text: dict[str, list[Any]] = {}
    for name, column in zip(names, (frame.iloc[:, k] for k in range(len(names))), strict=True):
        values = None if name in IDENTIFIERS else _as_numbers(column)
        if values is not None:
            numbers[name] = values
        else:
            text[name] = [None if v != v else v for v in column.tolist()]  # NaN: an empty cell
    about = _read_about(path) if is_parquet else {}
    return RawTable(path, names, numbers, text, len(frame), about)


def _read_csv(path: str) -> DataFrame:
    import pandas as pd

    damages = (pd.errors.ParserError, UnicodeDecodeError)
    try:
        with warnings.catch_warnings():
            # pandas only warns of rows with too many cells
            warnings.simplefilter("error", pd.errors.ParserWarning)
            _check_header(path, pd.read_csv(path, dtype=str, header=None, nrows=1).iloc[0])
            return pd.read_csv(path, dtype=str, index_col=False)
    except IsADirectoryError:
        raise TableError(f"{path} is a folder; name a CSV or Parquet file") from None
    except pd.errors.EmptyDataError:
        raise TableError(f"{path}: the file is empty") from None
    except pd.errors.ParserWarning:
        raise TableError(
            f"{path}: some rows have more cells than there are columns; put texts with commas in "
            'double quotes ("...")'
        ) from None
    except (*damages, OSError, EOFError, zlib.error) as error:
        raise TableError(
            f"{path}: cannot be read as CSV: {str(error).strip()}; is the file complete? Download "
            "it again, or name Parquet files *.parquet"
        ) from None


def _check_header(path: str, names: Iterable[Any]) -> None:
    """Refuse repeated column names, which pandas would rename, and separators other than commas."""
    named = [name for name in names if isinstance(name, str)]
    twice = next((name for name in named if named.count(name) > 1), None)
    if twice is not None:
        raise TableError(f"{path}: {named.count(twice)} columns are called {twice!r}; rename them")
    for separator, called in ((";", "semicolons"), ("\t", "tabs")):
        if len(named) == 1 and separator in named[0]:
            raise TableError(f"{path}: its columns are separated by {called}; use commas")


def _read_parquet(path: str) -> DataFrame:
    import pandas as pd

    try:
        return pd.read_parquet(path, engine="pyarrow")
    except (OSError, ValueError) as error:  # pyarrow's ArrowInvalid is a ValueError
        raise TableError(
            f"{path}: cannot be read as Parquet: {error}; is the file complete?"
        ) from None


def _read_about(path: str) -> dict[str, Any]:
    """Read what the writer of a Parquet file said about it; empty for files of others."""
    from pyarrow import parquet

    metadata = parquet.read_schema(path).metadata or {}
    try:
        about = json.loads(metadata.get(ABOUT, b"{}"))
    except ValueError:
        return {}
    return about if isinstance(about, dict) else {}


def _as_numbers(column: Any) -> Floats | None:
    """Convert a column to ``(n,)`` float64; ``None`` if it is text, identifiers or empty."""
    if column.dtype.kind in "iuf":
        return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))
    cells = column.to_numpy(dtype=object, na_value=np.nan)
    filled = [c for c in cells if isinstance(c, str)]
    if not filled or any(c[0] == "0" and _CODE.fullmatch(c) for c in filled):
        return None
    try:
        return np.asarray(cells.astype(np.float64))
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
