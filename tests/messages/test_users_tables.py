"""Messages for mistakes with tables of users: ``read_table``, and rankers on data frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import archrank as ar
from tests.messages.golden import Cases, compare, message_of

FRAME = pd.DataFrame(
    {
        "depth": [1, 2, 3, 1],
        "width": [8, 8, 16, 16],
        "act": ["relu", "silu", "relu", "silu"],
        "accuracy": [0.5, 0.6, 0.7, 0.8],
    }
)
CHOICES = ["depth", "width", "act"]

read: Any = ar.read_table


def with_cells(column: str, *values: Any) -> pd.DataFrame:
    return FRAME.assign(**{column: list(values)})


def ranker() -> Any:
    table = read(FRAME, CHOICES, "accuracy")
    return ar.rankers.GaussianProcess(table.space).fit(table.archs, table.scores)


CASES: Cases = {
    "a file that is missing": lambda: read("measured.csv", CHOICES, "accuracy"),
    "a file of another kind": lambda: read("measured.xlsx", CHOICES, "accuracy"),
    "an empty file": lambda: read("empty.csv", CHOICES, "accuracy"),
    "a list of lists": lambda: read([[1, 2]], CHOICES, "accuracy"),
    "no rows": lambda: read(FRAME[:0], CHOICES, "accuracy"),
    "no choices": lambda: read(FRAME, target="accuracy"),
    "choices as text": lambda: read(FRAME, "depth", "accuracy"),
    "a choice that is no column": lambda: read(FRAME, ["depth", "widht"], "accuracy"),
    "a choice that is a number": lambda: read(FRAME, ["depth", 3], "accuracy"),
    "a choice twice": lambda: read(FRAME, ["depth", "depth"], "accuracy"),
    "a choice with empty cells": lambda: read(
        with_cells("act", None, "silu", None, "relu"), CHOICES, "accuracy"
    ),
    "no target": lambda: read(FRAME, CHOICES),
    "a target that is a number": lambda: read(FRAME, CHOICES, 3),
    "a target that is no column": lambda: read(FRAME, CHOICES, "acc"),
    "a target among the choices": lambda: read(FRAME, [*CHOICES, "accuracy"], "accuracy"),
    "a target of texts": lambda: read(FRAME, ["depth", "width"], "act"),
    "a text among numbers": lambda: read(with_cells("accuracy", 1, 2, "?", 3), CHOICES, "accuracy"),
    "a target without values": lambda: read(FRAME.assign(accuracy=None), CHOICES, "accuracy"),
    "a target of unknown direction": lambda: read(FRAME.assign(pixel3=1), CHOICES, "pixel3"),
    "a direction that is none": lambda: read(FRAME, CHOICES, "accuracy:up"),
    "an architecture twice": lambda: read(pd.concat([FRAME, FRAME]), CHOICES, "accuracy"),
    "a space that is a name": lambda: read(FRAME, target="accuracy", space="nasbench201"),
    "a space of other decisions": lambda: read(
        FRAME, CHOICES, "accuracy", space=ar.spaces.NASBench201()
    ),
    "a space and no column of architectures": lambda: read(
        FRAME, target="accuracy", space=ar.spaces.NASBench201()
    ),
    "rows of a column that is none": lambda: read(FRAME, CHOICES, "accuracy", where={"gpu": "a"}),
    "candidates fewer than one": lambda: read(FRAME, CHOICES, "accuracy").unmeasured(-1),
    "a ranker on too few columns": lambda: ranker().predict(FRAME[["depth"]]),
    "a ranker on an unknown option": lambda: ranker().predict(FRAME.assign(depth=9)),
}


def test_messages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, update_golden: bool) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty.csv").write_text("")
    messages = {mistake: message_of(make) for mistake, make in CASES.items()}
    compare("users_tables", messages, update=update_golden)
