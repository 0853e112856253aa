from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from archrank.errors import TableError, UnknownNameError
from archrank.spaces import CustomSpace, NASBench201
from archrank.tables import load_table
from archrank.tables.base import infer_direction, infer_unit
from archrank.tables.files import read_raw
from archrank.tables.raw import RawTable
from tests.effort import effort


@pytest.fixture
def small() -> CustomSpace:
    return CustomSpace({"depth": [1, 2, 3]}, build=lambda config, task: None)


def write(folder: Path, text: str, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


GOOD = "arch,acc,loss\ndepth=3,0.9,0.1\ndepth=1,0.7,0.4\n"


def test_reads_a_part_of_the_space(small: CustomSpace, tmp_path: Path) -> None:
    table = load_table(write(tmp_path, GOOD), small)
    assert len(table) == 2
    assert table.metrics == ("acc", "loss")
    assert table.directions == {"acc": "maximize", "loss": "minimize"}
    assert table.column("acc").tolist() == [0.9, 0.7]
    assert table.rows(small.enumerate()).tolist() == [1, -1, 0]


def test_gz_and_parquet_are_the_same(small: CustomSpace, tmp_path: Path) -> None:
    csv = write(tmp_path, GOOD)
    packed = tmp_path / "table.csv.gz"
    packed.write_bytes(gzip.compress(GOOD.encode()))
    parquet = tmp_path / "table.parquet"
    pd.read_csv(csv).to_parquet(parquet)
    for path in (packed, parquet):
        table = load_table(path, small)
        assert table.column("loss").tolist() == [0.1, 0.4]
        assert table.rows(small.enumerate()).tolist() == [1, -1, 0]


def test_large_spaces_are_looked_up_too(tmp_path: Path) -> None:
    for width in (6, 12):  # sorted numbers; sorted bytes where 256^12 rows cannot be numbered
        choices = {f"c{j}": list(range(256)) for j in range(width)}
        space = CustomSpace(choices, build=lambda config, task: None)
        archs = space.sample(50, rng=np.random.default_rng(0))
        archs[0, -1] = archs[1, 0] = 255
        names = [f'"{text}"' for text in space.format(archs)]
        lines = [f"{name},{k}" for k, name in enumerate(names)]
        table = load_table(write(tmp_path, "\n".join(["arch,m", *lines]), f"{width}.csv"), space)
        assert table.rows(archs[::-1]).tolist() == list(range(50))[::-1]
        other = space.sample(20, rng=np.random.default_rng(1))
        assert (table.rows(other) == -1).all()


def test_codes_keep_their_zeros_and_are_no_metrics(small: CustomSpace, tmp_path: Path) -> None:
    text = "arch,ops,code,index,acc\ndepth=1,011,001,0,1.5\ndepth=2,101,010,1,2.5\n"
    table = load_table(write(tmp_path, text), small)
    assert table.metrics == ("acc",)
    assert table.raw.text["ops"] == ["011", "101"]
    assert table.raw.text["code"] == ["001", "010"]
    with pytest.raises(TableError, match=r"'ops' names architectures .*'011'.* metrics are acc"):
        table.column("ops")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("arch,acc\n", "columns but no rows"),
        ("archs,acc\ndepth=1,1\n", r"'arch' is missing.* is it 'archs'\? .*Columns: archs, acc"),
        ("x,acc\ndepth=1,1\n", r"'arch' is missing.*Columns: x, acc"),
        ("arch,acc\ndepth=1,1\ndepth=7,2\n", r"row 1 \(line 3\): expected depth=.*'depth=7'"),
        ("arch,acc\ndepth=1,1\n,2\n", r"row 1 \(line 3\) is empty, expected an architecture"),
        (
            "arch,acc\ndepth=1,1\ndepth=2,2\ndepth=1,3\n",
            r"row 0 \(line 2\) and row 2 \(line 4\) are the same architecture 'depth=1'; keep one",
        ),
        ("arch,acc\ndepth=1,1,9\ndepth=2,2,9\n", "some rows have more cells"),
        ("arch,acc,acc\ndepth=1,1,9\n", r"2 columns are called 'acc'; rename them"),
        ("arch;acc\ndepth=1;1\n", "separated by semicolons; use commas"),
        ("arch\tacc\ndepth=1\t1\n", "separated by tabs; use commas"),
    ],
)
def test_damaged_tables(small: CustomSpace, tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(TableError, match=message) as caught:
        load_table(path, small)
    assert str(path) in str(caught.value)


def test_missing_file_names_a_neighbour(small: CustomSpace, tmp_path: Path) -> None:
    write(tmp_path, GOOD, "scores.csv")
    with pytest.raises(TableError, match=r"no such file.*did you mean scores\.csv"):
        load_table(tmp_path / "score.csv", small)


@pytest.mark.parametrize("name", ["table.csv.gz", "table.parquet"])
def test_truncated_files(small: CustomSpace, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name.endswith("gz"):
        path.write_bytes(gzip.compress((GOOD * 500).encode())[:-40])
    else:
        pd.DataFrame({"arch": ["depth=1"], "acc": [1.0]}).to_parquet(path)
        path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(TableError, match=r"cannot be read as .* is the file complete\?"):
        load_table(path, small)
    path.write_bytes(b"no such format")
    with pytest.raises(TableError, match="cannot be read as"):
        load_table(path, small)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("93.1%", r"'acc': row 1 \(line 3\) is '93\.1%'.*write 93\.1 without the percent sign"),
        ("about 90", "is 'about 90', which is not a number; write plain numbers"),
        ("", "row 1 .* is empty or NaN, and 1 of 3 rows are; drop these rows"),
        ("nan", "is empty or NaN"),
        ("inf", "is infinite"),
    ],
)
def test_unusable_cells(small: CustomSpace, tmp_path: Path, cell: str, message: str) -> None:
    text = f"arch,acc,other\ndepth=1,90.5,1\ndepth=2,{cell},2\ndepth=3,91,3\n"
    table = load_table(write(tmp_path, text), small)  # only matters once it is asked for
    with pytest.raises(TableError, match=message):
        table.objective("acc")
    assert table.objective("other").tolist() == [1, 2, 3]


