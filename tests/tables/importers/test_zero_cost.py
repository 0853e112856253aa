"""Zero-cost scores as CSV: the published sample against pandas, and damaged files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from archrank.errors import TableError
from archrank.spaces import NASBench201
from archrank.tables import load_table
from archrank.tables.importers import Summary, import_table
from archrank.tables.own import read_table
from tests.tables.importers.files import CELLS

HEAD = "dataset,arch,synflow,synflow_s,nwot,jacov,val_accuracy"
ROWS = [
    f"{data},{cell},{10.5 * i + k},0.{i + 1},{'-inf' if i == 2 else 3.5},"
    f"{-100000000.0 if i == 1 else -30.25},{80 + i + k}"
    for k, data in enumerate(("cifar10", "cifar100"))
    for i, cell in enumerate(CELLS)
]


def imported(path: Path, lines: list[str], head: str = HEAD) -> Summary:
    path.write_text("\n".join([head, *lines]) + "\n")
    return import_table("zero-cost", path, path.parent / "t.parquet", partial=True, force=True)


def test_a_row_per_cell(tmp_path: Path) -> None:
    summary = imported(tmp_path / "zc.csv", ROWS[:5])  # the last cell on CIFAR-10 alone
    assert (summary.rows, summary.space) == (3, "nasbench201")
    assert summary.remarks == ("scores that could not be computed are empty: nwot 1, jacov 2",)
    space = NASBench201()
    table = load_table(summary.out, space)
    rows = table.rows(space.parse(list(CELLS)))
    assert table.column("c10_synflow")[rows].tolist() == [0.0, 10.5, 21.0]
    assert table.column("c100_val_accuracy")[rows].tolist()[:2] == [81.0, 82.0]
    assert np.isnan(table.column("c100_val_accuracy")[rows][2])
    assert np.isnan(table.column("c10_jacov")[rows][1])
    assert np.isnan(table.column("c10_nwot")[rows][2])
    assert table.column("c10_synflow_s")[rows].tolist() == pytest.approx([0.1, 0.2, 0.3])


def test_the_published_sample(data_dir: Path, tmp_path: Path) -> None:
    path = data_dir / "nb201_zc.csv.gz"
    if not path.is_file():
        pytest.skip(f"no {path}")
    summary = import_table("zero_cost", path, tmp_path / "zc.parquet", partial=True)
    assert summary.rows == 1104
    frame = pd.read_csv(path)
    space = NASBench201()
    table = load_table(summary.out, space)
    for data, short in (("cifar10", "c10"), ("cifar100", "c100")):
        part = frame[frame.dataset == data]
        rows = table.rows(space.parse(part["arch"].tolist()))
        assert (rows >= 0).all()
        for name in ("val_accuracy", "synflow", "snip_s", "params"):
            np.testing.assert_array_equal(table.column(f"{short}_{name}")[rows], part[name])
        known = part["jacov"].where(part["jacov"] != -1e8)
        np.testing.assert_array_equal(table.column(f"{short}_jacov")[rows], known)
    counted = space.cost(table.archs)["params"] / 1e6
    np.testing.assert_allclose(table.column("c10_params"), counted, atol=1e-6)


def test_read_as_it_is_one_data_set_is_chosen(data_dir: Path) -> None:
    path = data_dir / "nb201_zc.csv.gz"
    if not path.is_file():
        pytest.skip(f"no {path}")
    with pytest.raises(TableError, match=r"measurements of 2 kinds.*--where dataset=cifar10"):
        load_table(path, NASBench201())
    assert len(load_table(path, NASBench201(), where={"dataset": "cifar100"}).archs) == 1104
    table = read_table(path, target="val_accuracy", where={"dataset": "cifar10"})
    assert (len(table), table.space.name) == (1104, "nasbench201")


def test_known_optima_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from archrank.tables.importers import Published, zero_cost

    optima = zero_cost.PUBLISHED.optima
    monkeypatch.setattr(zero_cost, "PUBLISHED", Published(3, optima=optima))
    remarks = " ".join(imported(tmp_path / "zc.csv", ROWS).remarks)
    assert "the best c10_val_accuracy is 82, published is 91.57" in remarks
    assert "the best c100_val_accuracy is 83, published is 73.26" in remarks
    best = [row.rsplit(",", 1)[0] + f",{91.57 if 'cifar10,' in row else 73.26}" for row in ROWS]
    assert "published is" not in " ".join(imported(tmp_path / "zc.csv", best).remarks)


def test_the_optima_are_those_of_all_cells(data_dir: Path) -> None:
    from archrank.tables.importers import zero_cost

    path = data_dir / "nb201.csv.gz"
    if not path.is_file():
        pytest.skip(f"no {path}")
    frame = pd.read_csv(path)
    best = [frame["c10_val_naslib"].max(), frame["c100_val_naslib"].max()]
    assert [o.best for o in zero_cost.PUBLISHED.optima] == pytest.approx(best)


def test_damaged_files_are_refused_with_row_and_column(tmp_path: Path) -> None:
    path = tmp_path / "zc.csv"

    def message(lines: list[str], head: str = HEAD) -> str:
        with pytest.raises(TableError) as raised:
            imported(path, lines, head)
        return str(raised.value)

    def changed(row: int, column: str, value: str) -> list[str]:
        cells = ROWS[row].split(",")
        cells[HEAD.split(",").index(column)] = value
        return [*ROWS[:row], ",".join(cells), *ROWS[row + 1 :]]

    assert "column 'val_accuracy', row 1 (line 3): nan is no accuracy" in message(
        changed(1, "val_accuracy", "")
    )
    assert "row 4 (line 6): 101 is no accuracy" in message(changed(4, "val_accuracy", "101"))
    text = message(changed(3, "synflow", "high"))
    assert "'synflow'" in text
    assert "row 3 (line 5)" in text
    assert "row 2 (line 4), column 'dataset': 'mnist' is none of" in message(
        changed(2, "dataset", "mnist")
    )
    assert "row 5 (line 7), column 'arch'" in message(changed(5, "arch", "|wrong~0|"))
    assert "row 5 (line 7), column 'arch'" in message(changed(5, "arch", ""))
    assert "row 6 (line 8)" in (twice := message([*ROWS, ROWS[0]]))
    assert "is there already, in row 0 (line 2)" in twice
    assert "has no column val_accuracy" in message(ROWS, HEAD.replace("val_accuracy", "top1"))
    assert "has no column any of flops" in message(
        [",".join(row.split(",")[:2] + row.split(",")[-1:]) for row in ROWS],
        "dataset,arch,val_accuracy",
    )
    numbers = [row.replace("cifar100", "100").replace("cifar10", "10") for row in ROWS]
    assert "column 'dataset' holds numbers, no names; expected: a CSV file" in message(numbers)
    path.write_text("\n".join([HEAD, *ROWS]) + "\n")
    with pytest.raises(TableError, match="holds 3 architectures, the published file 15,625"):
        import_table("zero_cost", path, tmp_path / "t.parquet")
    path.write_bytes(b"\x1f\x8b\x08\x00cut off")
    with pytest.raises(TableError, match="cannot be read as CSV"):
        import_table("zero_cost", path, tmp_path / "t.parquet")
