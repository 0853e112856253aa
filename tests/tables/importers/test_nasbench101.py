from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from archrank.errors import TableError
from archrank.tables.importers import IMPORTERS, Imported, import_table, nasbench101
from archrank.tables.importers.nasbench101_records import cell_string, parse_metrics
from tests.tables.importers import files

RUNS = [  # seconds, train, validation, test
    (1700.5, 1.0, 0.9296875, 0.921875),
    (1800.5, 1.0, 0.9375, 0.9140625),
    (1900.5, 0.75, 0.921875, 0.9296875),
]


def write(path: Path, payloads: Sequence[bytes]) -> Path:
    path.write_bytes(b"".join(map(files.frame, payloads)))
    return path


def read(path: Path, *, partial: bool = True) -> Imported:
    found: Imported = IMPORTERS.get("nasbench101")().read(
        path, partial=partial, progress=lambda done, of: None
    )
    return found


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the space had two cells."""
    published = nasbench101.Published(2, "cells")
    monkeypatch.setattr(nasbench101, "PUBLISHED", published)


def both(epochs: int = 108) -> list[bytes]:
    """Three runs of two cells, mixed."""
    return [
        files.run(cell, [values[0], *(x - k / 8 for x in values[1:])], epochs=epochs)
        for values in RUNS
        for k, cell in enumerate((files.INCEPTION, files.DIRECT))
    ]


@pytest.mark.usefixtures("small")
def test_columns(tmp_path: Path) -> None:
    found = read(write(tmp_path / "nasbench_only108.tfrecord", both()), partial=False)
    assert found.strings == ["100110100001001010101:02001", "1:"]
    assert found.remarks == ()  # parameters and hashes are as published
    assert found.columns["params"].tolist() == [8555530, 882570]
    np.testing.assert_allclose(found.columns["val_e108"], [0.9296875, 0.8046875])
    np.testing.assert_allclose(found.columns["test_e108"], [0.921875, 0.796875])
    np.testing.assert_allclose(found.columns["train_e108"], [2.75 / 3, 2.375 / 3])
    np.testing.assert_allclose(found.columns["train_time_s"], [1800.5, 1800.5])
    for repeat, run in enumerate(RUNS, 1):
        assert found.columns[f"val_e108_r{repeat}"].tolist() == [run[2], run[2] - 1 / 8]
        assert found.columns[f"train_time_s_r{repeat}"].tolist() == [run[0], run[0]]


@pytest.mark.usefixtures("small")
def test_all_schedules(tmp_path: Path) -> None:
    payloads = [p for epochs in (4, 108, 36, 12) for p in both(epochs)]
    found = read(write(tmp_path / "nasbench_full.tfrecord", payloads), partial=False)
    assert [c for c in found.columns if "_r" not in c] == [
        *("train_time_s", "train_e108", "val_e108", "test_e108"),
        *("train_time_e36_s", "train_e36", "val_e36", "test_e36"),
        *("train_time_e12_s", "train_e12", "val_e12", "test_e12"),
        *("train_time_e4_s", "train_e4", "val_e4", "test_e4", "params"),
    ]
    np.testing.assert_allclose(found.columns["val_e4"], [0.9296875, 0.8046875])


def test_other_number_of_cells(tmp_path: Path) -> None:
    path = write(tmp_path / "some.tfrecord", both())
    with pytest.raises(TableError, match=r"2 cells, the published file 423,624.*--partial"):
        read(path, partial=False)
    assert len(read(path).archs) == 2


@pytest.mark.usefixtures("small")
def test_runs_that_are_missing(tmp_path: Path) -> None:
    path = write(tmp_path / "some.tfrecord", both()[:-1])
    text = "1 cells have fewer than 3 runs of 108 epochs, first 043721b9c7fe8c5fad811d47d83132ec"
    with pytest.raises(TableError, match=f"{text} with 2; --partial"):
        read(path, partial=False)
    found = read(path)
    assert found.remarks == (f"{text} with 2",)
    np.testing.assert_allclose(found.columns["val_e108"], [0.9296875, (0.8046875 + 0.8125) / 2])
    np.testing.assert_array_equal(found.columns["val_e108_r3"], [0.921875, np.nan])


@pytest.mark.usefixtures("small")
def test_a_schedule_that_some_cells_lack(tmp_path: Path) -> None:
    short = [files.run(files.INCEPTION, run, epochs=4) for run in RUNS]
    found = read(write(tmp_path / "some.tfrecord", [*both(), *short]))
    np.testing.assert_allclose(found.columns["val_e4"], [0.9296875, np.nan])
    assert "1 cells have fewer than 3 runs of 4 epochs" in found.remarks[0]


def test_what_does_not_fit_together(tmp_path: Path) -> None:
    wrong = (files.DIRECT[0].replace("0", "1"), *files.DIRECT[1:3], 1000)
    found = read(write(tmp_path / "some.tfrecord", [files.run(wrong, run) for run in RUNS]))
    assert found.remarks == (
        "1 cells have another number of parameters than their networks, first 1: with 1000",
        "1 of 1 checked cells have another hash than published, first 1:",
    )


RUN = files.run(files.DIRECT, RUNS[0])
HASH, ADJACENCY, OPERATIONS, PARAMS = files.DIRECT


def record(**changed: object) -> bytes:
    """A payload with one of its five parts replaced."""
    parts: dict[str, object] = dict(
        zip(("hash", "epochs", "adjacency", "operations", "metrics"), json.loads(RUN), strict=True)
    )
    return json.dumps([*(parts | changed).values()]).encode()


def encoded(message: bytes) -> str:
    return base64.b64encode(message).decode()


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"\x0a\x04image", "is not JSON"),
        (b"{}", r"expected \[hash, epochs, adjacency, operations, metrics\], got b'{}'"),
        (record(epochs="108"), "expected"),
        (record(epochs=50), r"has 50 epochs, expected one of \(108, 36, 12, 4\)"),
        (record(hash="xyz"), "has the hash 'xyz', expected hexadecimal digits"),
        (record(hash="000"), "has the hash '000', expected hexadecimal digits"),
        (b"[" * 8000, "is not JSON"),
        (record(operations="output,input"), "has another graph than it had before"),
        (record(hash="00", adjacency="01001"), "2 operations and the adjacency matrix '01001'"),
        (record(hash="00", adjacency="0120"), "2 operations and the adjacency matrix '0120'"),
        (record(hash="00", adjacency="0110"), "has an edge that turns back"),
        (record(hash="00", operations="input,conv5x5"), "has operations 'input,conv5x5'"),
        (record(metrics="?"), "base64|Only base64 data is allowed"),
        (record(metrics=encoded(b"\x09abc")), "field 1 runs 5 bytes past the end"),
        (record(metrics=encoded(files.message([(2, 5)]))), "has 0 evaluations, expected 3"),
        (record(metrics=encoded(files.metrics(5, [1.0, 1.0, 1.5, 1.0]))), "has val 1.5"),
        (record(metrics=encoded(files.metrics(5, [1.0, 1.0, float("nan"), 1]))), "has val nan"),
        (record(metrics=encoded(files.metrics(5, [-1.0, 1.0, 1.0, 1.0]))), "has train_time_s -1"),
        (record(metrics=encoded(files.metrics(5, [1.0, 1.0, 1.0]))), "has no test"),
    ],
)
def test_other_records(payload: bytes, reason: str, tmp_path: Path) -> None:
    path = write(tmp_path / "some.tfrecord", [RUN, payload])
    with pytest.raises(TableError, match=rf"some.tfrecord, record 1 .*{reason}"):
        read(path)


def test_a_fourth_run(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=f"record 3 is run 4 of cell {HASH} with 108 epochs"):
        read(write(tmp_path / "some.tfrecord", [RUN] * 4))


def test_a_cell_outside_the_space(tmp_path: Path) -> None:
    path = write(tmp_path / "some.tfrecord", [record(adjacency="0000")])
    with pytest.raises(TableError, match="has no path from input to output"):
        read(path)


def test_folder(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"is a folder; expected: nasbench_only108.tfrecord"):
        read(tmp_path)


def test_metrics_in_another_order() -> None:
    """Protocol buffers may store fields in any order, with unknown ones between."""
    final = files.message([(9, 7), (5, 0.5), (4, 0.25), (3, 0.75), (2, 10.0)])
    start = files.message([(1, 0.0)])
    message = files.message([(2, 300), (1, start), (8, b"new"), (1, start), (1, final)])
    assert parse_metrics(message) == (300, (10.0, 0.75, 0.25, 0.5))


def test_cells_of_every_size() -> None:
    for v in range(2, 8):
        matrix = np.triu(np.ones((v, v), dtype=int), 1)
        ops = ["input", *["conv1x1-bn-relu"] * (v - 2), "output"]
        text = cell_string("".join(map(str, matrix.ravel())), ",".join(ops))
        assert text == "1" * (v * (v - 1) // 2) + ":" + "1" * (v - 2)


@pytest.mark.parametrize(("test", "told"), [(0.9432, False), (0.9434, False), (0.944, True)])
def test_the_known_optimum_is_checked(
    test: float, told: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The paper's best mean of three runs; one run may be better."""
    optima = nasbench101.PUBLISHED.optima
    monkeypatch.setattr(nasbench101, "PUBLISHED", nasbench101.Published(2, "cells", optima=optima))
    runs = [
        files.run(cell, [1.0, 1.0, 0.9, mean + change])
        for change in (0.02, -0.01, -0.01)
        for cell, mean in ((files.INCEPTION, test), (files.DIRECT, 0.8))
    ]
    source = write(tmp_path / "nasbench_only108.tfrecord", runs)
    remarks = import_table("nasbench101", source, tmp_path / "t.parquet").remarks
    expected = (
        f"the best test_e108 is {test:.6g}, published is 0.9432 (Ying et al. 2019, section 3)"
    )
    assert [remark.startswith(expected) for remark in remarks] == [True] * told
