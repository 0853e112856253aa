"""Messages for mistakes with data of users: frames, data sets, folders of images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from archrank.errors import ArchrankError
from archrank.tasks import Augmentation, from_dataframe, from_datasets, from_image_folder
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


def folder(*classes: str, **settings: Any) -> Callable[[], object]:
    """Make a task of a folder with four pictures of each class, and one damaged file."""

    def mistake() -> object:
        root = Path(f"pictures{len(list(Path().iterdir()))}")
        root.mkdir()
        for shade, name in enumerate(classes):
            (root / name).mkdir(parents=True)
            for i in range(4):
                Image.new("L", (4, 4), 50 * i + shade).save(root / name / f"{i}.png")
        for name in settings.pop("empty", []):
            (root / name).mkdir()
        for name in settings.pop("damaged", []):
            (root / name).write_bytes(b"no image")
        try:
            return from_image_folder(root, **{"size": 4, **settings})
        except ArchrankError as error:
            raise type(error)(str(error).replace(str(root.resolve()), "pictures")) from None

    return mistake


FOLDERS: Cases = {
    "a folder that is missing": lambda: from_image_folder("none", size=4),
    "a number for a folder": lambda: from_image_folder(7, size=4),  # type: ignore[arg-type]
    "one class": folder("cat"),
    "a class without images": folder("cat", "dog", empty=["emu"]),
    "damaged images": folder("cat", "dog", damaged=["cat/1.png", "dog/2.png"]),
    "images for validation missing": folder("train/cat", "train/dog"),
    "classes that differ": folder("train/cat", "train/dog", "valid/cat", "valid/emu"),
    "a size of nothing": folder("cat", "dog", size=0),
    "a size that is a text": folder("cat", "dog", size="4x4"),
    "another way with damaged images": folder("cat", "dog", broken="ignore"),
    "shares that leave nothing": folder("cat", "dog", split=(0.98, 0.01, 0.01)),
    "an augmentation that is none": folder("cat", "dog", augmentation="flip"),
}

CASES: Cases = {**FRAMES, **DATASETS, **FOLDERS}


def test_messages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, update_golden: bool) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ARCHRANK_CACHE", str(tmp_path / "cache"))
    messages = {
        mistake: message_of(make).replace(f"{tmp_path}/", "") for mistake, make in CASES.items()
    }
    compare("users_data", messages, update=update_golden)
