"""Writing a table: small, and whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archrank.files import write_file

LEVEL = 12  # of zstd; tables are written once and read often


def compact(values: NDArray[Any]) -> NDArray[Any]:
    """The smallest type that holds the same numbers: ``(n,)`` -> ``(n,)``.

    Counts become unsigned integers, other numbers float32 where that is exact (NaN counts as
    equal), and stay float64 otherwise: measured differences may be small.

    Example:
        >>> import numpy as np
        >>> compact(np.array([3.0, 500.0])).dtype, compact(np.array([0.5, np.nan])).dtype
        (dtype('uint16'), dtype('float32'))
        >>> compact(np.array([91.61])).dtype
        dtype('float64')
    """
    wide = np.asarray(values, dtype=np.float64)
    whole = np.isfinite(wide).all() and (wide == np.floor(wide)).all()
    if whole and len(wide) and wide.min() >= 0 and wide.max() < 2**32:
        return wide.astype(np.min_scalar_type(int(wide.max())))
    with np.errstate(over="ignore"):
        narrow = wide.astype(np.float32)
    return narrow if np.array_equal(narrow, wide, equal_nan=True) else wide


def write_table(path: Path, archs: list[str], columns: Mapping[str, NDArray[Any]]) -> int:
    """Write ``arch`` and the columns as Parquet; the size of the file in bytes.

    A file that is there is replaced at the end, in one step; whatever stops the writing leaves it
    as it was.

    Args:
        path: the table; missing folders are made.
        archs: ``n`` strings.
        columns: ``(n,)`` each.

    Raises:
        StorageError: cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({"arch": archs, **{k: compact(v) for k, v in columns.items()}})
    options: dict[str, Any] = {"compression": "zstd", "compression_level": LEVEL}
    write_file(path, lambda file: pq.write_table(table, file, **options), parents=True)
    return path.stat().st_size