def test_constant_and_empty_columns(small: CustomSpace, tmp_path: Path) -> None:
    table = load_table(write(tmp_path, "arch,acc,void\ndepth=1,5,\ndepth=2,5,\n"), small)
    assert table.column("acc").tolist() == [5, 5]
    with pytest.raises(TableError, match="all 2 rows are 5; nothing can be ranked"):
        table.objective("acc")
    with pytest.raises(TableError, match="'void' is empty"):
        table.column("void")


def test_unknown_columns_and_directions(small: CustomSpace, tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    with pytest.raises(UnknownNameError, match="unknown column 'losss', did you mean 'loss'"):
        load_table(path, small).column("losss")
    with pytest.raises(UnknownNameError, match="unknown column 'acu'"):
        load_table(path, small, directions={"acu": "maximize"})
    with pytest.raises(TableError, match="direction of 'acc' is 'up'; use 'maximize'"):
        load_table(path, small, directions={"acc": "up"})  # type: ignore[dict-item]
    assert load_table(path, small, directions={"acc": "minimize"}).directions["acc"] == "minimize"


@pytest.mark.parametrize(
    ("name", "direction"),
    [
        ("val_loss", "minimize"),
        ("latency_ms", "minimize"),
        ("c10_params_m", "minimize"),
        ("Top-1 Error", "minimize"),
        ("c10_val", "maximize"),
        ("lossless_score", "maximize"),
        ("bleu", "maximize"),
    ],
)
def test_inferred_directions(name: str, direction: str) -> None:
    assert infer_direction(name) == direction


def test_changed_files_are_read_again(small: CustomSpace, tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    assert read_raw(path) is read_raw(path)
    write(tmp_path, GOOD + "depth=2,0.8,0.2\n")
    assert len(load_table(path, small)) == 3


def test_other_spaces_tables_are_refused(small: CustomSpace, nb201_csv: Path) -> None:
    with pytest.raises(TableError, match=r"row 0 .*is this a table of custom\?"):
        load_table(nb201_csv, small)


def test_published_table(space: NASBench201, nb201_csv: Path) -> None:
    read_raw.__globals__["_cached"].cache_clear()
    table, calls, _ = effort(lambda: load_table(nb201_csv, space))
    assert calls < 15_625 * 80  # 47 a row, to parse its text: once, not twice
    assert len(table) == 15_625
    assert table.objective("c10_test").max() == pytest.approx(94.37, abs=0.005)
    frame = pd.read_csv(nb201_csv)
    rows = table.rows(space.parse(frame["arch"].tolist()))
    assert (rows == np.arange(15_625)).all()
    for name in table.metrics:
        assert np.array_equal(table.column(name), frame[name].to_numpy(float), equal_nan=True)


@pytest.mark.parametrize(
    ("name", "values", "unit"),
    [
        ("valid_accuracy", [0.1, 0.65, np.nan], "fraction"),
        ("acc", [0.0, 1.0], "fraction"),
        ("valid_accuracy", [10.0, 65.0], ""),  # percent: the number says it all
        ("valid_accuracy", [np.nan], ""),
        ("loss", [0.1, 0.2], ""),
        ("accelerator_ms", [0.1, 0.2], ""),
    ],
)
def test_accuracies_that_are_fractions_are_told_by_name_and_values(
    name: str, values: list[float], unit: str
) -> None:
    raw = RawTable("t.csv", (name,), {name: np.array(values)}, {}, len(values))
    assert infer_unit(raw, name) == unit
