"""Columns of Parquet files that are no plain numbers, and damaged files."""

from __future__ import annotations

import contextlib
import datetime
import decimal
import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings

from archrank.errors import ArchrankError, TableError
from archrank.tables import load_table
from archrank.tables.files import read_raw
from tests.damage import damaged
from tests.tables.test_csv_files import SPACE

ARCHS = [f"depth={k}" for k in range(8)]
GOOD = {"arch": ARCHS, "accuracy": np.arange(8) + 80.5}
DAY = datetime.datetime(2026, 1, 2)
OTHERS = {
    "list": pa.array([[1, 2]] * 8),
    "struct": pa.array([{"a": 1}] * 8),
    "map": pa.array([[("a", 1)]] * 8, pa.map_(pa.string(), pa.int64())),
    "bool": pa.array([True, None] * 4),
    "binary": pa.array([b"x"] * 8),
    "date": pa.array([DAY.date()] * 8),
    "zone": pa.array([DAY] * 8, pa.timestamp("us", tz="Mars/Olympus")),
    "nanoseconds": pa.array([2**62] * 8, pa.timestamp("ns")),
    "duration": pa.array([datetime.timedelta(1)] * 8),
}
NUMBERS: dict[str, Any] = {
    "integers": pa.array([1, None] * 4),
    "large": pa.array([2**64 - 1] * 8, pa.uint64()),
    "half": pa.array(np.ones(8, np.float16)),
    "decimal": pa.array([decimal.Decimal("1.5"), None] * 4),
    "wide decimal": pa.array([decimal.Decimal(10**50)] * 8, pa.decimal256(60, 0)),
    "dictionary": pa.array([1, 2] * 4).dictionary_encode(),
    "written": pa.array(["1.5", ""] * 4),
}


def write(path: Path, **columns: Any) -> Path:
    pq.write_table(pa.table({**GOOD, **columns}), path)
    return path


@pytest.mark.parametrize("name", OTHERS)
def test_other_columns_do_no_harm(name: str, tmp_path: Path) -> None:
    table = load_table(write(tmp_path / "t.parquet", odd=OTHERS[name]), SPACE)
    assert table.metrics == ("accuracy",)
    assert table.objective("accuracy").tolist() == [80.5 + k for k in range(8)]
    with pytest.raises(TableError, match=r"column 'odd' holds .*, no numbers; metrics are accu"):
        table.column("odd")


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_of_every_type(name: str, tmp_path: Path) -> None:
    table = load_table(write(tmp_path / "t.parquet", number=NUMBERS[name]), SPACE)
    cells = [None if v in (None, "") else float(v) for v in NUMBERS[name].to_pylist()]
    expected = [np.nan if v is None else v for v in cells]
    np.testing.assert_allclose(table.column("number"), expected)


@pytest.mark.parametrize(
    ("column", "held"),
    [
        (pa.array([a.encode() for a in ARCHS]), "binary"),
        (pa.array([[a] for a in ARCHS]), "list<.*string>"),
    ],
)
def test_architectures_of_another_type(column: Any, held: str, tmp_path: Path) -> None:
    with pytest.raises(TableError, match=rf"column 'arch' holds {held}; it must hold"):
        load_table(write(tmp_path / "t.parquet", arch=column), SPACE)


def test_architectures_that_are_numbers(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"column 'arch': row 0: expected depth=<0.*got '0"):
        load_table(write(tmp_path / "t.parquet", arch=pa.array(range(8))), SPACE)


def test_architectures_in_a_dictionary_and_in_an_index(tmp_path: Path) -> None:
    import pandas as pd

    encoded = write(tmp_path / "t.parquet", arch=pa.array(ARCHS).dictionary_encode())
    assert len(load_table(encoded, SPACE)) == 8
    frame = pd.DataFrame({"accuracy": range(8)}, index=pd.Index(ARCHS, name="arch"))
    frame.to_parquet(tmp_path / "index.parquet")
    assert load_table(tmp_path / "index.parquet", SPACE).metrics == ("accuracy",)
    frame.reset_index()[1:].to_parquet(tmp_path / "rows.parquet")  # keeps its row numbers
    assert load_table(tmp_path / "rows.parquet", SPACE).metrics == ("accuracy",)


def test_a_folder_of_parts(tmp_path: Path) -> None:
    folder = tmp_path / "t.parquet"
    pq.write_to_dataset(pa.table(GOOD), folder, partition_cols=["arch"])
    with pytest.raises(TableError, match=r"is a folder; .* in parts, make one: pandas"):
        read_raw(folder)


def test_columns_of_one_name(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table([pa.array(ARCHS), pa.array(ARCHS)], names=["arch", "arch"]), path)
    with pytest.raises(TableError, match="2 columns are called 'arch'"):
        read_raw(path)


def test_a_small_file_of_many_rows(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    zeros = pa.array(np.zeros(1 << 20, dtype=np.int8))
    rows = pa.table({"arch": zeros, "a": zeros, "b": zeros})
    with pq.ParquetWriter(path, rows.schema, compression="zstd") as writer:
        for _ in range(43):
            writer.write_table(rows)
    assert path.stat().st_size < 1e6
    with pytest.raises(TableError, match="are more than the 134,217,728 cells that are read"):
        read_raw(path)


def test_any_damage_is_told(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder, file = tmp_path_factory.mktemp("damaged"), io.BytesIO()
    pq.write_table(pa.table({**GOOD, "decimal": NUMBERS["decimal"], "list": OTHERS["list"]}), file)

    @given(damaged(file.getvalue()))
    @settings(max_examples=60, deadline=None)
    def read(content: bytes) -> None:
        path = folder / f"t{len(list(folder.iterdir()))}.parquet"
        path.write_bytes(content)
        with contextlib.suppress(ArchrankError):
            load_table(path, SPACE)

    read()
