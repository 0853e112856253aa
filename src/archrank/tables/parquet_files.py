"""Reading of Parquet files: numbers and strings, and the names of all other columns."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from archrank.errors import TableError
from archrank.tables.csv_files import check_names
from archrank.types import Floats
from archrank.unpacking import unpacked_limit

if TYPE_CHECKING:
    import pyarrow as pa

ABOUT = b"archrank"  # key of what a Parquet file says about itself
MAX_CELLS = 1 << 27  # 134 million, a gigabyte of numbers
_INDEX = re.compile(r"__index_level_\d+__")  # where pandas keeps the numbers of its rows


class Columns(NamedTuple):
    """Columns of a Parquet file.

    Attributes:
        names: of every column, in file order.
        numbers: ``(n,)`` each; NaN where a cell is empty.
        text: strings, ``None`` where a cell is empty.
        others: type of each column that is neither; not read.
        n: number of rows.
        about: what the writer said about the file.
    """

    names: tuple[str, ...]
    numbers: dict[str, Floats]
    text: dict[str, list[str | None]]
    others: dict[str, str]
    n: int
    about: dict[str, Any]


def read_parquet(path: str) -> Columns:
    """Read the columns of numbers and strings; those of any other type do no harm.

    Numbers are integers, floats and decimals, nullable or not; also in dictionaries.

    Raises:
        TableError: The file is damaged, too large, or has two columns of a name.
    """
    from pyarrow import parquet

    with _explained(path), parquet.ParquetFile(path) as file:
        schema = file.schema_arrow
        kept = [name for name in schema.names if not _INDEX.fullmatch(name)]
        check_names(path, kept)
        kinds = {name: _kind(schema.field(name).type) for name in kept}
        wanted = [name for name, kind in kinds.items() if kind != "other"]
        _check_size(path, file.metadata, len(wanted))
        strings = [name for name, kind in kinds.items() if kind == "text"]
        # a string that is repeated takes no more memory than once
        with parquet.ParquetFile(path, read_dictionary=strings) as again:
            table = again.read(columns=wanted)
        numbers = {n: _numbers(table.column(n)) for n in wanted if kinds[n] == "number"}
        text = {n: _strings(table.column(n)) for n in strings}
    others = {n: str(schema.field(n).type) for n, kind in kinds.items() if kind == "other"}
    rows = file.metadata.num_rows
    return Columns(tuple(kept), numbers, text, others, rows, _about(schema.metadata or {}))


@contextmanager
def _explained(path: str) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except TableError:
        raise
    except (pa.ArrowException, OSError, ValueError, LookupError, MemoryError, TypeError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise TableError(
            f"{path}: cannot be read as Parquet: {reason}; is the file complete?"
        ) from None


def _check_size(path: str, metadata: Any, columns: int) -> None:
    """Refuse what a file's own description says would not fit into memory."""
    cells = metadata.num_rows * max(columns, 1)
    if cells > MAX_CELLS:
        raise TableError(
            f"{path}: {metadata.num_rows:,} rows of {columns:,} columns are more than the "
            f"{MAX_CELLS:,} cells that are read; keep fewer columns or rows"
        )
    groups = [metadata.row_group(k) for k in range(metadata.num_row_groups)]
    unpacked, packed = sum(g.total_byte_size for g in groups), Path(path).stat().st_size
    if unpacked > unpacked_limit(packed):
        raise TableError(
            f"{path}: its {packed:,} bytes claim to unpack to {unpacked:,}, more than the "
            f"{unpacked_limit(packed):,} that are read"
        )


def _kind(kind: pa.DataType) -> str:
    """Return ``number``, ``text`` or ``other``."""
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return "number"
    if types.is_string(kind) or types.is_large_string(kind) or types.is_null(kind):
        return "text"
    return "other"


def _numbers(column: pa.ChunkedArray) -> Floats:
    """Return ``(n,)`` float64, NaN where a cell is empty."""
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_decimal(column.type):
        return np.array([np.nan if v is None else float(v) for v in column.to_pylist()])
    values = column.cast(pa.float64(), safe=False).to_numpy()
    return np.asarray(values, dtype=np.float64)


def _strings(column: pa.ChunkedArray) -> list[str | None]:
    """Return the strings of a column, each different one once in memory."""
    import pyarrow as pa

    found: list[str | None] = []
    for chunk in column.chunks:
        if not pa.types.is_dictionary(chunk.type):
            found += chunk.to_pylist()
            continue
        words = chunk.dictionary.to_pylist()
        found += [None if k is None else words[k] for k in chunk.indices.to_pylist()]
    return [word or None for word in found]  # an empty string is an empty cell, as in CSV


def _about(metadata: dict[bytes, bytes]) -> dict[str, Any]:
    """Return what the writer of a file said about it; empty for files of others."""
    try:
        about = json.loads(metadata.get(ABOUT, b"{}"))
    except (ValueError, RecursionError):
        return {}
    return about if isinstance(about, dict) else {}
