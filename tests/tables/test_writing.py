from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from archrank.errors import StorageError, TableError
from archrank.spaces import NASBench201
from archrank.tables import load_table
from archrank.tables.base import CLASSES
from archrank.tables.files import read_raw
from archrank.tables.writing import DIGITS, rounded, smallest, write_table
from archrank.types import Floats

SPACE = NASBench201()


@given(st.lists(st.floats(1e-30, 1e30), min_size=1, max_size=20))
def test_rounding_keeps_twelve_digits(values: list[float]) -> None:
    x = np.array(values)
    y = rounded(x)
    assert (np.abs(y - x) <= 2.0 ** -(DIGITS + 1) * x * 1.001).all()
    assert (rounded(y.astype(np.float64)) == y).all()
    assert ((y.view(np.uint32) & np.uint32((1 << (23 - DIGITS)) - 1)) == 0).all()


def test_rounding_is_symmetric_and_leaves_what_is_no_number() -> None:
    x = np.array([np.nan, np.inf, -np.inf, 0.0, 1.5, -1.5, np.pi, -np.pi])
    y = rounded(x)
    assert np.isnan(y[0])
    assert y[1:4].tolist() == [np.inf, -np.inf, 0.0]
    assert y[4:6].tolist() == [1.5, -1.5]
    assert y[6] == -y[7]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([0.0, 255.0], "uint8"),
        ([0.0, 2.0**32 - 1], "uint32"),
        ([0.0, 2.0**32], "int64"),
        ([-1.0, 2.0**62], "int64"),
        ([-(2.0**62), 1.0], "int64"),
        ([-1.0, 2.0**63], "float32"),
        ([0.5, np.inf], "float32"),
        ([0.1], "float64"),
        ([], "float32"),
    ],
)
def test_the_smallest_type_holds_the_same_numbers(values: list[float], kind: str) -> None:
    found = smallest(np.array(values))
    assert found.dtype == kind
    assert found.astype(np.float64).tolist() == values


def written(folder: Path, columns: dict[str, Floats], count: int, **about: object) -> Path:
    archs = SPACE.format(SPACE.canonical(SPACE.from_index(np.arange(0, 15625, 15625 // count))))
    kept = list(dict.fromkeys(archs))[:count]
    cut = {name: values[: len(kept)] for name, values in columns.items()}
    coarse = [name for name in columns if name != "acc"]
    path = folder / "t.parquet"
    return write_table(path, kept, cut, about=about, coarse=coarse, single=("acc",))


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    columns = {
        "acc": rng.integers(0, 1800, 40) / 1800,
        "loss": rng.gamma(2.0, size=40),
        "params": rng.integers(0, 1 << 40, 40).astype(np.float64),
    }
    columns["loss"][3] = np.nan
    path = written(tmp_path, columns, 40, name="t")
    raw = read_raw(path)
    assert raw.about == {"name": "t"}
    n = raw.n
    assert raw.numbers["acc"] == pytest.approx(columns["acc"][:n], rel=1e-7)
    assert np.array_equal(raw.numbers["loss"], rounded(columns["loss"])[:n], equal_nan=True)
    assert raw.numbers["params"].tolist() == columns["params"][:n].tolist()
    assert not list(tmp_path.glob("*.tmp"))


def test_a_row_may_stand_for_a_class(tmp_path: Path) -> None:
    columns = {"acc": np.linspace(0, 1, 300)}
    table = load_table(written(tmp_path, columns, 300, rows=CLASSES), SPACE)
    everything = SPACE.enumerate()
    rows = table.rows(everything)
    assert table.by_class
    assert (rows >= 0).sum() > len(table)
    assert (rows == table.rows(SPACE.canonical(everything))).all()
    single = load_table(written(tmp_path, columns, 300), SPACE)
    assert not single.by_class
    assert (single.rows(everything) >= 0).sum() == len(single)


def test_two_rows_of_a_class_are_refused(tmp_path: Path) -> None:
    same = SPACE.parse(
        [
            "|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|",
            "|nor_conv_1x1~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|",
        ]
    )
    classes = SPACE.canonical(same)
    if (classes[0] != classes[1]).any():
        same = np.stack([same[0], classes[0]])
    assert (same[0] != same[1]).any()
    path = tmp_path / "t.parquet"
    about = {"rows": CLASSES}
    write_table(path, SPACE.format(same), {"acc": np.array([0.1, 0.2])}, about=about)
    with pytest.raises(TableError, match="same architecture"):
        load_table(path, SPACE)


def test_a_folder_in_place_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").mkdir()
    with pytest.raises(StorageError, match="cannot write"):
        write_table(tmp_path / "t.parquet", ["a"], {"x": np.zeros(1)})


@given(
    arrays.arrays(
        np.float64, st.integers(1, 20), elements=st.floats() | st.integers(0, 2**40).map(float)
    )
)
def test_the_smallest_type_is_exact(values: np.ndarray) -> None:
    small = smallest(values)
    np.testing.assert_array_equal(small.astype(np.float64), values)
    assert small.dtype.itemsize <= 8


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([0, 255], "uint8"),
        ([256], "uint16"),
        ([8555530], "uint32"),
        ([2.0**40], "int64"),
        ([2.0**40 + 1], "int64"),
        ([-1.0], "int64"),
        ([1.0, np.nan], "float32"),
        ([1e300], "float64"),
        ([0.1], "float64"),
    ],
)
def test_types(values: list[float], kind: str) -> None:
    assert smallest(np.array(values)).dtype == kind


def test_repeated_values_are_small(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 3000, size=20_000) / 100
    path = write_table(tmp_path / "t.parquet", ["same"] * len(values), {"v": values})
    assert path.stat().st_size < 2 * len(values) + 30_000  # 12 bits each, and the dictionary
