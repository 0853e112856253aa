from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from archrank.errors import StorageError, TableError, UnknownNameError
from archrank.evaluators import Table
from archrank.spaces import NASBench201
from archrank.tables import load_table
from archrank.tables.importers import (
    IMPORTERS,
    Imported,
    Importer,
    Optimum,
    Published,
    import_table,
    nasbench101,
)
from tests.tables.importers import files
from tests.tables.importers.test_nasbench101 import both, write


class Made(Importer):
    """Imports three made-up cells."""

    expects = "anything"
    values = (91.61, 90.0, 89.5)
    rows = (0, 1, 2)
    published: Published | None = None

    def read(self, path: Path, **options: object) -> Imported:
        space = NASBench201()
        archs = space.enumerate()[list(self.rows)]
        columns = {"c10_val": np.array(self.values)}
        return Imported(space, archs, space.format(archs), columns, self.published)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> type[Made]:
    """An importer registered as ``made``; the current folder is empty but for ``file``."""
    kind = type("Copy", (Made,), {})
    monkeypatch.setattr(IMPORTERS, "get", lambda name: kind)
    monkeypatch.chdir(tmp_path)
    Path("file.txt").touch()
    return kind


def test_round_trip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nasbench101, "PUBLISHED", Published(2, "cells"))
    source = write(tmp_path / "nasbench_only108.tfrecord", both())
    summary = import_table("nasbench101", source, tmp_path / "deep" / "table.parquet")
    assert (summary.rows, summary.space, summary.remarks) == (2, "nasbench101", ())
    assert summary.bytes == summary.out.stat().st_size
    assert [p.name for p in summary.out.parent.iterdir()] == ["table.parquet"]

    space = nasbench101.NASBench101()
    table = load_table(summary.out, space)
    assert table.metrics == summary.columns
    assert table.directions["train_time_s_r1"] == table.directions["params"] == "minimize"
    assert table.directions["val_e108"] == "maximize"
    evaluator = Table(summary.out).bind(space, seed=0)
    archs = space.parse(["1:", "100110100001001010101:02001"])
    found = evaluator.evaluate(archs)
    np.testing.assert_array_equal(found["test_e108"], [0.796875, 0.921875])
    np.testing.assert_array_equal(found["val_e108_r2"], [0.8125, 0.9375])
    np.testing.assert_array_equal(found["params"], [882570, 8555530])


def test_nats_bench_round_trip(tmp_path: Path) -> None:
    folder = files.nats_folder(tmp_path / "NATS-tss")
    summary = import_table("nats_bench", folder, tmp_path / "t.parquet", partial=True)
    space = NASBench201()
    table = load_table(summary.out, space)
    assert table.rows(space.parse(list(files.CELLS))).tolist() == [0, 1, 2]
    for data in ("c10", "c100", "in16"):
        for cost in ("latency_ms", "params_m", "flops_m", "train_time_s"):
            assert table.directions[f"{data}_{cost}"] == "minimize"
    assert table.directions["c10_val_s777"] == "maximize"


def test_named_after_the_file(made: type[Made], tmp_path: Path) -> None:
    assert import_table("made", "file.txt").out == Path("file.parquet")
    Path("ENAS.json").symlink_to("file.txt")  # what is typed counts, as of a cache of blobs
    assert import_table("made", "ENAS.json").out == Path("ENAS.parquet")
    Path(".hidden.pickle").touch()
    assert import_table("made", ".hidden.pickle").out == Path("hidden.parquet")
    Path("deep").mkdir()
    os.chdir("deep")
    assert import_table("made", "..").out == Path(f"{tmp_path.name}.parquet")
    assert import_table("made", ".").out == Path("deep.parquet")


def test_best_values(made: type[Made]) -> None:
    optima = (Optimum("c10_val", 91.61, 0.01, "a paper"), Optimum("gone", 1.0, 0.1, "a paper"))
    made.published = Published(3, optima=optima[:1])
    assert import_table("made", "file.txt").remarks == ()
    made.values = (92.0, 1.0, 2.0)
    (remark,) = import_table("made", "file.txt", force=True).remarks
    assert remark.startswith("the best c10_val is 92, published is 91.61 (a paper)")
    made.published = Published(4, optima=optima[:1])  # a part has another best
    assert import_table("made", "file.txt", force=True).remarks == ()
    made.published = Published(3, optima=optima[1:])
    assert "best gone is nan" in import_table("made", "file.txt", force=True).remarks[0]


def test_repeated_architecture(made: type[Made]) -> None:
    made.rows = (5, 7, 5)
    with pytest.raises(TableError, match="occurs twice, as number 0 and 2"):
        import_table("made", "file.txt")
    assert os.listdir() == ["file.txt"]


def test_existing_table(made: type[Made]) -> None:
    Path("t.parquet").write_text("mine")
    with pytest.raises(StorageError, match=r"t.parquet exists; use --force"):
        import_table("made", "file.txt", "t.parquet")
    assert Path("t.parquet").read_text() == "mine"
    assert import_table("made", "file.txt", "t.parquet", force=True).rows == 3
    assert len(pd.read_parquet("t.parquet")) == 3


def test_places_that_cannot_be_written(made: type[Made]) -> None:
    with pytest.raises(StorageError, match=r"use --out t\.parquet"):
        import_table("made", "file.txt", "t.csv")
    for folder in ("", ".", "/"):
        with pytest.raises(
            StorageError, match=r"is a folder; name a file with --out FILE\.parquet"
        ):
            import_table("made", "file.txt", folder)
    Path("d.parquet").mkdir()
    with pytest.raises(StorageError, match="is a folder"):
        import_table("made", "file.txt", "d.parquet", force=True)
    with pytest.raises(StorageError, match="cannot write to"):
        import_table("made", "file.txt", "file.txt/t.parquet")


def test_missing_file_and_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TableError, match="gone: there is no such file"):
        import_table("nds", "gone")
    with pytest.raises(TableError, match=r"^x{40}\.\.\.x{40}: File name too long$"):
        import_table("nds", "x" * 300, "t.parquet")
    with pytest.raises(TableError, match="there is no such file"):
        import_table("nds", "zero\0byte", "t.parquet")
    with pytest.raises(UnknownNameError, match=r"importer 'nasbench-102', did you mean"):
        import_table("nasbench-102", "gone")
    assert not os.listdir()


@pytest.mark.parametrize("stop", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_stopped_while_writing(
    made: type[Made], stop: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("t.parquet").write_text("mine")

    def cut(table: object, file: BinaryIO, **options: object) -> None:
        file.write(b"half")
        raise stop

    monkeypatch.setattr(pq, "write_table", cut)
    expected = KeyboardInterrupt if stop is KeyboardInterrupt else StorageError
    with pytest.raises(expected):
        import_table("made", "file.txt", "t.parquet", force=True)
    assert sorted(os.listdir()) == ["file.txt", "t.parquet"]
    assert Path("t.parquet").read_text() == "mine"
