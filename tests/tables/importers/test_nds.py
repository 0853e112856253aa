from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archrank.errors import TableError
from archrank.tables.importers import IMPORTERS, Imported
from archrank.tables.importers.nds import space_of
from tests.tables.importers import files


def read(path: Path, *, partial: bool = True) -> Imported:
    found: Imported = IMPORTERS.get("nds")().read(path, partial=partial, progress=lambda *at: None)
    return found


def write(path: Path, jobs: Any) -> Path:
    path.write_text(json.dumps(jobs))
    return path


@pytest.mark.parametrize("split", [False, True])
def test_columns(split: bool, tmp_path: Path) -> None:
    jobs = [files.nds_job(k) for k in range(3)]
    held = {"top": jobs[:1], "mid": jobs[1:]} if split else jobs
    found = read(write(tmp_path / "DARTS_fix-w-d.json", held))
    assert found.space.name == "nds_darts_fixwd"
    np.testing.assert_allclose(found.columns["best_accuracy"], [95, 94, 93])
    np.testing.assert_allclose(found.columns["final_accuracy"], [94.5, 93.5, 92.5])
    assert found.columns["params"].tolist() == [1e6, 1e6 + 1, 1e6 + 2]
    np.testing.assert_array_equal(found.space.parse(found.strings), found.archs)
    assert found.remarks == ()


def test_equal_networks_become_one_row(tmp_path: Path) -> None:
    other = files.nds_job(0, shift=2)
    pairs = other["net"]["genotype"]["normal"]
    pairs[0], pairs[1] = pairs[1], pairs[0]  # the sum of a node, in another order
    jobs = [files.nds_job(0), files.nds_job(1), other]
    found = read(write(tmp_path / "DARTS.json", jobs))
    np.testing.assert_allclose(found.columns["best_accuracy"], [94, 94])
    assert "3 jobs are 2 different networks" in found.remarks[0]


def test_other_number_of_jobs(tmp_path: Path) -> None:
    path = write(tmp_path / "DARTS.json", [files.nds_job(0)])
    with pytest.raises(TableError, match=r"1 jobs, the published file 5,000.*--partial"):
        read(path, partial=False)


@pytest.mark.parametrize(
    ("name", "space"),
    [
        ("DARTS.json", "nds_darts"),
        ("darts_fix-w-d.json", "nds_darts_fixwd"),
        ("PNAS_in.json", "nds_pnas_in"),
        ("NASNet.json", "nds_nasnet"),
        ("Amoeba.json", "nds_amoeba"),
        ("ENAS.json", "nds_enas"),
    ],
)
def test_names(name: str, space: str) -> None:
    assert space_of(Path("some", name)).name == space


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("mine.json", "the space is taken from .*DARTS.json"),
        ("DARTS_lr-wd.json", "learning rate and weight decay"),
        ("DARTS_lr-wd_in.json", "learning rate and weight decay"),
        ("ResNet.json", "rename it as published"),
    ],
)
def test_other_names(name: str, reason: str) -> None:
    with pytest.raises(TableError, match=f"{name}: .*{reason}"):
        space_of(Path(name))


def test_damage(tmp_path: Path) -> None:
    path = write(tmp_path / "DARTS.json", [files.nds_job(0), files.nds_job(1)])
    whole = path.read_text()
    for cut in (0, 1, 50, len(whole) // 2, len(whole) - 1):
        path.write_text(whole[:cut])
        with pytest.raises(TableError, match=r"DARTS\.json: cannot be read as JSON"):
            read(path)
    jobs = json.loads(whole)
    del jobs[1]["min_test_top1"]
    with pytest.raises(TableError, match="job 1: no 'min_test_top1'"):
        read(write(path, jobs))


def test_folder(tmp_path: Path) -> None:
    folder = tmp_path / "DARTS.json"
    folder.mkdir()
    for path in (folder, tmp_path):  # whatever its name is
        with pytest.raises(TableError, match=r"is a folder; expected: DARTS\.json"):
            read(path)
