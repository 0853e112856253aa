"""Targets of data frames: classes, or numbers to predict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archrank.checks import quoted
from archrank.errors import DataError, SettingsError
from archrank.tasks.frames.columns import different, kind_of, numbers_of, rows_told, texts_of

if TYPE_CHECKING:
    import pandas as pd

    from archrank.tasks.frames.parts import Part

KINDS = ("classification", "regression")
MOST_NUMBERS = 100  # different whole numbers that are taken for classes without asking


def check_present(targets: Sequence[str], frames: Sequence[Part]) -> None:
    """Refuse targets that are missing from a frame, or have missing values.

    Raises:
        DataError: Names frame, column and rows.
    """
    for part in frames:
        who, frame = part.who, part.frame
        for name in targets:
            if name not in frame.columns:
                raise DataError(
                    f"{who} has no column {name!r} to predict; it has {quoted(list(frame.columns))}"
                )
            missing = frame[name].isna().to_numpy(bool)
            if missing.any():
                raise DataError(
                    f"{who}: column {name!r}, which is to be predicted, has no value in "
                    f"{rows_told(frame[name], missing)}: leave such rows out, "
                    f"df.dropna(subset=[{name!r}])"
                )


def is_classification(targets: Sequence[str], frames: Sequence[Part], kind: str | None) -> bool:
    """Tell whether targets are classes: texts, truth values, categories and whole numbers are.

    Raises:
        DataError: They are whole numbers of so many values that only the user knows, or several
            columns of classes.
        SettingsError: ``kind`` does not exist.
    """
    if kind is not None and kind not in KINDS:
        raise SettingsError(f"kind is {quoted(kind)}, expected one of {', '.join(KINDS)}")
    found = kind
    if found is None:
        from pandas.api.types import infer_dtype

        kinds = {infer_dtype(part.frame[name], skipna=True) for part in frames for name in targets}
        floats = kinds <= {"floating", "mixed-integer-float", "decimal", "integer"}
        found = "regression" if floats and kinds != {"integer"} else "classification"
        if kinds == {"integer"}:
            _refuse_many(targets[0], frames)
    if found == "classification" and len(targets) > 1:
        raise DataError(
            f"target is {quoted(list(targets))}: several columns can be predicted if they are "
            "numbers (kind='regression'), but classes are one column"
        )
    return found == "classification"


def _refuse_many(name: str, frames: Sequence[Part]) -> None:
    count = len(different(*(part.frame[name] for part in frames)))
    if count > MOST_NUMBERS:
        raise DataError(
            f"column {name!r}, which is to be predicted, has {count:,} different whole "
            "numbers: say kind='regression' if they are numbers to predict, "
            "kind='classification' if they are classes"
        )


def class_names(name: str, frames: Sequence[Part], classes: Sequence[str] | None) -> list[str]:
    """Return the names of the classes: those given, or all that occur, in their order.

    Raises:
        DataError: There is one class alone.
        SettingsError: ``classes`` are no names.
    """
    if classes is not None:
        if isinstance(classes, str) or not isinstance(classes, Sequence):
            raise SettingsError(f"classes is {quoted(classes)}, expected a list of names")
        names = [str(each) for each in classes]
        if len(set(names)) < max(2, len(names)):
            raise SettingsError(
                f"classes is {quoted(classes)}, expected two different names or more"
            )
        return names
    for part in frames:
        kind_of(part.frame[name], part.who)  # refuses dates
    names = different(*(part.frame[name] for part in frames))
    if len(names) < 2:
        raise DataError(
            f"column {name!r} has one class alone, {names[0]!r}: there is nothing to tell apart"
        )
    return names


def class_numbers(series: pd.Series[Any], names: Sequence[str], who: str) -> NDArray[np.int64]:
    """Return the class number of each row ``(b,)``.

    Raises:
        DataError: A class is none of the names, or a number is no class.
    """
    if kind_of(series, who) == "number":
        found = numbers_of(series, "number", who)
        odd = np.flatnonzero(found != found.round())
        if len(odd):
            raise DataError(
                f"{who}, row {series.index[odd[0]]}: {found[odd[0]]} is no class; for numbers to "
                "predict, say kind='regression'"
            )
    places = {name: i for i, name in enumerate(names)}
    texts = texts_of(series)
    for row, text in enumerate(texts):
        if text not in places:
            raise DataError(
                f"{who}, row {series.index[row]}: {text!r} is none of the classes "
                f"{quoted(list(names))}"
            )
    return np.array([places[text] for text in texts], dtype=np.int64)


def target_numbers(frame: pd.DataFrame, targets: Sequence[str], who: str) -> NDArray[np.float64]:
    """Return numbers to predict ``(b, targets)``.

    Raises:
        DataError: A value is no finite number.
    """
    return np.column_stack([numbers_of(frame[name], "number", who) for name in targets])
