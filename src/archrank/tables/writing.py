"""Write a table as a small Parquet file that says what it is.

Numbers keep their values unless the writer is told that fewer digits will do: losses, times and
scores do not deserve eight bytes. Rounded to 12 binary digits (a relative error below 1.3e-4), they
end in zeros, which are compressed away.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archrank.files import write_file
from archrank.tables.parquet_files import ABOUT
from archrank.types import Floats

DIGITS = 12  # binary, after the leading one
LEVEL = 19  # of zstd; tables are written once and read often


def write_table(
    path: Path,
    archs: Sequence[str],
    columns: Mapping[str, NDArray[Any]],
    *,
    about: Mapping[str, Any] | None = None,
    coarse: Collection[str] = (),
    single: Collection[str] = (),
) -> Path:
    """Write ``arch`` and ``columns`` as Parquet, whole or not at all; see :func:`write_columns`."""
    return write_columns(path, {"arch": archs}, columns, about=about, coarse=coarse, single=single)


def write_columns(
    path: Path,
    text: Mapping[str, Sequence[str]],
    columns: Mapping[str, NDArray[Any]],
    *,
    about: Mapping[str, Any] | None = None,
    coarse: Collection[str] = (),
    single: Collection[str] = (),
) -> Path:
    """Write columns of text and of numbers as Parquet, whole or not at all.

    Args:
        path: a ``.parquet`` file; replaced if it exists. Missing folders are made.
        text: ``n`` strings each, such as architectures.
        columns: numbers, ``(n,)`` each; whole ones are stored as integers, others as float32 if
            they are no other numbers then, else as float64.
        about: what the table is, JSON values; :func:`~archrank.tables.files.read_raw` gives it
            back.
        coarse: columns that keep :data:`DIGITS` binary digits.
        single: columns that keep float32's 24, such as fractions of a few thousand images, which
            have few different values.

    Returns:
        The path of the file.

    Raises:
        StorageError: the file cannot be written; an older one is as it was.
    """
    import pyarrow as pa
    from pyarrow import parquet

    stored = {
        name: _stored(np.asarray(values, dtype=np.float64), name in coarse, name in single)
        for name, values in columns.items()
    }
    words = {name: pa.array(cells, pa.string()) for name, cells in text.items()}
    table = pa.table({**words, **stored})
    if about is not None:
        table = table.replace_schema_metadata({ABOUT: json.dumps(about)})
    split = [name for name in coarse if stored[name].dtype == np.float32]
    options: dict[str, Any] = {
        "compression": "zstd",
        "compression_level": LEVEL,
        "use_dictionary": [name for name in table.column_names if name not in split],
        "use_byte_stream_split": split,
    }
    return write_file(path, lambda file: parquet.write_table(table, file, **options), parents=True)


def rounded(values: Floats) -> NDArray[np.float32]:
    """Round ``(n,)`` to :data:`DIGITS` binary digits, to nearest; NaN and infinities stay.

    >>> float(rounded(np.array([2.302585093]))[0])
    2.302734375
    """
    bits = values.astype(np.float32).view(np.uint32)
    dropped = 23 - DIGITS
    kept = (bits + np.uint32(1 << (dropped - 1))) >> np.uint32(dropped) << np.uint32(dropped)
    return np.where(np.isfinite(values), kept.view(np.float32), values.astype(np.float32))


def smallest(values: Floats) -> NDArray[Any]:
    """Convert ``(n,)`` to the smallest type that holds the same numbers; NaN stays NaN.

    Example:
        >>> smallest(np.array([3.0, 500.0])).dtype, smallest(np.array([0.5, np.nan])).dtype
        (dtype('uint16'), dtype('float32'))
        >>> smallest(np.array([91.61])).dtype, smallest(np.array([-1.0, 2.0**40])).dtype
        (dtype('float64'), dtype('int64'))
    """
    if len(values) and np.isfinite(values).all() and (values == np.floor(values)).all():
        low, high = values.min(), values.max()
        if low >= 0 and high < 2**32:
            return values.astype(np.min_scalar_type(int(high)))
        if max(-low, high) < 2**63:
            return values.astype(np.int64)
    with np.errstate(over="ignore"):
        narrow = values.astype(np.float32)
    return narrow if np.array_equal(narrow, values, equal_nan=True) else values


def _stored(values: Floats, coarse: bool, single: bool) -> NDArray[Any]:
    found = smallest(values)
    if found.dtype.kind != "f":
        return found
    if coarse:
        return rounded(values)
    return values.astype(np.float32) if single else found
