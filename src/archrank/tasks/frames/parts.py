"""Parts of a data frame: rows to train, validate and test with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archrank.checks import quoted
from archrank.errors import DataError, SettingsError
from archrank.tasks.frames.reading import read_frame
from archrank.tasks.frames.targets import class_numbers
from archrank.tasks.splitting import PARTS, split_rows

if TYPE_CHECKING:
    import pandas as pd

ALIASES = {"val": "valid", "validation": "valid", "training": "train", "testing": "test"}


@dataclass(frozen=True, eq=False)
class Part:
    """Rows of a frame.

    Attributes:
        who: What messages call the frame.
        frame: The rows; its index says where they stood, counted from 0.
        words: For one of the rows, with ``{row}``.
    """

    who: str
    frame: pd.DataFrame
    words: str

    @property
    def rows(self) -> NDArray[np.int64]:
        """Places of the rows in the frame that was passed."""
        return self.frame.index.to_numpy(np.int64)


def names_of(value: Any, setting: str, least: int = 1) -> list[str]:
    """Return the names of columns that a user passed: one, or a list of them.

    Raises:
        SettingsError: It is something else, or too few.
    """
    several = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    if len(several) < least or not all(isinstance(name, str | int) for name in several):
        raise SettingsError(
            f"{setting} is {quoted(value)}, expected the name of a column, or a list"
        )
    names = [str(name) for name in several]
    if len(set(names)) < len(names):
        raise SettingsError(f"{setting} is {quoted(value)}, which names a column twice")
    return names


def read_frames(data: Any, given: Mapping[str, Any]) -> list[Part]:
    """Return the frame that is to be split, or the three parts.

    Raises:
        SettingsError: Both or neither are given, or a part is missing.
        DataError: A frame cannot be read.
    """
    missing = [part for part, frame in given.items() if frame is None]
    if (data is None) == (len(missing) == len(given)):
        raise SettingsError(
            "from_dataframe takes a data frame, which is split, or train, valid and test; got "
            + ("neither" if data is None else "both")
        )
    if data is not None:
        frame, who = read_frame(data, "the data")
        return [Part(who, frame, f"row {{row}} of {who}")]
    if missing:
        raise SettingsError(
            f"from_dataframe lacks {' and '.join(missing)}: give train, valid and test; or one "
            "frame, which is split"
        )
    parts = []
    for part, each in given.items():
        frame, who = read_frame(each, part)
        parts.append(Part(who, frame, f"row {{row}} of {who}"))
    for other in parts[1:]:
        _check_same(parts[0], other)
    return parts


def _check_same(first: Part, other: Part) -> None:
    lacking = [name for name in first.frame.columns if name not in other.frame.columns]
    if lacking:
        raise DataError(
            f"{other.who} lacks the column {', '.join(map(repr, lacking))}, which {first.who} has"
        )


def check_names(frames: Sequence[Part], listed: Mapping[str, Sequence[str]]) -> None:
    """Refuse names of columns that no frame has; ``target`` is checked with its values.

    Raises:
        SettingsError: Names setting and column.
    """
    known = list(frames[0].frame.columns)
    for setting, names in listed.items():
        for name in names:
            if name not in known and setting != "target":
                raise SettingsError(
                    f"{setting} names the column {name!r}, but {frames[0].who} has {quoted(known)}"
                )
            if setting != "target" and name in listed["target"]:
                raise SettingsError(f"{setting} names the column {name!r}, which is the target")


def split_frame(
    whole: Part, target: str, classes: list[str] | None, split: Sequence[float] | str, seed: int
) -> list[Part]:
    """Return the three parts of a frame.

    Args:
        whole: All rows.
        target: Column of the classes, of which each part gets the same share.
        classes: Their names; ``None``: numbers are predicted.
        split: Shares, or the column that says the part.
        seed: Seed of the draw.

    Raises:
        DataError: A row says another part, or a part has no rows.
        SettingsError: The shares are none.
    """
    if isinstance(split, str):
        rows = _said(whole, split)
    else:
        labels = None
        if classes is not None:
            labels = class_numbers(whole.frame[target], classes, whole.who)
        rows = split_rows(len(whole.frame), split, seed, labels)
    return [
        Part(whole.who, whole.frame.iloc[part], f"{whole.words} (in {name})")
        for name, part in zip(PARTS, rows, strict=True)
    ]


def _said(whole: Part, column: str) -> tuple[NDArray[np.int64], ...]:
    """Return the rows of each part, as a column says."""
    values = [str(value).strip().lower() for value in whole.frame[column].tolist()]
    found = np.array([ALIASES.get(value, value) for value in values])
    odd = np.flatnonzero(~np.isin(found, PARTS))
    if len(odd):
        raise DataError(
            f"{whole.who}, row {odd[0]}: column {column!r} says "
            f"{quoted(whole.frame[column].iloc[odd[0]])}, expected one of {', '.join(PARTS)}"
        )
    for part in PARTS:
        if part not in found:
            raise DataError(f"{whole.who}: column {column!r} says {part!r} in no row")
    return tuple(np.flatnonzero(found == part) for part in PARTS)
