"""The command that goes on with a study that was made in Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import archrank as ar
from archrank.errors import StorageError
from archrank.runs.folder import repeated
from archrank.runs.settings import SearchSettings


def told(folder: Path, study: Any) -> str:
    """Open a study, and return the command that the error names."""
    study.open()
    with pytest.raises(StorageError, match="made in Python: go on with it there") as raised:
        repeated(folder, SearchSettings())
    return str(raised.value).partition("name its parts: ")[2]


def test_parts_of_archranks_are_filled_in(tmp_path: Path) -> None:
    evaluator = ar.evaluators.Combined(
        ar.evaluators.Training(ar.tasks.Digits()), ar.evaluators.Cost()
    )
    study = ar.Study(
        ar.spaces.NASBench201(),
        evaluator,
        ar.strategies.Random(),
        constraints="macs<=1e6",
        seed=3,
        run=tmp_path / "a",
    )
    assert told(tmp_path / "a", study) == (
        f"archrank search --run {tmp_path / 'a'} --space nasbench201 --task digits --evaluate "
        "training --evaluate cost --metric valid_accuracy:maximize --constraint 'macs<=1000000.0' "
        "--strategy random --seed 3"
    ).replace("1000000.0", "1e+06")


def test_parts_of_users_are_to_be_named(tmp_path: Path) -> None:
    space = ar.spaces.from_choices({"width": [8, 16]}, name="mine")
    evaluator = ar.evaluators.Function(lambda config: 1.0, ["accuracy"])
    study = ar.Study(space, evaluator, run=tmp_path / "b")
    assert told(tmp_path / "b", study) == (
        f"archrank search --run {tmp_path / 'b'} --space FILE.py:NAME --evaluate FILE.py:NAME "
        "--metric accuracy:maximize"
    )
