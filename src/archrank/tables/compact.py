"""Write a table as a small Parquet file that says what it is.

Measurements do not deserve eight bytes. Fractions of a few thousand images are exact in float32 up
to rounding and have few different values, which a dictionary stores; losses, times and scores keep
12 binary digits (a relative error below 1.3e-4), and the zeros that remain are compressed away.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archrank.errors import TableError
from archrank.files import write_file
from archrank.types import Floats

DIGITS = 12  # binary, after the leading one
KEY = b"archrank"  # of the file's metadata


def rounded(values: Floats) -> NDArray[np.float32]:
    """``(n,)`` to :data:`DIGITS` binary digits, to nearest; NaN and infinities stay.

    >>> float(rounded(np.array([2.302585093]))[0])
    2.302734375
    """
    bits = values.astype(np.float32).view(np.uint32)
    dropped = 23 - DIGITS
    kept = (bits + np.uint32(1 << (dropped - 1))) >> np.uint32(dropped) << np.uint32(dropped)
    return np.where(np.isfinite(values), kept.view(np.float32), values.astype(np.float32))


def write_compact(
    path: Path,
    archs: Sequence[str],
    columns: Mapping[str, Floats],
    *,
    about: Mapping[str, Any],
    exact: Collection[str] = (),
) -> Path:
    """Write ``arch`` and ``columns``, ``(n,)`` each; the path of the file.

    Args:
        path: a ``.parquet`` file; replaced if it exists.
        archs: architecture strings.
        columns: numbers; whole ones are stored as integers.
        about: what the table is, JSON values; :func:`~archrank.tables.files.read_table` gives it
            back.
        exact: columns of few different values that are kept to float32.

    Raises:
        TableError: the file cannot be written.
    """
    import pyarrow as pa
    from pyarrow import parquet

    stored = {name: _stored(values, name in exact) for name, values in columns.items()}
    table = pa.table({"arch": pa.array(archs, pa.string()), **stored})
    table = table.replace_schema_metadata({KEY: json.dumps(about)})
    split = [n for n, v in stored.items() if v.dtype == np.float32 and n not in exact]
    return write_file(
        path,
        lambda file: parquet.write_table(
            table,
            file,
            compression="zstd",
            compression_level=22,
            use_dictionary=[n for n in table.column_names if n not in split],
            use_byte_stream_split=split,
        ),
        parents=True,
        error=TableError,
    )


def read_about(path: str) -> dict[str, Any]:
    """What :func:`write_compact` was told about the table; empty for other Parquet files."""
    from pyarrow import parquet

    metadata = parquet.read_schema(path).metadata or {}
    try:
        about = json.loads(metadata.get(KEY, b"{}"))
    except ValueError:
        return {}
    return about if isinstance(about, dict) else {}


def _stored(values: Floats, exact: bool) -> NDArray[Any]:
    values = np.asarray(values, dtype=np.float64)
    if np.isfinite(values).all() and (values == np.round(values)).all():
        return values.astype(np.int64)  # Parquet packs them
    return values.astype(np.float32) if exact else rounded(values)
