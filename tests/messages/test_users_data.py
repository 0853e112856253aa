"""Messages for mistakes with data of users: frames, data sets, folders of images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from archrank.tasks import Augmentation, from_dataframe, from_datasets
from tests.messages.golden import Cases, compare, message_of

FRAME = pd.DataFrame(
    {
        "mass": [float(i) for i in range(30)],
        "island": ["Biscoe", "Dream", "Torgersen"] * 10,
        "species": ["Adelie", "Gentoo"] * 15,
    }
)


def frame(column: str, row: int, value: Any) -> pd.DataFrame:
    changed = FRAME.copy()
    changed[column] = changed[column].astype(object)
    changed.loc[row, column] = value
    return changed


FRAMES: Cases = {
    "neither frame nor parts": lambda: from_dataframe(target="species"),
    "a part that is missing": lambda: from_dataframe(train=FRAME, target="species"),
    "a list of lists": lambda: from_dataframe([[1, 2]], target="species"),
    "a file that is missing": lambda: from_dataframe("penguins.csv", target="species"),
    "a file of another kind": lambda: from_dataframe("penguins.xlsx", target="species"),
    "a target that is no column": lambda: from_dataframe(FRAME, target="specie"),
    "a target without a value": lambda: from_dataframe(frame("species", 4, None), target="species"),
    "a value that is missing": lambda: from_dataframe(frame("mass", 4, None), target="species"),
    "an infinite number": lambda: from_dataframe(frame("mass", 4, 1e400), target="species"),
    "a text among numbers": lambda: from_dataframe(frame("mass", 4, "?"), target="species"),
    "dates": lambda: from_dataframe(FRAME.assign(day=pd.Timestamp(0)), target="species"),
    "a column without values": lambda: from_dataframe(FRAME.assign(note=None), target="species"),
    "whole numbers that may be either": lambda: from_dataframe(
        pd.DataFrame({"x": range(300), "y": range(300)}), target="y"
    ),
    "floats for classes": lambda: from_dataframe(
        FRAME.assign(y=FRAME["mass"] / 2), target="y", kind="classification"
    ),
    "texts for numbers": lambda: from_dataframe(FRAME, target="species", kind="regression"),
    "a class that is not listed": lambda: from_dataframe(
        FRAME, target="species", classes=["Adelie", "Chinstrap"]
    ),
    "a column to leave out that is none": lambda: from_dataframe(
        FRAME, target="species", leave_out=["id"]
    ),
    "a column of parts that says others": lambda: from_dataframe(
        FRAME, target="species", split="island"
    ),
    "no columns": lambda: from_dataframe(FRAME[["species"]], target="species"),
}

ITEMS = [([i, i + 1, i + 2], i % 2) for i in range(20)]

DATASETS: Cases = {
    "an iterator": lambda: from_datasets(zip(range(9), range(9), strict=True), ITEMS),
    "a number": lambda: from_datasets(ITEMS, 7),
    "no items": lambda: from_datasets(ITEMS, []),
    "items without targets": lambda: from_datasets([1, 2, 3], ITEMS),
    "dictionaries without targets": lambda: from_datasets([{"x": 1, "z": 2}] * 9, ITEMS),
    "texts for tokens": lambda: from_datasets([("one two", 1)] * 9, ITEMS),
    "sequences of two lengths": lambda: from_datasets(ITEMS, [([1, 2], 0)] * 4),
    "images of two sizes": lambda: from_datasets([([[0.5]], 0)] * 4, [([[0.5], [0.1]], 1)] * 4),
    "a padding that is none": lambda: from_datasets(ITEMS, ITEMS, padding="<pad>"),
    "padding of numbers": lambda: from_datasets(
        [([0.5], i % 2) for i in range(9)], [([0.5], 1)] * 4, padding=0
    ),
    "augmentation of tokens": lambda: from_datasets(
        ITEMS, ITEMS, augmentation=Augmentation(flip=True)
    ),
    "one held-out item": lambda: from_datasets(ITEMS, ITEMS[:1]),
}

CASES: Cases = {**FRAMES, **DATASETS}


def test_messages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, update_golden: bool) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ARCHRANK_CACHE", str(tmp_path / "cache"))
    messages = {mistake: message_of(make) for mistake, make in CASES.items()}
    compare("users_data", messages, update=update_golden)
