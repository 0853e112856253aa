from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from archrank.errors import BudgetError, DataError, UnknownNameError
from archrank.reproduce import Plan, engine, reproduce
from archrank.reproduce.bench import NB201, SUPERNET, load_bench
from tests.reproduce.conftest import ROWS


def test_columns_are_in_the_order_of_the_first_table(tables: Path) -> None:
    bench = load_bench((NB201, SUPERNET), ("c10_val",), tables)
    assert len(bench) == ROWS
    assert np.corrcoef(bench["c10_val"], bench["oneshot_acc"])[0, 1] > 0.5
    assert (bench.rows_of(bench.archs[[5, 3]]) == [5, 3]).all()
    assert (bench.macs > 0).all()


def test_more_columns_are_read_if_all_are_there(tables: Path, tmp_path: Path) -> None:
    import pandas as pd

    more = ("in16_val", "in16_test")
    frame = pd.read_csv(tables / NB201)
    for have in (0, 1, 2):
        for name in more[:have]:
            frame[name] = np.linspace(10, 47, len(frame))
        frame.to_csv(tmp_path / NB201, index=False)
        bench = load_bench((NB201,), ("c10_val",), tmp_path, more=more)
        assert set(bench.columns) == {"c10_val", *(more if have == 2 else ())}


def test_imagenet16_is_searched_where_the_table_has_it(
    tables: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pandas as pd

    monkeypatch.setattr(engine, "Plan", partial(Plan, epochs=1))

    frame = pd.read_csv(tables / NB201)
    for split in ("val", "test"):
        frame[f"in16_{split}"] = 0.6 * frame[f"c100_{split}"]
    frame.to_csv(tmp_path / NB201, index=False)
    report = reproduce("blog-transfer", data=tmp_path, quick=True, seeds=1)
    assert any(row.what.startswith("in16 zero-shot") for row in report.rows)


def test_no_folder_says_how_to_name_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARCHRANK_DATA", raising=False)
    with pytest.raises(DataError, match="--data or the environment variable ARCHRANK_DATA"):
        load_bench((NB201,), ("c10_val",))


def test_folders_that_do_not_exist_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no folder .*nowhere"):
        load_bench((NB201,), ("c10_val",), tmp_path / "nowhere")


def test_missing_files_say_what_they_are(tables: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no nb201\.csv\.gz in .*15,625 cells"):
        load_bench((NB201,), ("c10_val",), tmp_path)
    shutil.copy(tables / NB201, tmp_path)
    with pytest.raises(DataError, match=r"no nb201_supernet\.csv\.gz in .*weight-sharing"):
        reproduce("surgery-a3", data=tmp_path)


def test_tables_that_do_not_cover_each_other(tables: Path, tmp_path: Path) -> None:
    import pandas as pd

    shutil.copy(tables / NB201, tmp_path)
    pd.read_csv(tables / SUPERNET).iloc[7:].to_csv(tmp_path / SUPERNET, index=False)
    with pytest.raises(DataError, match="lacks 7 of the 480 architectures"):
        load_bench((NB201, SUPERNET), ("c10_val",), tmp_path)


def test_what_cannot_be_asked_for(tables: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"did you mean .*'surgery-fig4'"):
        reproduce("surgery-fig44", data=tables)
    with pytest.raises(BudgetError, match="seeds must be at least 1, got 0"):
        reproduce("surgery-fig4", data=tables, seeds=0)
